// From what the server answered, or why it did not, to an ApiError of the right kind.
import type { Clock } from '../clock/clock.ts';
import { parseHttpDate } from '../clock/time-format.ts';
import type { KubeStatus } from './client.ts';
import { ApiError, type ApiErrorKind } from './errors.ts';
import { fieldsOf, isFields, itemsOf, numberOf, textOf } from './fields.ts';

export interface Refusal {
  readonly code: number;
  readonly retryAfter: string | null;
  readonly body: Buffer;
  /** The call was a JSON Patch with a `test` operation. */
  readonly tested: boolean;
}

/** A body that is no Status is quoted up to here. */
const QUOTE_CHARS_MAX = 200;

export function refusalError(attempt: string, refusal: Refusal, clock: Clock): ApiError {
  const text = refusal.body.toString('utf8');
  const status = parseStatus(text);
  return new ApiError(attempt, {
    kind: kindOf(refusal, status),
    code: refusal.code,
    status,
    retryAfterMs: retryAfterMs(refusal.retryAfter, status, clock),
    detail: `${refusal.code} ${text.slice(0, QUOTE_CHARS_MAX).trim()}`.trim(),
  });
}

/** No answer, half an answer or one that makes no sense: always `transient`. */
export function brokenError(attempt: string, cause: unknown, detail?: string): ApiError {
  return new ApiError(attempt, {
    kind: 'transient',
    code: 0,
    status: null,
    retryAfterMs: null,
    detail: detail ?? describe(cause),
    cause,
  });
}

/** A call that could only do harm, refused before it is sent. */
export function invalidCall(attempt: string, detail: string): ApiError {
  return new ApiError(attempt, {
    kind: 'invalid',
    code: 0,
    status: null,
    retryAfterMs: null,
    detail,
  });
}

/** `metav1.Status` from parsed JSON: the object of an ERROR event, or the body of an answer. */
export function statusOf(value: unknown): KubeStatus | null {
  if (!isFields(value) || value['kind'] !== 'Status') return null;
  const details = fieldsOf(value['details']);
  return {
    code: numberOf(value['code']) ?? 0,
    reason: textOf(value['reason']) ?? '',
    message: textOf(value['message']) ?? '',
    retryAfterSeconds: numberOf(details['retryAfterSeconds']),
    causes: itemsOf(details['causes']).map((item) => {
      const cause = fieldsOf(item);
      return {
        reason: textOf(cause['reason']) ?? '',
        field: textOf(cause['field']) ?? '',
        message: textOf(cause['message']) ?? '',
      };
    }),
  };
}

function kindOf({ code, tested }: Refusal, status: KubeStatus | null): ApiErrorKind {
  if (status?.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')) return 'expired';
  if (code === 401) return 'unauthorized';
  if (code === 403) return 'forbidden';
  if (code === 404) return 'not-found';
  if (code === 409) return status?.reason === 'AlreadyExists' ? 'already-exists' : 'conflict';
  if (code === 410) return 'expired';
  if (code === 422 && tested && status !== null && !saysWhatIsInvalid(status)) return 'conflict';
  if (code === 429) return 'too-many-requests';
  if (code === 408 || code >= 500) return 'transient';
  return 'invalid';
}

/**
 * A JSON Patch that cannot be applied (a failed `test`, a path that is gone) and an object that fails validation are
 * both 422 Invalid. Only the latter names its causes.
 */
function saysWhatIsInvalid(status: KubeStatus): boolean {
  return status.causes.length > 0;
}

function parseStatus(text: string): KubeStatus | null {
  try {
    return statusOf(JSON.parse(text));
  } catch {
    return null; // gateways and the server's own 404 answer in plain text
  }
}

function retryAfterMs(
  header: string | null,
  status: KubeStatus | null,
  clock: Clock,
): number | null {
  if (header !== null && /^\d+$/.test(header)) return Number(header) * 1000;
  const date = header === null ? null : parseHttpDate(header);
  if (date !== null) return Math.max(0, date - clock.now());
  return status?.retryAfterSeconds === undefined || status.retryAfterSeconds === null
    ? null
    : status.retryAfterSeconds * 1000;
}

/** The innermost message: what undici wraps says more than the wrapping. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const first = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  return first instanceof Error ? describe(first) : cause.message || cause.name;
}
