// What went wrong with a list or a watch, in the few kinds that the reflector tells apart.
import type { KubeStatus } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';

export type FailureKind =
  | 'expired' // the resourceVersion or continue token is too old (410)
  | 'too-large' // the server has not reached this resourceVersion, and may never
  | 'not-found' // the kind is not served
  | 'forbidden'
  | 'throttled'
  | 'refused' // the call itself is wrong for this server; the same call fails again
  | 'unreachable' // no answer came
  | 'other';

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** The server's own wish for a pause; null = none. */
  readonly retryAfterMs: number | null;
}

/** 4xx that say "not this way" rather than "not now". */
const REFUSALS: readonly number[] = [400, 405, 406, 415, 422];

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!isApiError(error)) return { kind: 'other', message, retryAfterMs: null };
  const { retryAfterMs } = error;
  if (error.status !== null && isTooLarge(error.status)) {
    return { kind: 'too-large', message, retryAfterMs: null };
  }
  switch (error.kind) {
    case 'expired':
      return { kind: 'expired', message, retryAfterMs: null };
    case 'not-found':
      return { kind: 'not-found', message, retryAfterMs };
    case 'forbidden':
      return { kind: 'forbidden', message, retryAfterMs };
    case 'too-many-requests':
      return { kind: 'throttled', message, retryAfterMs };
    case 'invalid':
      return { kind: 'refused', message, retryAfterMs };
    case 'transient':
      return { kind: transientKind(error.code), message, retryAfterMs };
    case 'unauthorized':
    case 'conflict':
    case 'already-exists':
      return { kind: 'other', message, retryAfterMs };
  }
}

/** The failure that an `ERROR` event carries: the server sends most of its refusals of a watch as HTTP 200 and this. */
export function failureOfStatus(status: KubeStatus): Failure {
  const { code, reason, retryAfterSeconds } = status;
  const message = `watch: ${status.message === '' ? `${reason} (${code})` : status.message}`;
  const retryAfterMs = retryAfterSeconds === null ? null : retryAfterSeconds * 1000;
  if (isTooLarge(status)) return { kind: 'too-large', message, retryAfterMs: null };
  if (code === 410 || reason === 'Expired' || reason === 'Gone') {
    return { kind: 'expired', message, retryAfterMs: null };
  }
  if (code === 429) return { kind: 'throttled', message, retryAfterMs };
  if (code === 403) return { kind: 'forbidden', message, retryAfterMs };
  if (REFUSALS.includes(code)) return { kind: 'refused', message, retryAfterMs };
  return { kind: 'other', message, retryAfterMs };
}

function transientKind(code: number): FailureKind {
  if (code === 0) return 'unreachable';
  return REFUSALS.includes(code) ? 'refused' : 'other';
}

function isTooLarge(status: KubeStatus): boolean {
  return (
    status.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge') ||
    status.message.includes('Too large resource version')
  );
}
