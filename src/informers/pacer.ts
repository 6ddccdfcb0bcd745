// Keeps long work from holding up everything else in the one thread: lease renewal, probes, timers.
import type { Clock } from '../clock/clock.ts';

/** Longest stretch of work between two turns of the event loop. */
export const STRETCH_MS = 5;

export class Pacer {
  readonly #clock: Clock;
  #startedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  /** The work starts anew: others had their turn. */
  restart(): void {
    this.#startedMs = this.#clock.monotonicMs();
  }

  /** Whether the stretch is used up; then call `rest`. */
  due(): boolean {
    return this.#clock.since(this.#startedMs) >= STRETCH_MS;
  }

  /** Lets others have a turn. */
  async rest(signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(0, signal);
    this.restart();
  }
}
