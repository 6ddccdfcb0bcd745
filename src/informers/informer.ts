// A live copy of the cluster's objects of one kind, and word of every change: reflectors, store and deliveries in one.
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Clock } from '../clock/clock.ts';
import { BACKLOG_MAX, type ChangeHandler, Delivery } from './delivery.ts';
import { Reflector } from './reflector.ts';
import type { Phase } from './reflector-state.ts';
import type { Indexers } from './shelf.ts';
import { ObjectStore, type Scope, type Store } from './store.ts';
import type { Transform } from './transforms.ts';

export interface InformerOptions<T> {
  readonly client: Client;
  readonly resource: Resource;
  /** One namespace. Without it and `namespaces`: all. */
  readonly namespace?: string;
  /** Several namespaces, each with a watch of its own, in one store; at least one. */
  readonly namespaces?: readonly string[];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects without spec and status. */
  readonly metadataOnly?: boolean;
  readonly clock: Clock;
  /** Default: objects as they come. */
  readonly transform?: Transform;
  readonly indexers?: Indexers<T>;
  /** In [0, 1); spreads rests and reconnects. Default Math.random. */
  readonly random?: () => number;
  /** Told of each fault that is being got over, as a logger is. */
  readonly onWarning?: (message: string, fields: WarningFields) => void;
  /** Freeze objects to the bottom: for tests. Default false: the object and its metadata. */
  readonly deepFreeze?: boolean;
}

export interface WarningFields {
  readonly resource: string;
  readonly namespace?: string;
  readonly key?: string;
  readonly error?: unknown;
}

/**
 * `unserved`: the cluster does not serve the kind, and nothing of it is in the store. `forbidden`: the store, if filled,
 * grows old. `syncing`: not filled yet. `synced`: filled; if `lastError` is set, it may be behind.
 */
export interface InformerStatus {
  readonly phase: Phase;
  /** Of the newest fault that is not over; null = none. */
  readonly lastError: string | null;
}

/** One handler's place among those that are told of changes. */
export interface Registration {
  /** Whether the handler was told of every object of the first fill. */
  hasSynced(): boolean;
  /** No change after this is told. */
  remove(): void;
}

export interface Informer<T extends KubeObject> {
  readonly store: Store<T>;
  /** Watches until the signal ends, through all faults; may be called once. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether the store was filled once. Stays so. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced`. Waits without end for a kind that is not served: see `settled`. */
  synced(signal: AbortSignal): Promise<void>;
  /** Resolves with the status as soon as it is known: filled, not served, or not allowed. */
  settled(signal: AbortSignal): Promise<InformerStatus>;
  /** Objects that are already stored are told as adds. */
  addHandler(handler: ChangeHandler<T>): Registration;
  /** Of all, or of what is watched for one namespace. */
  status(namespace?: string): InformerStatus;
}

/** Throws RangeError if both `namespace` and `namespaces` are given, or no namespace is named. */
export function createInformer<T extends KubeObject = KubeObject>(
  options: InformerOptions<T>,
): Informer<T> {
  return new WatchInformer(options);
}

interface Waiter {
  readonly ready: () => boolean;
  readonly wake: () => void;
}

class WatchInformer<T extends KubeObject> implements Informer<T> {
  readonly store: ObjectStore<T>;
  readonly #options: InformerOptions<T>;
  readonly #scopes: readonly Scope[];
  readonly #reflectors: readonly Reflector<T>[];
  readonly #deliveries = new Set<Delivery<T>>();
  readonly #waiters = new Set<Waiter>();
  readonly #end = new AbortController();
  #started = false;
  #synced = false;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#scopes = scopesOf(options);
    this.store = new ObjectStore<T>({
      scopes: this.#scopes,
      indexers: options.indexers ?? {},
      transform: options.transform ?? ((object) => object),
      deepFreeze: options.deepFreeze ?? false,
      onChanges: (changes) => this.#deliveries.forEach((delivery) => delivery.push(changes)),
    });
    this.#reflectors = this.#scopes.map((scope) => this.#reflector(scope));
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.#started)
      throw new Error(`informer of ${this.#options.resource.plural} was started before`);
    this.#started = true;
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
    this.#end.abort(signal.reason);
    await Promise.all([...this.#deliveries].map((delivery) => delivery.ended()));
  }

  hasSynced(): boolean {
    return this.#synced;
  }

  synced(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#synced, signal);
  }

  async settled(signal: AbortSignal): Promise<InformerStatus> {
    await this.#until(() => this.status().phase !== 'syncing', signal);
    return this.status();
  }

  addHandler(handler: ChangeHandler<T>): Registration {
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#end.signal]);
    const delivery = new Delivery<T>({
      handler,
      clock: this.#options.clock,
      signal,
      onError: (change, error) =>
        this.#warn(`a handler failed on ${change.type}`, { key: keyOf(change.object), error }),
    });
    delivery.push(this.store.list().map((object) => ({ type: 'add', object, initial: true })));
    if (this.#synced) delivery.markSynced();
    this.#deliveries.add(delivery);
    return {
      hasSynced: () => delivery.synced,
      remove: () => {
        this.#deliveries.delete(delivery);
        end.abort();
      },
    };
  }

  status(namespace?: string): InformerStatus {
    const reflectors = this.#reflectors.filter((_, index) => {
      const scope = this.#scopes[index] ?? null;
      return namespace === undefined || scope === null || scope === namespace;
    });
    const phases = reflectors.map((reflector) => reflector.phase);
    const worst: readonly Phase[] = ['unserved', 'forbidden', 'syncing'];
    const lastError = reflectors.find((reflector) => reflector.lastError !== null)?.lastError;
    return {
      phase: worst.find((phase) => phases.includes(phase)) ?? 'synced',
      lastError: lastError ?? null,
    };
  }

  #reflector(scope: Scope): Reflector<T> {
    const { client, resource, clock, labelSelector, fieldSelector, metadataOnly } = this.#options;
    return new Reflector<T>({
      client,
      resource,
      scope,
      clock,
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(metadataOnly !== undefined && { metadataOnly }),
      random: this.#options.random ?? Math.random,
      store: this.store,
      onWarning: (message) => this.#warn(message, scope === null ? {} : { namespace: scope }),
      onStep: () => this.#onStep(),
      behind: () => [...this.#deliveries].some((delivery) => delivery.backlog > BACKLOG_MAX),
    });
  }

  #onStep(): void {
    if (!this.#synced && this.#scopes.every((scope) => this.store.filled(scope))) {
      this.#synced = true;
      for (const delivery of this.#deliveries) delivery.markSynced();
    }
    for (const waiter of this.#waiters) {
      if (!waiter.ready()) continue;
      this.#waiters.delete(waiter);
      waiter.wake();
    }
  }

  async #until(ready: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ready()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { ready, wake: resolve };
    const giveUp = (): void => reject(signal.reason);
    this.#waiters.add(waiter);
    signal.addEventListener('abort', giveUp);
    try {
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', giveUp);
    }
  }

  #warn(message: string, fields: Omit<WarningFields, 'resource'>): void {
    try {
      this.#options.onWarning?.(message, { resource: this.#options.resource.plural, ...fields });
    } catch {
      // A log that fails must not stop what it is about.
    }
  }
}

function scopesOf<T>({ namespace, namespaces }: InformerOptions<T>): readonly Scope[] {
  if (namespaces === undefined) return [namespace ?? null];
  if (namespace !== undefined) throw new RangeError('give namespace or namespaces, not both');
  if (namespaces.length === 0) throw new RangeError('no namespace to watch');
  return [...new Set(namespaces)];
}
