// Informers that run only while somebody needs them: a watch on Pods exists while a rollout runs.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Informer } from './informer.ts';

interface Entry {
  readonly informer: Informer<KubeObject>;
  readonly stop: AbortController;
  users: number;
}

export class InformerPool {
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<void>>();
  readonly #signal: AbortSignal;
  readonly #onError: (key: string, error: unknown) => void;

  /** `signal` stops all informers for good. `onError`: an informer ended by a fault of its own, which none should. */
  constructor(onError: (key: string, error: unknown) => void, signal: AbortSignal) {
    this.#onError = onError;
    this.#signal = signal;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The running informer of that key; `make` is asked for one if there is none. Each `acquire` needs its `release`.
   * Throws the signal's reason after the end.
   */
  acquire<T extends KubeObject>(key: string, make: () => Informer<T>): Informer<T> {
    this.#signal.throwIfAborted();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.users += 1;
      // One key is one call of `make`: the caller names the same type for the same key.
      return known.informer as Informer<T>;
    }
    const informer = make();
    const entry = {
      informer: informer as Informer<KubeObject>,
      stop: new AbortController(),
      users: 1,
    };
    this.#entries.set(key, entry);
    this.#start(key, entry);
    return informer;
  }

  /** Stops the informer when its last user releases it. Throws RangeError if nobody had acquired it. */
  release(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) throw new RangeError(`no informer is in use under ${key}`);
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#entries.delete(key);
    entry.stop.abort(new Error(`nobody needs the informer ${key}`));
  }

  /** Resolves when all informers that were released, or ended by the signal, have stopped. */
  async stopped(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #start(key: string, { informer, stop }: Entry): void {
    const follow = (): void => stop.abort(this.#signal.reason);
    this.#signal.addEventListener('abort', follow);
    const running = informer
      .run(stop.signal)
      .catch((error: unknown) => this.#onError(key, error))
      .finally(() => {
        this.#signal.removeEventListener('abort', follow);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }
}
