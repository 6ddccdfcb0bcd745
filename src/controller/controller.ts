// The workers between queue and reconcile: one key each at a time, and nothing that a reconcile does can stop them.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock/clock.ts';
import { startDeadline } from '../clock/deadline.ts';
import type { Log } from '../recorder/log.ts';
import type { Priority, Work } from './work.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a reconcile leaves for its key. */
export type Result =
  | { readonly kind: 'done' }
  /** Look again after so many milliseconds; at least 1 passes, so that no key can keep the loop to itself. */
  | { readonly kind: 'after'; readonly delayMs: number }
  /** Try again with backoff, and not sooner than asked. */
  | { readonly kind: 'retry'; readonly error: unknown; readonly atLeastMs?: number };

/** One run of a reconcile, for its log lines. */
export interface Run {
  /** Unique; in every line of this run. */
  readonly id: string;
  /** Carries `key` and `reconcile` (the id). */
  readonly log: Log;
}

/** The result label of `controller_runtime_reconcile_total`. */
export type RunResult = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface RunReport {
  readonly result: RunResult;
  readonly tookMs: number;
  /** Not put back into the queue: the same run would fail again until something changes. */
  readonly terminal: boolean;
  /** An error that nobody foresaw: a mistake in the code. */
  readonly unforeseen: boolean;
  /** The deadline passed. */
  readonly timedOut: boolean;
}

export interface ControllerObserver {
  /** Called once, with the number of workers. */
  attached?(workers: number): void;
  started?(): void;
  ended?(report: RunReport): void;
}

export interface ControllerOptions {
  /** For logs and metrics. */
  readonly name: string;
  readonly queue: WorkQueue;
  /** How many keys are worked on at once; at least 1. */
  readonly workers: number;
  /** The signal ends with the deadline or when the controller is stopped; its reason may be thrown. */
  reconcile(key: string, signal: AbortSignal, run: Run): Promise<Result>;
  readonly clock: Clock;
  /** Longest time for one run. */
  readonly deadlineMs: number;
  readonly observer?: ControllerObserver;
  readonly log: Log;
  /** Default: a random UUID. */
  readonly newId?: () => string;
}

/** Workers that have run this long together without letting the event loop turn let it. */
const STRETCH_MS = 5;

/**
 * One for all workers, and all wait for the same turn: Node drains promise jobs between two timers, so with a turn for
 * each the loop would be held for as many stretches as there are workers.
 */
class Stretch {
  readonly #clock: Clock;
  #startMs: number;
  #turn: Promise<void> | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  begin(): void {
    this.#startMs = this.#clock.monotonicMs();
  }

  get over(): boolean {
    return this.#clock.since(this.#startMs) >= STRETCH_MS;
  }

  letTheLoopTurn(): Promise<void> {
    this.#turn ??= this.#clock.after(0).then(() => {
      this.#turn = null;
      this.begin();
    });
    return this.#turn;
  }
}

/**
 * Works until the queue is shut down (each worker finishes what it holds) or the signal ends (runs are called off too);
 * resolves when the last worker has gone. A run that ignores its signal keeps its worker and its key: to start the same
 * key a second time would be worse; `queue.running()` shows it.
 */
export async function runController(
  options: ControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { workers, observer } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`not a count: ${workers}`);
  observer?.attached?.(workers);
  const stretch = new Stretch(options.clock);
  await Promise.all(Array.from({ length: workers }, () => serve(options, stretch, signal)));
}

async function serve(
  options: ControllerOptions,
  stretch: Stretch,
  signal: AbortSignal,
): Promise<void> {
  const { queue } = options;
  for (;;) {
    const idle = queue.length === 0;
    const work = await next(queue, signal);
    if (work === null) return;
    if (idle) stretch.begin();
    try {
      await runOnce(options, work, signal);
    } catch (error) {
      // Not the reconcile, whose errors are values by now, but what surrounds it; the key must not be lost for that.
      options.log.error({ controller: options.name, key: work.key, error }, 'worker failed');
      queue.addRateLimited(work.key, retryPriority(work.priority));
    } finally {
      queue.done(work.key);
    }
    // A reconcile that waits for nothing only ever runs promise jobs; probes, timers and the lease need a turn too.
    if (stretch.over && !signal.aborted) await stretch.letTheLoopTurn();
  }
}

/** The next key, or null when there will be none. */
async function next(queue: WorkQueue, signal: AbortSignal): Promise<Work | null> {
  try {
    return await queue.get(signal);
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

type Outcome =
  | Exclude<Result, { kind: 'retry' }>
  | {
      readonly kind: 'failed';
      readonly error: unknown;
      readonly atLeastMs: number;
      readonly thrown: boolean;
    };

type Failure = Extract<Outcome, { kind: 'failed' }>;

/** What a run was and how it went, for the requeue. */
interface Attempt {
  readonly queue: WorkQueue;
  readonly work: Work;
  readonly log: Log;
  readonly timedOut: boolean;
}

async function runOnce(options: ControllerOptions, work: Work, signal: AbortSignal): Promise<void> {
  const { queue, clock, deadlineMs, observer } = options;
  const id = options.newId?.() ?? randomUUID();
  const log = options.log.child({ controller: options.name, key: work.key, reconcile: id });
  const startMs = clock.monotonicMs();
  observer?.started?.();
  using deadline = startDeadline(clock, deadlineMs, signal);
  const outcome = await settle(() => options.reconcile(work.key, deadline.signal, { id, log }));
  const tookMs = clock.since(startMs);
  const timedOut = deadline.exceeded;
  if (timedOut) log.warn({ deadlineMs, tookMs }, 'reconcile exceeded its deadline');
  // Called off by a stop: neither a failure nor anybody's to repeat here.
  const calledOff = signal.aborted && outcome.kind === 'failed';
  const judged = calledOff ? SETTLED : requeue({ queue, work, log, timedOut }, outcome);
  observer?.ended?.({ ...judged, tookMs, timedOut });
}

async function settle(reconcile: () => Promise<Result>): Promise<Outcome> {
  try {
    const result = await reconcile();
    if (result.kind === 'retry') {
      const { error, atLeastMs = 0 } = result;
      return { kind: 'failed', error, atLeastMs, thrown: false };
    }
    if (result.kind === 'after' && !Number.isFinite(result.delayMs)) {
      throw new RangeError(`not a delay: ${result.delayMs}`);
    }
    return result;
  } catch (error) {
    return { kind: 'failed', error, atLeastMs: 0, thrown: true };
  }
}

type Judged = Pick<RunReport, 'result' | 'terminal' | 'unforeseen'>;

const SETTLED: Judged = { result: 'success', terminal: false, unforeseen: false };

function requeue(attempt: Attempt, outcome: Outcome): Judged {
  const { queue, work } = attempt;
  switch (outcome.kind) {
    case 'done':
      queue.forget(work.key);
      return SETTLED;
    case 'after':
      queue.forget(work.key);
      queue.addAfter(work.key, Math.max(1, outcome.delayMs), 'requeue');
      return { ...SETTLED, result: 'requeue_after' };
    case 'failed':
      return requeueFailed(attempt, outcome);
  }
}

function requeueFailed(attempt: Attempt, failure: Failure): Judged {
  const { queue, work, log } = attempt;
  const { error } = failure;
  const expected = isExpected(error);
  if (expected && error.retry === 'never') {
    queue.forget(work.key);
    log.error({ error }, 'reconcile failed and waits for a change');
    return { result: 'error', terminal: true, unforeseen: false };
  }
  const atLeastMs = Math.max(failure.atLeastMs, expected ? (error.retryAfterMs ?? 0) : 0);
  queue.addRateLimited(work.key, retryPriority(work.priority), atLeastMs);
  const failures = queue.numRequeues(work.key);
  if (expected && error.retry === 'now') {
    log.debug({ error, failures }, 'reconcile will be repeated');
    return { result: 'requeue', terminal: false, unforeseen: false };
  }
  const unforeseen = failure.thrown && !expected && !attempt.timedOut;
  if (unforeseen) log.error({ error, failures }, 'reconcile failed unexpectedly');
  else log.warn({ error, failures }, 'reconcile failed');
  return { result: 'error', terminal: false, unforeseen };
}

/** A key that fails while everything is seen for the first time shall not overtake those not seen yet. */
function retryPriority(priority: Priority): Priority {
  return priority === 'initial' ? 'initial' : 'requeue';
}

interface ExpectedError {
  readonly retry: 'now' | 'backoff' | 'never';
  /** How long a server asked us to wait. */
  readonly retryAfterMs?: number | null;
}

/** Our errors say what to do about them; anything else is a surprise. */
function isExpected(error: unknown): error is ExpectedError {
  if (typeof error !== 'object' || error === null || !('retry' in error)) return false;
  return error.retry === 'now' || error.retry === 'backoff' || error.retry === 'never';
}
