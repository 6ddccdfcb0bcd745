// Tells one listener of every change of a store, one after the other, in the order in which they happened.
import type { Clock } from '../clock/clock.ts';
import { Pacer } from './pacer.ts';
import type { Change } from './store.ts';

/** Changes that wait, above which reading from the cluster pauses. */
export const BACKLOG_MAX = 10_000;

/**
 * What to call on a change. Calls must be short and not wait for anything: put a key in a queue. One that throws is
 * reported, and the next change is told all the same.
 */
export interface ChangeHandler<T> {
  /** `initial`: the object was there before the watch, or before this handler. */
  onAdd?(object: T, context: { readonly initial: boolean }): void;
  onUpdate?(old: T, object: T): void;
  /** `tombstone`: the deletion itself was missed, and `object` is the last state that was seen. */
  onDelete?(object: T, context: { readonly tombstone: boolean }): void;
}

export interface DeliveryOptions<T> {
  readonly handler: ChangeHandler<T>;
  readonly clock: Clock;
  readonly onError: (change: Change<T>, error: unknown) => void;
  /** Ends the telling. */
  readonly signal: AbortSignal;
}

export class Delivery<T> {
  readonly #options: DeliveryOptions<T>;
  readonly #pacer: Pacer;
  #waiting: Change<T>[] = [];
  #told = 0;
  #pushed = 0;
  /** How many changes had been pushed when the first fill was complete. */
  #syncedAfter: number | null = null;
  #draining: Promise<void> | null = null;

  constructor(options: DeliveryOptions<T>) {
    this.#options = options;
    this.#pacer = new Pacer(options.clock);
  }

  get backlog(): number {
    return this.#pushed - this.#told;
  }

  /** Whether the handler was told of everything that was there at the first fill. */
  get synced(): boolean {
    return this.#syncedAfter !== null && this.#told >= this.#syncedAfter;
  }

  push(changes: readonly Change<T>[]): void {
    if (changes.length === 0 || this.#options.signal.aborted) return;
    for (const change of changes) this.#waiting.push(change);
    this.#pushed += changes.length;
    this.#draining ??= this.#drain();
  }

  /** What was pushed so far is all of the first fill. */
  markSynced(): void {
    this.#syncedAfter ??= this.#pushed;
  }

  /** Resolves when nothing more is told. */
  async ended(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const { signal } = this.#options;
    // Not within the step that changed the store: a slow or throwing handler is no business of the watch.
    await Promise.resolve();
    this.#pacer.restart();
    while (this.#waiting.length > 0 && !signal.aborted) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#tellAll(batch);
    }
    this.#draining = null;
  }

  async #tellAll(batch: readonly Change<T>[]): Promise<void> {
    const { signal } = this.#options;
    for (const change of batch) {
      if (this.#pacer.due()) await this.#pacer.rest(signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#tell(change);
      this.#told += 1;
    }
  }

  #tell(change: Change<T>): void {
    const { handler, onError } = this.#options;
    try {
      switch (change.type) {
        case 'add':
          handler.onAdd?.(change.object, { initial: change.initial });
          break;
        case 'update':
          handler.onUpdate?.(change.old, change.object);
          break;
        case 'delete':
          handler.onDelete?.(change.object, { tombstone: change.tombstone });
      }
    } catch (error) {
      onError(change, error);
    }
  }
}
