// Calls a hook: one POST with Flagger's payload and meaning of success, tried again as Flagger would.
import type { WebhookSpec } from '../api/canary.ts';
import type { Clock } from '../clock/clock.ts';
import type { EgressAnswer, EgressFailure } from '../egress/call.ts';
import type { Egress } from '../egress/egress.ts';
import { retryOnClock } from '../egress/retry.ts';
import type { HookPayload } from './payload.ts';

export interface HookParts {
  readonly clock: Clock;
  readonly egress: Egress;
}

export interface HookRequest {
  readonly hook: Pick<WebhookSpec, 'name' | 'url' | 'timeoutMs' | 'retries' | 'disableTLS'>;
  readonly payload: HookPayload;
}

export interface HookOutcome {
  /** Answered 200, 201 or 202. */
  readonly ok: boolean;
  /** HTTP status of the last try; null when none came. */
  readonly status: number | null;
  /** For conditions and Events: hook, host, status and length, no byte of the answer. */
  readonly message: string;
}

/** Throws nothing but the signal's reason. Takes at most (retries + 1) timeouts and the waits between them. */
export type HookCaller = (request: HookRequest, signal: AbortSignal) => Promise<HookOutcome>;

/** Flagger's bound: 203 and above is a no. */
const STATUS_OK_MAX = 202;
const BODY_BYTES_MAX = 64 * 1024;
/** Waits between tries double from the first to the second. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 30_000;

export function createHookCaller({ clock, egress }: HookParts): HookCaller {
  return async ({ hook, payload }, signal) => {
    const call = {
      method: 'POST' as const,
      url: hook.url,
      headers: { 'content-type': ['application/json'] },
      body: JSON.stringify(payload),
      bodyBytesMax: BODY_BYTES_MAX,
      // The status is the answer. A long output of a test behind it changes nothing, but it must arrive unbroken.
      overflow: 'cut' as const,
      deadlineMs: hook.timeoutMs,
      insecureSkipVerify: hook.disableTLS,
      ca: null,
      // A POST on a connection that went stale would be a no that nobody said.
      reuse: false,
    };
    const result = await retryOnClock(
      () => egress.call(call, signal),
      { clock, retriesMax: hook.retries, delayMs: retryDelay },
      signal,
    );
    return outcomeOf(hook.name, result);
  };
}

/** As Flagger's client: no connection, no answer in time, 429 and 5xx but 501 are tried again. */
function retryDelay(result: EgressAnswer | EgressFailure, tries: number): number | null {
  const backoff = Math.min(RETRY_MS * 2 ** (tries - 1), RETRY_MS_MAX);
  if (result.kind === 'failure') {
    return result.failure === 'Unreachable' || result.failure === 'Timeout' ? backoff : null;
  }
  const { status, retryAfterMs } = result;
  if (status !== 429 && (status < 500 || status === 501)) return null;
  return Math.min(retryAfterMs ?? backoff, RETRY_MS_MAX);
}

function outcomeOf(name: string, result: EgressAnswer | EgressFailure): HookOutcome {
  if (result.kind === 'failure') {
    return { ok: false, status: result.status, message: `hook ${name}: ${result.message}` };
  }
  const { status, body, cut } = result;
  const message = `hook ${name} answered ${status} (${body.length}${cut ? '+' : ''} bytes)`;
  return { ok: status <= STATUS_OK_MAX, status, message };
}
