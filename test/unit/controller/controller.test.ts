// What the workers promise: whatever a reconcile does, the key is looked at again as it should be and the worker goes on.
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/clock/clock.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import {
  type ControllerOptions,
  type Result,
  type RunReport,
  runController,
} from '../../../src/controller/controller.ts';
import { WorkQueue } from '../../../src/controller/work-queue.ts';
import { createLog } from '../../../src/recorder/log.ts';

class Told extends Error {
  readonly retry: 'now' | 'backoff' | 'never';
  readonly retryAfterMs: number | null;
  constructor(retry: 'now' | 'backoff' | 'never', retryAfterMs: number | null = null) {
    super(`told ${retry}`);
    this.retry = retry;
    this.retryAfterMs = retryAfterMs;
  }
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly reconcile?: string;
}

function start(
  reconcile: ControllerOptions['reconcile'],
  options: Partial<ControllerOptions> = {},
) {
  const clock = new VirtualClock();
  const queue = options.queue ?? new WorkQueue({ clock });
  const stop = new AbortController();
  const reports: RunReport[] = [];
  const lines: Line[] = [];
  const log = createLog({ clock, level: 'debug', write: (line) => lines.push(JSON.parse(line)) });
  let ids = 0;
  const ended = runController(
    {
      name: 'canary',
      queue,
      workers: 1,
      reconcile,
      clock,
      deadlineMs: 30_000,
      observer: { ended: (report) => reports.push(report) },
      log,
      newId: () => `run-${++ids}`,
      ...options,
    },
    stop.signal,
  );
  return { clock, queue, stop, reports, lines, ended };
}

/** Answers in order, the last one for ever. */
function answers(...results: (Result | Error)[]) {
  const runs: string[] = [];
  const reconcile = async (key: string): Promise<Result> => {
    const result = results[Math.min(runs.length, results.length - 1)];
    runs.push(key);
    if (result === undefined || result instanceof Error) throw result;
    return result;
  };
  return { runs, reconcile };
}

const DONE: Result = { kind: 'done' };

describe('after a run', () => {
  test('that is done nothing happens until the key is added again', async () => {
    const { runs, reconcile } = answers(DONE);
    const { clock, queue, reports } = start(reconcile);
    queue.add('a');
    await clock.advance(3_600_000);
    expect(runs).toEqual(['a']);
    expect(reports).toMatchObject([{ result: 'success', terminal: false, unforeseen: false }]);
  });

  test('that asks for it the key is looked at after the delay, with a clean backoff', async () => {
    const { runs, reconcile } = answers(
      { kind: 'retry', error: new Told('backoff') },
      { kind: 'after', delayMs: 60_000 },
      DONE,
    );
    const { clock, queue, reports } = start(reconcile);
    queue.add('a');
    await clock.advance(59_999);
    expect(runs).toHaveLength(2);
    expect(queue.numRequeues('a')).toBe(0);
    await clock.advance(10);
    expect(runs).toHaveLength(3);
    expect(reports.map(({ result }) => result)).toEqual(['error', 'requeue_after', 'success']);
  });

  test('that failed it is repeated with a growing delay', async () => {
    const { runs, reconcile } = answers(new Told('backoff'));
    const { clock, queue } = start(reconcile);
    queue.add('a');
    await clock.advance(5 + 10 + 20);
    expect(runs).toHaveLength(4);
    await clock.advance(39);
    expect(runs).toHaveLength(4);
    await clock.advance(1);
    expect(runs).toHaveLength(5);
  });

  test('that failed for good it is counted and left until something changes', async () => {
    const { runs, reconcile } = answers(new Told('never'), DONE);
    const { clock, queue, reports } = start(reconcile);
    queue.add('a');
    await clock.advance(3_600_000);
    expect(runs).toHaveLength(1);
    expect(reports).toMatchObject([{ result: 'error', terminal: true, unforeseen: false }]);
    queue.add('a');
    await clock.advance(0);
    expect(runs).toHaveLength(2);
  });

  test('that a busy server refused it waits as long as the server asked', async () => {
    const { runs, reconcile } = answers(new Told('backoff', 8000), DONE);
    const { clock, queue } = start(reconcile);
    queue.add('a');
    await clock.advance(7999);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });

  test('that asks for a pause after its failure it gets no other one sooner', async () => {
    const lost: Result = { kind: 'retry', error: new Told('backoff'), atLeastMs: 500 };
    const { runs, reconcile } = answers(lost, DONE);
    const { clock, queue } = start(reconcile);
    queue.add('a');
    await clock.advance(499);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });

  test('that met another writer it is repeated soon and not called an error', async () => {
    const { runs, reconcile } = answers(new Told('now'), DONE);
    const { clock, queue, reports, lines } = start(reconcile);
    queue.add('a');
    await clock.advance(5);
    expect(runs).toHaveLength(2);
    expect(reports.map(({ result }) => result)).toEqual(['requeue', 'success']);
    expect(lines.map(({ level }) => level)).toEqual(['debug']);
  });

  test('that failed on first sight it does not overtake keys not seen yet', async () => {
    const order: string[] = [];
    const { clock, queue } = start(async (key) => {
      order.push(key);
      await clock.after(10);
      if (key === 'bad' && order.length === 1) throw new Told('backoff');
      return DONE;
    });
    for (const key of ['bad', 'b', 'c']) queue.add(key, 'initial');
    await clock.advance(100);
    expect(order).toEqual(['bad', 'b', 'c', 'bad']);
  });
});

describe('a worker survives', () => {
  test.each([
    ['a throw', () => Promise.reject(new TypeError('boom'))],
    [
      'a synchronous throw',
      () => {
        throw new TypeError('boom');
      },
    ],
    ['a throw of nothing', () => Promise.reject(undefined)],
    ['a delay that is no number', () => Promise.resolve({ kind: 'after', delayMs: NaN } as Result)],
  ])('%s, counts it as unforeseen and looks again', async (_, misbehave) => {
    let runs = 0;
    const { clock, queue, reports, lines } = start((key) => {
      if (key === 'a' && runs++ === 0) return misbehave();
      return Promise.resolve(DONE);
    });
    queue.add('a');
    queue.add('b');
    await clock.advance(5);
    expect(reports.map(({ unforeseen }) => unforeseen)).toEqual([true, false, false]);
    expect(lines).toMatchObject([
      { level: 'error', message: 'reconcile failed unexpectedly', reconcile: 'run-1' },
    ]);
  });

  test('an observer that throws', async () => {
    let reported = 0;
    const { runs, reconcile } = answers(DONE);
    const { clock, queue } = start(reconcile, {
      observer: {
        ended: () => {
          if (reported++ === 0) throw new Error('observer');
        },
      },
    });
    queue.add('a');
    await clock.advance(5);
    expect(runs).toEqual(['a', 'a']);
  });
});

describe('the deadline', () => {
  test('ends the signal of its own run only, and the key is tried again', async () => {
    let runs = 0;
    const { clock, queue, reports } = start(async (_key, signal) => {
      if (runs++ > 0) return DONE;
      await clock.sleep(120_000, signal);
      return DONE;
    });
    queue.add('a');
    await clock.advance(30_005);
    expect(runs).toBe(2);
    expect(reports).toMatchObject([
      { result: 'error', timedOut: true, unforeseen: false, tookMs: 30_000 },
      { result: 'success', timedOut: false },
    ]);
  });

  test('does not start a key twice when a run ignores it', async () => {
    let runs = 0;
    const { clock, queue } = start(async () => {
      runs += 1;
      await clock.after(300_000);
      return DONE;
    });
    queue.add('a');
    await clock.advance(1);
    queue.add('a');
    await clock.advance(200_000);
    expect(runs).toBe(1);
    expect(queue.running().longestMs).toBeGreaterThan(150_000);
  });
});

describe('several workers', () => {
  test('never work on one key at once, and on different keys they do', async () => {
    const held = new Set<string>();
    let most = 0;
    const { clock, queue } = start(
      async (key, signal) => {
        expect(held.has(key)).toBe(false);
        held.add(key);
        most = Math.max(most, held.size);
        await clock.sleep(100, signal);
        held.delete(key);
        return DONE;
      },
      { workers: 3 },
    );
    for (let round = 0; round < 10; round++) {
      for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
      await clock.advance(30);
    }
    expect(most).toBe(3);
  });
});

describe('stopping', () => {
  test('a shut-down queue lets each worker finish what it holds', async () => {
    let finished = false;
    const { clock, queue, ended } = start(async (_key, signal) => {
      await clock.sleep(1000, signal);
      finished = true;
      return { kind: 'after', delayMs: 10 };
    });
    queue.add('a');
    await clock.advance(1);
    queue.shutDown();
    await clock.advance(1000);
    await ended;
    expect(finished).toBe(true);
    expect(clock.armed).toBe(0);
  });

  test('an ended signal calls runs off, and that is no failure', async () => {
    const { clock, queue, stop, ended, reports, lines } = start(async (_key, signal) => {
      await clock.sleep(1000, signal);
      return DONE;
    });
    queue.add('a');
    await clock.advance(1);
    stop.abort(new Error('lease lost'));
    await ended;
    expect(reports).toMatchObject([{ result: 'success', unforeseen: false }]);
    expect(lines).toEqual([]);
    expect(clock.armed).toBe(0);
  });
});

test.each([1, 3])(
  'keys that wait for nothing let the event loop turn, with %d workers',
  async (workers) => {
    const still = new VirtualClock();
    let busyMs = 0;
    /** How long the loop had been held at each turn. */
    const heldMs: number[] = [];
    let turnMs = 0;
    let turns = 0;
    let turnsMost = 0;
    const clock: Clock = {
      now: () => still.now(),
      monotonicMs: () => still.monotonicMs() + busyMs,
      since: (startMs) => still.monotonicMs() + busyMs - startMs,
      sleep: (delayMs, signal) => still.sleep(delayMs, signal),
      after: (delayMs) => {
        turnsMost = Math.max(turnsMost, ++turns);
        return still.after(delayMs).then((now) => {
          turns -= 1;
          heldMs.push(busyMs - turnMs);
          turnMs = busyMs;
          return now;
        });
      },
      newTimer: (delayMs, fire) => still.newTimer(delayMs, fire),
      newTicker: (periodMs, fire) => still.newTicker(periodMs, fire),
    };
    let runs = 0;
    const queue = new WorkQueue({ clock });
    const reconcile = async () => {
      runs += 1;
      busyMs += 2;
      return DONE;
    };
    start(reconcile, { clock, queue, workers });
    for (let i = 0; i < 30; i++) queue.add(`key-${i}`);
    await still.advance(0);
    expect(runs).toBe(30);
    // Beyond its 5 ms a stretch lasts until each worker has finished what it has begun.
    expect(Math.max(...heldMs)).toBeLessThanOrEqual(6 + 2 * workers);
    expect(heldMs.length).toBeGreaterThanOrEqual(Math.floor(60 / (6 + 2 * workers)));
    // Node runs all promise jobs between two timers, so two turns at once would be none.
    expect(turnsMost).toBe(1);
  },
);

test('a controller needs at least one worker', async () => {
  await expect(start(async () => DONE, { workers: 0 }).ended).rejects.toThrow(RangeError);
});
