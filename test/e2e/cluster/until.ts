// Waiting in end-to-end tests: for a condition, with a limit, never for a fixed time.
import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** Default 20 s. */
  readonly limitMs?: number;
  /** Default 50 ms between two looks. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks until `look` gives something else than `false`, `null` or `undefined`, and returns that. What `look` throws
 * counts as "not yet"; after the limit the error says what was waited for and the last reason.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  options: UntilOptions = {},
): Promise<T> {
  const { limitMs = 20_000, everyMs = 50, signal } = options;
  const start = performance.now();
  let reason: unknown = null;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const found = await look();
      if (found !== false && found !== null && found !== undefined) return found;
      reason = null;
    } catch (error) {
      reason = error;
    }
    if (performance.now() - start > limitMs) {
      const last = reason instanceof Error ? `: ${reason.message}` : '';
      throw new Error(`waited ${limitMs} ms in vain for ${what}${last}`, { cause: reason });
    }
    await pause(everyMs, undefined, signal === undefined ? {} : { signal });
  }
}
