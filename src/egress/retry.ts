// Retries whose waits are slept on the Clock: an outcome is a value, and its judge says whether and when to try again.
import pRetry from 'p-retry';
import type { Clock } from '../clock/clock.ts';

export interface RetryOptions<T> {
  readonly clock: Clock;
  /** Further tries after the first. */
  readonly retriesMax: number;
  /** Milliseconds until the next try after the `tries`-th came to `outcome`; null = that outcome stands. */
  delayMs(outcome: T, tries: number): number | null;
}

class TryAgain<T> extends Error {
  readonly outcome: T;
  readonly delayMs: number;

  constructor(outcome: T, delayMs: number) {
    super('try again');
    this.outcome = outcome;
    this.delayMs = delayMs;
  }
}

/** The first outcome that stands, or the last one. What `attempt` throws is thrown at once; so is the signal's reason. */
export async function retryOnClock<T>(
  attempt: () => Promise<T>,
  options: RetryOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const once = async (tries: number): Promise<T> => {
    const outcome = await attempt();
    const delayMs = options.delayMs(outcome, tries);
    if (delayMs !== null) throw new TryAgain(outcome, delayMs);
    return outcome;
  };
  try {
    return await pRetry(once, {
      retries: options.retriesMax,
      minTimeout: 0,
      randomize: false,
      signal,
      shouldRetry: ({ error }) => error instanceof TryAgain,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!(error instanceof TryAgain) || retriesLeft <= 0) return;
        await options.clock.sleep(error.delayMs, signal);
      },
    });
  } catch (error) {
    if (error instanceof TryAgain) return error.outcome as T;
    throw error;
  }
}
