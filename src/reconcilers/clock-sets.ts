// Whether the wall clock was set between two looks at a Canary: the monotonic clock, which nobody sets, tells.
import type { Clock } from '../clock/clock.ts';

export class ClockSets {
  readonly #clock: Clock;
  /** How far the wall clock was from the monotonic one at the last look. */
  readonly #offsetsMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds by which it was set, forward or back, since this was last noted; 0 at first sight. */
  setMs(key: string): number {
    const now = this.#offsetMs();
    const before = this.#offsetsMs.get(key) ?? now;
    this.#offsetsMs.set(key, before);
    return now - before;
  }

  /** What was found is stored, or there was nothing to store it in. */
  note(key: string): void {
    this.#offsetsMs.set(key, this.#offsetMs());
  }

  forget(key: string): void {
    this.#offsetsMs.delete(key);
  }

  #offsetMs(): number {
    return this.#clock.now() - this.#clock.monotonicMs();
  }
}
