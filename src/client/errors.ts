// Errors of the cluster by kind: what a caller may do about them is in `retry`, never guessed from text.
import type { KubeStatus } from './client.ts';

export type ApiErrorKind =
  | 'not-found'
  | 'conflict' // somebody else wrote first: read again and decide again (409 Conflict, 422 from a failed `test`)
  | 'already-exists'
  | 'invalid' // the object or the call is wrong; the same call fails again
  | 'forbidden'
  | 'unauthorized'
  | 'expired' // 410: the resourceVersion or continue token is too old
  | 'too-many-requests'
  | 'transient'; // network, timeout, 5xx

export type Retry = 'now' | 'backoff' | 'never';

const RETRY: Readonly<Record<ApiErrorKind, Retry>> = {
  'not-found': 'never',
  conflict: 'now',
  'already-exists': 'now',
  invalid: 'never',
  forbidden: 'backoff',
  unauthorized: 'backoff',
  expired: 'now',
  'too-many-requests': 'backoff',
  transient: 'backoff',
};

export interface ApiErrorFields {
  readonly kind: ApiErrorKind;
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  readonly status: KubeStatus | null;
  readonly retryAfterMs: number | null;
  /** Said in the message where the server sent no status. Default: the kind. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** A call to the API server that did not do what was asked. */
export class ApiError extends Error {
  readonly kind: ApiErrorKind;
  readonly code: number;
  readonly status: KubeStatus | null;
  readonly retryAfterMs: number | null;

  /** `attempt`: what was tried on which object, lower case: `get deployments shop/web`. */
  constructor(attempt: string, fields: ApiErrorFields) {
    super(`${attempt}: ${fields.status?.message ?? fields.detail ?? fields.kind}`, {
      cause: fields.cause,
    });
    this.name = 'ApiError';
    this.kind = fields.kind;
    this.code = fields.code;
    this.status = fields.status;
    this.retryAfterMs = fields.retryAfterMs;
  }

  get reason(): string {
    return this.status?.reason ?? '';
  }

  get retry(): Retry {
    return RETRY[this.kind];
  }
}

export function isApiError(error: unknown, ...kinds: ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind));
}
