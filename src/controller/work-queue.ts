// The queue of keys that want a look: each key at most once, at most one worker per key, delays on a Clock.
import type { Clock, Timer } from '../clock/clock.ts';
import { KeyedHeap } from './keyed-heap.ts';
import {
  higher,
  PRIORITIES,
  type Priority,
  type RunningWork,
  type Work,
  type WorkQueueObserver,
} from './work.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** First delay of a failing key; doubles with each failure. Default 5 ms. */
  readonly baseDelayMs?: number;
  /** Longest delay of a failing key. Default 1000 s. */
  readonly maxDelayMs?: number;
  /** Spreads retries; called with the delay in ms, gives another. Default: no change. */
  readonly jitter?: (delayMs: number) => number;
  readonly observer?: WorkQueueObserver;
}

interface Ready extends Work {
  readonly order: number;
  readonly sinceMs: number;
}

interface Delayed extends Work {
  readonly dueMs: number;
  readonly order: number;
}

interface Waiter {
  readonly resolve: (work: Work | null) => void;
}

/**
 * A key is ready, held by a worker, or neither; and apart from that it may have one delayed entry. Memory is bounded by
 * the number of keys. Once shut down it takes and gives nothing more: keys are a hint to look, not work that could be
 * lost, and the next start lists everything again.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #jitter: (delayMs: number) => number;
  readonly #observer: WorkQueueObserver;
  readonly #ready = new KeyedHeap<Ready>(moreUrgent);
  readonly #delayed = new KeyedHeap<Delayed>(sooner);
  /** Held keys, and since when. */
  readonly #held = new Map<string, number>();
  /** Keys that were added while held; ready again once they are done. */
  readonly #again = new Map<string, Ready>();
  readonly #failures = new Map<string, number>();
  readonly #depths: Record<Priority, number> = { user: 0, requeue: 0, initial: 0 };
  readonly #waiters = new Set<Waiter>();
  readonly #drains = new Set<() => void>();
  #timer: Timer | null = null;
  #orders = 0;
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
    this.#jitter = options.jitter ?? ((delayMs) => delayMs);
    this.#observer = options.observer ?? {};
    this.#observer.attached?.(() => this.running());
  }

  /** Keys that are ready for a worker. */
  get length(): number {
    return this.#ready.size;
  }

  /** Keys with a delayed entry. */
  get delayed(): number {
    return this.#delayed.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How long the keys that are held now have been held; a stuck worker shows here. */
  running(): RunningWork {
    let unfinishedMs = 0;
    let longestMs = 0;
    for (const sinceMs of this.#held.values()) {
      const heldMs = this.#clock.since(sinceMs);
      unfinishedMs += heldMs;
      longestMs = Math.max(longestMs, heldMs);
    }
    return { unfinishedMs, longestMs };
  }

  /** Makes the key ready; on a duplicate the higher priority stays. A delayed entry of the key stays too. */
  add(key: string, priority: Priority = 'user'): void {
    if (this.#closed) return;
    if (this.#held.has(key)) {
      const again = this.#again.get(key);
      if (again === undefined) this.#observer.added?.();
      this.#again.set(key, this.#merge(again, key, priority));
      return;
    }
    const before = this.#ready.get(key);
    const entry = this.#merge(before, key, priority);
    if (before === entry) return;
    if (before === undefined) this.#observer.added?.();
    else this.#count(before.priority, -1);
    this.#push(entry);
  }

  /** Makes the key ready after `delayMs` (a finite number); of two delayed entries the earlier wins. */
  addAfter(key: string, delayMs: number, priority: Priority = 'requeue'): void {
    if (!Number.isFinite(delayMs)) throw new RangeError(`not a delay: ${delayMs}`);
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key, priority);
      return;
    }
    const before = this.#delayed.get(key);
    const dueMs = this.#clock.monotonicMs() + delayMs;
    this.#delayed.set({
      key,
      priority: before === undefined ? priority : higher(before.priority, priority),
      dueMs: before === undefined ? dueMs : Math.min(before.dueMs, dueMs),
      order: before?.order ?? this.#orders++,
    });
    this.#arm();
  }

  /**
   * Makes the key ready after its backoff, which doubles each time until `forget`; `atLeastMs` is what a server asked
   * for, and is cut to the longest delay.
   */
  addRateLimited(key: string, priority: Priority = 'requeue', atLeastMs = 0): void {
    if (this.#closed) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#observer.retried?.();
    const backoffMs = this.#jitter(Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs));
    this.addAfter(key, Math.max(backoffMs, Math.min(atLeastMs, this.#maxDelayMs)), priority);
  }

  /** Ends the key's backoff; entries that wait for it stay. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often the key was put off since the last `forget`. */
  numRequeues(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The most urgent ready key, as soon as there is one; null once shut down. Rejects with the signal's reason. */
  get(signal: AbortSignal): Promise<Work | null> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.resolve(null);
    const { promise, resolve, reject } = Promise.withResolvers<Work | null>();
    const leave = () => {
      this.#waiters.delete(waiter);
      reject(signal.reason);
    };
    const waiter: Waiter = {
      resolve: (work) => {
        signal.removeEventListener('abort', leave);
        resolve(work);
      },
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiters.add(waiter);
    this.#dispatch();
    return promise;
  }

  /** Gives a key back; if it was added meanwhile it is ready again. A key that nobody holds is a mistake. */
  done(key: string): void {
    const sinceMs = this.#held.get(key);
    if (sinceMs === undefined) throw new Error(`key ${JSON.stringify(key)} is not held`);
    this.#held.delete(key);
    this.#observer.finished?.(this.#clock.since(sinceMs));
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined && !this.#closed) this.#push(again);
    if (this.#held.size === 0) this.#finishDrains();
  }

  /** Drops what is ready or delayed, sends waiting workers home, and ignores every later add. */
  shutDown(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.stop();
    this.#ready.clear();
    this.#delayed.clear();
    this.#again.clear();
    this.#failures.clear();
    for (const priority of PRIORITIES) this.#count(priority, -this.#depths[priority]);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.resolve(null);
  }

  /** Resolves once no worker holds a key; meant for after `shutDown`. Rejects with the signal's reason. */
  drained(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#held.size === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#drains.delete(finish);
      reject(signal.reason);
    };
    const finish = () => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#drains.add(finish);
    return promise;
  }

  #merge(before: Ready | undefined, key: string, priority: Priority): Ready {
    if (before === undefined) {
      return { key, priority, order: this.#orders++, sinceMs: this.#clock.monotonicMs() };
    }
    const kept = higher(before.priority, priority);
    return kept === before.priority ? before : { ...before, priority: kept };
  }

  #push(entry: Ready): void {
    this.#ready.set(entry);
    this.#count(entry.priority, 1);
    this.#dispatch();
  }

  #dispatch(): void {
    for (const waiter of this.#waiters) {
      const entry = this.#ready.takeFirst();
      if (entry === undefined) return;
      this.#waiters.delete(waiter);
      this.#count(entry.priority, -1);
      this.#held.set(entry.key, this.#clock.monotonicMs());
      this.#observer.taken?.(this.#clock.since(entry.sinceMs));
      waiter.resolve({ key: entry.key, priority: entry.priority });
    }
  }

  #count(priority: Priority, change: number): void {
    this.#depths[priority] += change;
    this.#observer.depth?.(priority, this.#depths[priority]);
  }

  /** One timer for all delays, set to the first of them. */
  #arm(): void {
    const next = this.#delayed.first();
    if (next === undefined) return;
    const waitMs = Math.max(0, next.dueMs - this.#clock.monotonicMs());
    if (this.#timer === null) this.#timer = this.#clock.newTimer(waitMs, () => this.#release());
    else this.#timer.reset(waitMs);
  }

  #release(): void {
    const nowMs = this.#clock.monotonicMs();
    for (
      let next = this.#delayed.first();
      next !== undefined && next.dueMs <= nowMs;
      next = this.#delayed.first()
    ) {
      this.#delayed.takeFirst();
      this.add(next.key, next.priority);
    }
    this.#arm();
  }

  #finishDrains(): void {
    const drains = [...this.#drains];
    this.#drains.clear();
    for (const finish of drains) finish();
  }
}

function moreUrgent(a: Ready, b: Ready): boolean {
  if (a.priority === b.priority) return a.order < b.order;
  return higher(a.priority, b.priority) === a.priority;
}

function sooner(a: Delayed, b: Delayed): boolean {
  return a.dueMs === b.dueMs ? a.order < b.order : a.dueMs < b.dueMs;
}
