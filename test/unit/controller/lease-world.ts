// One Lease on a stand-in server, and machines that look at it through a network that loses and delays, and that pause.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { CallOptions, Client, WatchEvent, WatchOptions } from '../../../src/client/client.ts';
import { ApiError, type ApiErrorKind } from '../../../src/client/errors.ts';
import { asInstant, type Clock, type Instant, type Timer } from '../../../src/clock/clock.ts';
import { startDeadline } from '../../../src/clock/deadline.ts';
import { orAborted } from '../../../src/clock/or-aborted.ts';
import { sleepOn } from '../../../src/clock/sleep.ts';
import type { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { LEASE_TIMES } from '../../../src/controller/election.ts';
import { Lease, type LeaseObserver } from '../../../src/controller/lease.ts';
import type { Log } from '../../../src/recorder/log.ts';

export const KEY = { namespace: 'serin', name: 'serin-controller' };
const NETWORK_MS = 5;
const NEVER = new AbortController().signal;

export class LeaseServer {
  object: KubeObject | null = null;
  /** Every record that was ever stored, by its spec. */
  readonly specs: Readonly<Record<string, unknown>>[] = [];
  #version = 0;
  readonly #watchers = new Set<(event: WatchEvent) => void>();

  /** By hand, or by `store` after its checks. */
  put(object: KubeObject): KubeObject {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    const type = this.object === null ? 'ADDED' : 'MODIFIED';
    this.object = { ...object, metadata };
    this.specs.push(this.spec);
    for (const tell of this.#watchers) tell({ type, object: this.object });
    return this.object;
  }

  remove(): void {
    const object = this.object;
    this.object = null;
    if (object !== null) for (const tell of this.#watchers) tell({ type: 'DELETED', object });
  }

  get spec(): Readonly<Record<string, unknown>> {
    return (this.object?.['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  }

  read(): KubeObject {
    if (this.object === null) throw refusal('not-found');
    return this.object;
  }

  create(object: KubeObject): KubeObject {
    if (this.object !== null) throw refusal('already-exists');
    return this.put(object);
  }

  update(object: KubeObject): KubeObject {
    if (this.read().metadata.resourceVersion !== object.metadata.resourceVersion)
      throw refusal('conflict');
    return this.put(object);
  }

  listen(tell: (event: WatchEvent) => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}

export function refusal(kind: ApiErrorKind): ApiError {
  return new ApiError('lease', { kind, code: 400, status: null, retryAfterMs: null });
}

/** One replica's machine: its own wall clock, its own line to the server, and it may stand still. */
export class Machine implements Clock {
  readonly #true: VirtualClock;
  readonly #skewMs: number;
  #resumed: PromiseWithResolvers<void> | null = null;
  #overdue: (() => void)[] = [];
  /** Requests do not arrive; answers do not; each way takes so long. */
  deaf = false;
  mute = false;
  wayMs = NETWORK_MS;
  /** It has learnt of a Lease, by a read or a write. */
  knows = false;

  constructor(clock: VirtualClock, skewMs = 0) {
    this.#true = clock;
    this.#skewMs = skewMs;
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers<void>();
  }

  /** What came in meanwhile is read first, as Node does; then timers fire that were due. */
  resume(): void {
    const due = this.#overdue;
    this.#overdue = [];
    this.#resumed?.resolve();
    this.#resumed = null;
    this.#true.newTimer(0, () => due.forEach((fire) => fire()));
  }

  async awake(): Promise<void> {
    while (this.#resumed !== null) await this.#resumed.promise;
  }

  now(): Instant {
    return asInstant(this.#true.now() + this.#skewMs);
  }

  monotonicMs(): number {
    return this.#true.monotonicMs();
  }

  since(startMs: number): number {
    return this.#true.since(startMs);
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  async after(delayMs: number): Promise<Instant> {
    await this.sleep(delayMs, NEVER);
    return this.now();
  }

  newTimer(delayMs: number, fire: () => void): Timer {
    const late = (): void => {
      if (this.#resumed === null) fire();
      else this.#overdue.push(late);
    };
    const timer = this.#true.newTimer(delayMs, late);
    const forget = (): void => {
      this.#overdue = this.#overdue.filter((each) => each !== late);
    };
    return {
      stop: () => (forget(), timer.stop()),
      reset: (ms) => (forget(), timer.reset(ms)),
    };
  }

  newTicker(): never {
    throw new Error('no tickers here');
  }

  /** The way to the server or back, which does not care whether the machine stands still. */
  async travel(lost: boolean): Promise<void> {
    await this.#true.sleep(this.wayMs, NEVER);
    if (lost) await new Promise(() => {});
  }
}

const unused = (): never => {
  throw new Error('not called here');
};

export function clientOn(
  machine: Machine,
  server: LeaseServer,
  { mayWatch = true }: { readonly mayWatch?: boolean } = {},
): Client & { readonly calls: string[] } {
  const calls: string[] = [];
  const call = async <T>(verb: string, options: CallOptions, act: () => T): Promise<T> => {
    calls.push(verb);
    using deadline = startDeadline(machine, options.deadlineMs ?? 30_000, options.signal);
    const asked = async (): Promise<T> => {
      await machine.travel(machine.deaf);
      const outcome = settled(act);
      await machine.travel(machine.mute);
      await machine.awake();
      const value = outcome();
      machine.knows = true;
      return value;
    };
    try {
      return await orAborted(asked(), deadline.signal);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      options.signal.throwIfAborted();
      throw refusal('transient');
    }
  };
  async function* watch(options: WatchOptions): AsyncIterable<WatchEvent> {
    calls.push('watch');
    await orAborted(machine.travel(machine.deaf), options.signal);
    if (!mayWatch) throw refusal('forbidden');
    const come: WatchEvent[] = [];
    let wake = Promise.withResolvers<void>();
    const tell = (event: WatchEvent): void => {
      come.push(event);
      wake.resolve();
    };
    using _ = { [Symbol.dispose]: server.listen(tell) };
    const { resourceVersion = '' } = server.object?.metadata ?? {};
    if (server.object !== null && resourceVersion !== options.resourceVersion)
      tell({ type: 'MODIFIED', object: server.object });
    for (;;) {
      await orAborted(wake.promise, options.signal);
      await orAborted(machine.travel(machine.mute), options.signal);
      await orAborted(machine.awake(), options.signal);
      wake = Promise.withResolvers<void>();
      yield* come.splice(0);
    }
  }
  return {
    calls,
    get: (_resource, _key, options) => call('get', options, () => server.read()),
    create: (_resource, object, options) => call('create', options, () => server.create(object)),
    update: (_resource, object, options) => call('update', options, () => server.update(object)),
    watch: (_resource, options) => watch(options),
    list: unused,
    updateStatus: unused,
    patch: unused,
    delete: unused,
    deleteCollection: unused,
    getScale: unused,
    updateScale: unused,
    exec: unused,
    resourceFor: unused,
    serverVersion: unused,
  };
}

/** What happened at the server, to be learnt on this side later. */
function settled<T>(act: () => T): () => T {
  try {
    const value = act();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

export const silent: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silent,
};

export interface Replica {
  readonly machine: Machine;
  readonly lease: Lease;
  readonly calls: readonly string[];
  readonly stop: AbortController;
  /** Why it leads no more; rejects when it was stopped. */
  readonly ended: Promise<string>;
  over: boolean;
}

export interface ReplicaOptions {
  readonly identity: string;
  readonly mayWatch?: boolean;
  readonly skewMs?: number;
  readonly observer?: LeaseObserver;
  readonly random?: () => number;
}

export function startReplica(
  clock: VirtualClock,
  server: LeaseServer,
  { identity, skewMs, mayWatch = true, random = () => 0.5, observer = {} }: ReplicaOptions,
): Replica {
  const machine = new Machine(clock, skewMs);
  const client = clientOn(machine, server, { mayWatch });
  const options = { ...KEY, client, clock: machine, log: silent, identity, random, observer };
  const lease = new Lease({ ...options, times: LEASE_TIMES });
  const stop = new AbortController();
  const ended = lease.run(stop.signal);
  const replica = { machine, lease, calls: client.calls, stop, ended, over: false };
  const end = (): void => {
    replica.over = true;
  };
  ended.then(end, end);
  return replica;
}
