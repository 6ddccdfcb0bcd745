// The real Clock: the machine's wall clock, its monotonic clock and timers that keep delays of any length.
import { asInstant, type Clock, type Instant, type Ticker, type Timer } from './clock.ts';
import { sleepOn, wholeDelay, wholePeriod } from './sleep.ts';

/** Node fires a timeout above this after 1 ms, so longer waits are made of several. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The only Clock that reads the machine's time. `main` makes one and hands it to every part. */
export function systemClock(): Clock {
  return new SystemClock();
}

class SystemClock implements Clock {
  now(): Instant {
    return asInstant(Date.now());
  }

  monotonicMs(): number {
    return performance.now();
  }

  since(startMs: number): number {
    return performance.now() - startMs;
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
    return new SystemTimer(delayMs, fire);
  }

  newTicker(periodMs: number, fire: () => void): Ticker {
    const period = wholePeriod(periodMs);
    const startMs = performance.now();
    const timer = new SystemTimer(period, () => {
      // Counted from the start, so ticks neither drift nor pile up after a stall.
      const passed = Math.floor((performance.now() - startMs) / period);
      timer.reset(startMs + (passed + 1) * period - performance.now());
      fire();
    });
    return {
      stop: () => {
        timer.stop();
      },
    };
  }
}

class SystemTimer implements Timer {
  readonly #fire: () => void;
  #dueMs = 0;
  #timeout: NodeJS.Timeout | null = null;

  constructor(delayMs: number, fire: () => void) {
    this.#fire = fire;
    this.reset(delayMs);
  }

  stop(): boolean {
    const pending = this.#timeout !== null;
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    this.#timeout = null;
    return pending;
  }

  reset(delayMs: number): boolean {
    const delay = wholeDelay(delayMs);
    const pending = this.stop();
    this.#dueMs = performance.now() + delay;
    this.#arm(delay);
    return pending;
  }

  #arm(delayMs: number): void {
    this.#timeout = setTimeout(() => this.#expire(), Math.min(Math.ceil(delayMs), TIMEOUT_MS_MAX));
  }

  #expire(): void {
    // Too early after a clamped wait, and by a fraction of a millisecond after an ordinary one.
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) {
      this.#arm(leftMs);
      return;
    }
    this.#timeout = null;
    this.#fire();
  }
}
