// Waiting for the cluster: until something is so, or until nobody else writes at the same time.
import type { Clock } from '../clock/clock.ts';
import { startDeadline } from '../clock/deadline.ts';
import { isApiError } from './errors.ts';

/**
 * Asks at once and then every `intervalMs`; true as soon as the condition holds, false when `timeoutMs` are over.
 * What the condition throws ends the wait, and so does the signal, with its reason.
 */
export async function pollImmediate(
  clock: Clock,
  intervalMs: number,
  timeoutMs: number,
  condition: (signal: AbortSignal) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  using deadline = startDeadline(clock, timeoutMs, signal);
  try {
    while (!(await condition(deadline.signal))) await clock.sleep(intervalMs, deadline.signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.exceeded) return false;
    throw error;
  }
}

/** Delays that grow: `delayMs`, then `factor` times the last, each longer by up to its `jitter` part. */
export interface Backoff {
  /** Tries in all. */
  readonly steps: number;
  readonly delayMs: number;
  readonly factor: number;
  /** 0.1 = up to 10 % longer. */
  readonly jitter: number;
  /** In [0, 1); default Math.random. */
  readonly random?: () => number;
}

/** Several writers on one object, each with short turns. */
export const DEFAULT_RETRY: Backoff = { steps: 5, delayMs: 10, factor: 1, jitter: 0.1 };
/** Writers that keep the object busy for longer. */
export const DEFAULT_BACKOFF: Backoff = { steps: 4, delayMs: 10, factor: 5, jitter: 0.1 };

/**
 * Runs the operation again after a `conflict`. It must read and decide anew each time: the same body would overwrite
 * what the other writer did. Throws the last conflict when the steps are used up, and anything else at once.
 */
export async function retryOnConflict<T>(
  clock: Clock,
  operation: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  backoff: Backoff = DEFAULT_RETRY,
): Promise<T> {
  const random = backoff.random ?? Math.random;
  let delayMs = backoff.delayMs;
  for (let step = 1; ; step++) {
    try {
      return await operation(signal);
    } catch (error) {
      if (!isApiError(error, 'conflict') || step >= backoff.steps) throw error;
    }
    await clock.sleep(delayMs * (1 + backoff.jitter * random()), signal);
    delayMs *= backoff.factor;
  }
}
