// Waits for an answer, but neither past a silence nor past the end: for a client that keeps neither promise.
import type { Clock, Timer } from '../clock/clock.ts';

export const silent = Symbol('silent');
export const stopped = Symbol('stopped');
export type Alarm = typeof silent | typeof stopped;

export class Watchdog implements Disposable {
  readonly #signal: AbortSignal;
  readonly #silenceMs: number;
  readonly #timer: Timer;
  readonly #stop: () => void;
  #ring: ((alarm: Alarm) => void) | null = null;

  constructor(clock: Clock, silenceMs: number, signal: AbortSignal) {
    this.#signal = signal;
    this.#silenceMs = silenceMs;
    this.#timer = clock.newTimer(silenceMs, () => this.#ring?.(silent));
    this.#stop = () => this.#ring?.(stopped);
    signal.addEventListener('abort', this.#stop);
  }

  /** The answer, or why it was not waited for longer. A later failure of it is dropped: nobody waits any more. */
  guard<T>(answer: Promise<T>): Promise<T | Alarm> {
    return new Promise((resolve, reject) => {
      answer.then(resolve, reject);
      if (this.#signal.aborted) resolve(stopped);
      this.#ring = resolve;
      this.#timer.reset(this.#silenceMs);
    });
  }

  /** A sign of life that is no answer. */
  calm(): void {
    this.#timer.reset(this.#silenceMs);
  }

  [Symbol.dispose](): void {
    this.#timer.stop();
    this.#signal.removeEventListener('abort', this.#stop);
  }
}
