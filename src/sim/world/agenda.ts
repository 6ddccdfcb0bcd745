// When a controller looks at which object: each key once, after its delay, and again after a refused write.
import { isApiError } from '../../client/errors.ts';
import type { Clock, Timer } from '../../clock/clock.ts';
import { drawn, type Span } from './nature.ts';

export interface AgendaOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly delay: Span;
  /** Milliseconds to the next look without a change; null = none is needed. */
  readonly look: (key: string) => number | null;
}

const RETRY_MS = 50;
const RETRY_MAX_MS = 30_000;

interface Entry {
  readonly dueMs: number;
  readonly timer: Timer;
}

export class Agenda {
  readonly #options: AgendaOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #failures = new Map<string, number>();
  #stopped = false;

  constructor(options: AgendaOptions) {
    this.#options = options;
  }

  /** After a reaction time; a look that is due sooner stays. */
  wake(key: string): void {
    this.wakeIn(key, drawn(this.#options.delay, this.#options.random));
  }

  wakeIn(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.dueMs <= dueMs) return;
    entry?.timer.stop();
    const timer = this.#options.clock.newTimer(delayMs, () => this.#look(key));
    this.#entries.set(key, { dueMs, timer });
  }

  forget(key: string): void {
    this.#entries.get(key)?.timer.stop();
    this.#entries.delete(key);
    this.#failures.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#entries.values()) timer.stop();
    this.#entries.clear();
  }

  #look(key: string): void {
    this.#entries.delete(key);
    try {
      const againMs = this.#options.look(key);
      this.#failures.delete(key);
      if (againMs !== null) this.wakeIn(key, againMs);
    } catch (error) {
      // Anything else is a fault of the model and must end the run.
      if (!isApiError(error)) throw error;
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      this.wakeIn(key, Math.min(RETRY_MS * 2 ** failures, RETRY_MAX_MS));
    }
  }
}
