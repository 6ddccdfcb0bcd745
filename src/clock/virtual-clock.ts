// A Clock that stands still until it is told to move: tests and the simulator decide what time it is.
import { asInstant, type Clock, type Instant, type Ticker, type Timer } from './clock.ts';
import { sleepOn, wholeDelay, wholePeriod } from './sleep.ts';

interface Shot {
  readonly dueMs: number;
  /** Shots of one moment fire in the order in which they were armed. */
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualClock implements Clock {
  #monotonicMs = 0;
  #wallAtZeroMs: number;
  #shots: Shot[] = [];
  #orders = 0;
  #moving = false;

  /** Wall time at the start; default 2026-01-01T00:00:00Z. */
  constructor(start: Instant = asInstant(1_767_225_600_000)) {
    this.#wallAtZeroMs = start;
  }

  now(): Instant {
    return asInstant(this.#wallAtZeroMs + this.#monotonicMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  since(startMs: number): number {
    return this.#monotonicMs - startMs;
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  after(delayMs: number): Promise<Instant> {
    const { promise, resolve } = Promise.withResolvers<Instant>();
    this.newTimer(delayMs, () => resolve(this.now()));
    return promise;
  }

  newTimer(delayMs: number, fire: () => void): Timer {
    let shot: Shot | null = null;
    const disarm = (): boolean => {
      const pending = shot !== null && this.#remove(shot);
      shot = null;
      return pending;
    };
    const arm = (wait: number): boolean => {
      const delay = wholeDelay(wait);
      const pending = disarm();
      shot = this.#add(delay, fire);
      return pending;
    };
    arm(delayMs);
    return { stop: disarm, reset: arm };
  }

  newTicker(periodMs: number, fire: () => void): Ticker {
    const period = wholePeriod(periodMs);
    const timer = this.newTimer(period, () => {
      timer.reset(period);
      fire();
    });
    return {
      stop: () => {
        timer.stop();
      },
    };
  }

  /**
   * Moves time forward and fires what falls due, in order, each at its own moment. Promise jobs drain before the
   * first shot and after each one, so what a shot wakes may arm further shots inside the same `advance`.
   */
  async advance(ms: number): Promise<void> {
    if (this.#moving) throw new Error('advance is already under way');
    this.#moving = true;
    try {
      const endMs = this.#monotonicMs + wholeDelay(ms);
      await drain();
      for (let shot = this.#shots[0]; shot !== undefined && shot.dueMs <= endMs; ) {
        this.#shots.shift();
        this.#monotonicMs = Math.max(this.#monotonicMs, shot.dueMs);
        shot.fire();
        await drain();
        shot = this.#shots[0];
      }
      this.#monotonicMs = endMs;
    } finally {
      this.#moving = false;
    }
  }

  /** Advances to the next shot, if one is due within `limitMs`; false if there was none. */
  async advanceToNext(limitMs: number): Promise<boolean> {
    await drain();
    const next = this.nextShotInMs();
    if (next === null || next > limitMs) return false;
    await this.advance(next);
    return true;
  }

  /** Makes the wall clock jump, either way; monotonic time and shots stay as they are. */
  setWall(wall: Instant): void {
    this.#wallAtZeroMs = wall - this.#monotonicMs;
  }

  /** Milliseconds to the next shot; null if nothing is armed. */
  nextShotInMs(): number | null {
    const next = this.#shots[0];
    return next === undefined ? null : next.dueMs - this.#monotonicMs;
  }

  /** How many shots are armed; a part that stopped cleanly leaves none. */
  get armed(): number {
    return this.#shots.length;
  }

  #add(delayMs: number, fire: () => void): Shot {
    const shot = { dueMs: this.#monotonicMs + delayMs, order: this.#orders++, fire };
    this.#shots.splice(this.#place(shot), 0, shot);
    return shot;
  }

  #remove(shot: Shot): boolean {
    const place = this.#place(shot);
    if (this.#shots[place] !== shot) return false;
    this.#shots.splice(place, 1);
    return true;
  }

  /** Index of the shot, or where it would go. */
  #place(shot: Shot): number {
    let low = 0;
    let high = this.#shots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#shots[middle];
      if (other !== undefined && earlier(other, shot)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function earlier(a: Shot, b: Shot): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** An immediate runs after every promise job and next-tick that is waiting, and after those that they start. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
