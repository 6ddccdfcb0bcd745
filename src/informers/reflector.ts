// Keeps one scope of a store like the cluster: does the I/O that the rules of reflector-state.ts ask for.
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import { Pacer } from './pacer.ts';
import { type CallContext, inputsOf } from './reflector-calls.ts';
import { type Failure, failureOf } from './reflector-failure.ts';
import type { Effect, Input, ReflectorState } from './reflector-moves.ts';
import { initialState, type Phase, phaseOf, step } from './reflector-state.ts';
import type { Shelf } from './shelf.ts';
import type { ObjectStore } from './store.ts';

/** Pause of a reader that is faster than those it reads for. */
const BACKLOG_PAUSE_MS = 5;

export interface ReflectorOptions<T extends KubeObject> extends CallContext {
  readonly store: ObjectStore<T>;
  /** Called after each step. */
  readonly onStep: () => void;
  /** Whether those that are told of changes are so far behind that reading should pause. */
  readonly behind: () => boolean;
}

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #pacer: Pacer;
  #state: ReflectorState = initialState;
  #shelf: Shelf<T>;
  #inputs: AsyncGenerator<Input> | null = null;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#pacer = new Pacer(options.clock);
    this.#shelf = options.store.newShelf();
  }

  get phase(): Phase {
    return phaseOf(this.#state);
  }

  /** Why the store is not up to date; null if it is, as far as is known. */
  get lastError(): string | null {
    return this.#state.memory.failure?.message ?? null;
  }

  /** Resolves when the signal ends, and by nothing else. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let input: Input = { kind: 'start', atMs: clock.monotonicMs() };
    while (this.#state.kind !== 'stopped') {
      const broken = await this.#take(input, signal);
      this.#options.onStep();
      input = broken ?? (await this.#nextInput(signal));
    }
    await this.#inputs?.return(undefined);
  }

  /** An object that a transform or an indexer cannot take is a failure like any other: it must not end the watch. */
  async #take(input: Input, signal: AbortSignal): Promise<Input | null> {
    try {
      const { state, effects } = step(this.#state, input);
      this.#state = state;
      for (const effect of effects) await this.#perform(effect, signal);
      return null;
    } catch (error) {
      return this.#failed({ ...failureOf(error), kind: 'other' }, signal);
    }
  }

  async #perform(effect: Effect, signal: AbortSignal): Promise<void> {
    const { store, scope, onWarning } = this.#options;
    switch (effect.kind) {
      case 'discard':
        this.#shelf = store.newShelf();
        return;
      case 'stage':
        return this.#stage(effect.objects, signal);
      case 'stage-change':
        return this.#stageChange(effect);
      case 'replace':
        store.replace(scope, this.#shelf, effect.resourceVersion);
        this.#shelf = store.newShelf();
        return;
      case 'apply':
        return store.apply(scope, effect.type, effect.object);
      case 'advance':
        return store.advance(scope, effect.resourceVersion);
      case 'empty':
        return store.empty(scope);
      case 'warn':
        return onWarning(effect.message);
      case 'watch':
      case 'list':
      case 'rest':
        await this.#inputs?.return(undefined);
        this.#inputs = inputsOf(effect, this.#options, signal);
    }
  }

  async #stage(objects: readonly KubeObject[], signal: AbortSignal): Promise<void> {
    for (const object of objects) {
      this.#shelf.put(this.#shelf.prepare(object));
      if (this.#pacer.due()) await this.#pacer.rest(signal);
    }
  }

  #stageChange({ type, object }: Extract<Effect, { kind: 'stage-change' }>): void {
    if (type === 'DELETED') this.#shelf.drop(keyOf(object));
    else this.#shelf.put(this.#shelf.prepare(object));
  }

  async #nextInput(signal: AbortSignal): Promise<Input> {
    const { clock, behind } = this.#options;
    try {
      if (this.#pacer.due()) await this.#pacer.rest(signal);
      while (behind()) await clock.sleep(BACKLOG_PAUSE_MS, signal);
      const askedMs = clock.monotonicMs();
      const next = await this.#inputs?.next();
      // Waiting is a turn for the others too.
      if (clock.since(askedMs) >= 1) this.#pacer.restart();
      if (next?.done === false) return next.value;
      throw new Error('nothing is under way');
    } catch (error) {
      return this.#failed(failureOf(error), signal);
    }
  }

  #failed(failure: Failure, signal: AbortSignal): Input {
    const atMs = this.#options.clock.monotonicMs();
    return signal.aborted ? { kind: 'stop', atMs } : { kind: 'failed', failure, atMs };
  }
}
