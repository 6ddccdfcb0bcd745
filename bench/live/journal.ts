// What the status of one Canary said over time, as somebody saw it who looked all the time.
import { setTimeout as pause } from 'node:timers/promises';
import type { CanaryStatus } from '../../src/api/canary.ts';
import { type Place, statusOf } from '../../test/e2e/node/walk.ts';

const LOOK_EVERY_MS = 100;

export interface Entry {
  /** Since 1970, when it was seen. */
  readonly atMs: number;
  readonly phase: string;
  readonly weight: number;
  readonly failedChecks: number;
}

export type Journal = readonly Entry[];

export interface Watching extends AsyncDisposable {
  readonly entries: Journal;
}

/** Looks until it is disposed of; looks in vain (an API server that is away, a Canary that is gone) leave no entry. */
export function watchStatus(on: Place, tell: (entry: Entry) => void): Watching {
  const entries: Entry[] = [];
  const ending = new AbortController();
  const note = (status: CanaryStatus): void => {
    const { phase, canaryWeight: weight, failedChecks } = status;
    const entry = { atMs: Date.now(), phase, weight, failedChecks };
    const last = entries.at(-1);
    if (last?.phase === phase && last.weight === weight && last.failedChecks === failedChecks)
      return;
    entries.push(entry);
    tell(entry);
  };
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await statusOf(on).then(note, () => undefined);
      await pause(LOOK_EVERY_MS);
    }
  })();
  return {
    entries,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await looking;
    },
  };
}

/** When a phase was seen first at or after `fromMs`; null: never. */
export function whenPhase(journal: Journal, phase: string, fromMs = 0): number | null {
  return journal.find((entry) => entry.phase === phase && entry.atMs >= fromMs)?.atMs ?? null;
}

/** When the canary first had a weight; null: never. */
export function whenWeighted(journal: Journal): number | null {
  return journal.find(({ weight }) => weight > 0)?.atMs ?? null;
}
