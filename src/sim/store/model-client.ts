// The Client over the model store: what the rest of Serin talks to where no cluster is.
import type { KubeObject } from '../../api/kubernetes.ts';
import type {
  CallOptions,
  Client,
  DeleteOptions,
  ExecOptions,
  ExecOutcome,
  GetOptions,
  ListOptions,
  ObjectKey,
  ObjectList,
  Patch,
  Resource,
  Scale,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from '../../client/client.ts';
import { brokenError, invalidCall } from '../../client/failure.ts';
import { describeCollection, keyFault } from '../../client/paths.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { Clock } from '../../clock/clock.ts';
import { orAborted } from '../../clock/or-aborted.ts';
import type { Writer } from './change.ts';
import type { ModelStore } from './model-store.ts';
import { page } from './pages.ts';
import { named, namedInObject, namedInPatch, type Preconditions } from './preconditions.ts';
import { attemptText, notFound } from './refusals.ts';
import { reached, versionOf } from './versions.ts';
import { modelWatch } from './watch.ts';

export interface Call {
  /** As RBAC and the real client name it; `apply` is a patch of its own. */
  readonly verb: string;
  readonly resource: Resource;
  /** Null where the call is about many objects. */
  readonly key: ObjectKey | null;
  readonly write: boolean;
  readonly patch?: Patch['type'];
  /** What a write says of the object that it was made for. */
  readonly preconditions?: Preconditions;
}

/** Stands between a client and the store: faults, delays, deaths. */
export interface Gate {
  /** May throw, and nothing is committed, or never resolve. */
  before(call: Call): void | Promise<void>;
  /** After the commit; what it throws is all that the caller learns. */
  after(call: Call): void | Promise<void>;
}

export interface ModelClientOptions {
  readonly store: ModelStore;
  readonly clock: Clock;
  readonly user: string;
  readonly gate?: Gate;
}

const DEADLINE_MS = 30_000;
const FIELD_MANAGER = 'serin';
const SERVER_VERSION = 'v1.36.3';

/** A call on one object. */
interface Single {
  readonly verb: string;
  readonly resource: Resource;
  readonly key: ObjectKey;
  readonly subresource?: 'status' | 'scale' | undefined;
  readonly write?: boolean;
  readonly patch?: Patch['type'];
  readonly preconditions?: Preconditions;
}

export class ModelClient implements Client {
  readonly #store: ModelStore;
  readonly #clock: Clock;
  readonly #user: string;
  readonly #gate: Gate | null;

  constructor({ store, clock, user, gate }: ModelClientOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#user = user;
    this.#gate = gate ?? null;
  }

  get(resource: Resource, key: ObjectKey, options: GetOptions): Promise<KubeObject> {
    const single: Single = { verb: 'get', resource, key };
    return this.#fresh(single, options, () => {
      const object = this.#store.get(resource, key);
      if (object === null) throw notFound(single);
      return object;
    });
  }

  async list(resource: Resource, options: ListOptions): Promise<ObjectList> {
    const attempt = `list ${describeCollection(resource, options.namespace)}`;
    const call: Call = { verb: 'list', resource, key: null, write: false };
    await this.#pass('before', { call, attempt, options });
    const wanted = versionOf(attempt, options.resourceVersion);
    if (wanted > this.#store.revision) await this.#reach(wanted, attempt, options);
    const list = page(attempt, { store: this.#store, resource }, options);
    await this.#pass('after', { call, attempt, options });
    return list;
  }

  async *watch(resource: Resource, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const attempt = `watch ${describeCollection(resource, options.namespace)}`;
    const call: Call = { verb: 'watch', resource, key: null, write: false };
    await this.#pass('before', { call, attempt, options });
    await this.#pass('after', { call, attempt, options });
    yield* modelWatch({ store: this.#store, clock: this.#clock, resource }, options);
  }

  create(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    const { namespace, name } = object.metadata;
    // A name may be left to the server; a namespace never.
    const key = { ...(namespace !== undefined && { namespace }), name: name || '-' };
    return this.#write({ verb: 'create', resource, key }, options, (by) =>
      this.#store.create(resource, object, by, options),
    );
  }

  update(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    const { subresource } = options;
    const key = keyOf(object.metadata);
    const preconditions = namedInObject(object);
    return this.#write(
      { verb: 'update', resource, key, subresource, preconditions },
      options,
      (by) => this.#store.update(resource, object, by, options),
    );
  }

  updateStatus(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return this.update(resource, object, { ...options, subresource: 'status' });
  }

  patch(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions,
  ): Promise<KubeObject> {
    const verb = patch.type === 'apply' ? 'apply' : 'patch';
    const { subresource } = options;
    const asked = { patch: patch.type, preconditions: namedInPatch(patch) };
    return this.#write({ verb, resource, key, subresource, ...asked }, options, (by) =>
      this.#store.patch(resource, key, patch, by, options),
    );
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void> {
    const preconditions = named(options);
    await this.#write({ verb: 'delete', resource, key, preconditions }, options, (by) => {
      this.#store.delete(resource, key, by, options);
    });
  }

  async deleteCollection(resource: Resource, options: ListOptions): Promise<void> {
    const attempt = `delete all ${describeCollection(resource, options.namespace)}`;
    const call: Call = { verb: 'deletecollection', resource, key: null, write: true };
    await this.#pass('before', { call, attempt, options });
    const by = this.#writer({});
    for (const { metadata } of this.#store.list(resource, options)) {
      // Some may have gone with those before them.
      if (this.#store.get(resource, metadata) !== null) this.#store.delete(resource, metadata, by);
    }
    await this.#pass('after', { call, attempt, options });
  }

  getScale(resource: Resource, key: ObjectKey, options: GetOptions): Promise<Scale> {
    const single: Single = { verb: 'get', resource, key, subresource: 'scale' };
    return this.#fresh(single, options, () => this.#store.getScale(resource, key));
  }

  updateScale(
    resource: Resource,
    key: ObjectKey,
    scale: Scale,
    options: WriteOptions,
  ): Promise<Scale> {
    const preconditions = named(scale);
    const single: Single = { verb: 'update', resource, key, subresource: 'scale', preconditions };
    return this.#write(single, options, (by) =>
      this.#store.updateScale(resource, key, scale, by, options),
    );
  }

  /** Containers of the model run nothing. */
  exec(pod: ObjectKey, options: ExecOptions): Promise<ExecOutcome> {
    const single: Single = { verb: 'exec', resource: RESOURCES.pods, key: pod, write: true };
    return this.#single(single, options, () => {
      throw notFound(single);
    });
  }

  async resourceFor(
    apiVersion: string,
    kind: string,
    { signal }: CallOptions,
  ): Promise<Resource | null> {
    signal.throwIfAborted();
    return this.#store.kinds.find(apiVersion, kind);
  }

  async serverVersion({ signal }: CallOptions): Promise<string> {
    signal.throwIfAborted();
    return SERVER_VERSION;
  }

  #fresh<T>(single: Single, options: GetOptions, read: () => T): Promise<T> {
    const { minResourceVersion } = options;
    if (minResourceVersion === undefined) return this.#single(single, options, read);
    return this.#single(single, options, async () => {
      const attempt = attemptText(single);
      await this.#reach(versionOf(attempt, minResourceVersion), attempt, options);
      return read();
    });
  }

  #write<T>(
    single: Single,
    options: CallOptions & { readonly fieldManager?: string },
    write: (by: Writer) => T,
  ): Promise<T> {
    return this.#single({ ...single, write: true }, options, () => write(this.#writer(options)));
  }

  async #single<T>(single: Single, options: CallOptions, run: () => T | Promise<T>): Promise<T> {
    const { verb, resource, key, write = false, patch, preconditions } = single;
    const attempt = attemptText(single);
    const fault = keyFault(resource, key);
    if (fault !== null) throw invalidCall(attempt, fault);
    const call: Call = {
      verb,
      resource,
      key,
      write,
      ...(patch !== undefined && { patch }),
      ...(preconditions !== undefined && { preconditions }),
    };
    await this.#pass('before', { call, attempt, options });
    const result = await run();
    await this.#pass('after', { call, attempt, options });
    return result;
  }

  /** A gate that never opens is left when the signal ends or the time is up. */
  async #pass(
    side: 'before' | 'after',
    { call, attempt, options }: { call: Call; attempt: string; options: CallOptions },
  ): Promise<void> {
    const { signal, deadlineMs = DEADLINE_MS } = options;
    if (side === 'before') signal.throwIfAborted();
    const passing = side === 'before' ? this.#gate?.before(call) : this.#gate?.after(call);
    if (passing === undefined) return;
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.newTimer(deadlineMs, () =>
      late.reject(brokenError(attempt, undefined, `no answer within ${deadlineMs} ms`)),
    );
    try {
      await orAborted(Promise.race([passing, late.promise]), signal);
    } finally {
      timer.stop();
    }
  }

  async #reach(wanted: number, attempt: string, { signal }: CallOptions): Promise<void> {
    await reached({ store: this.#store, clock: this.#clock }, wanted, { attempt, signal });
  }

  #writer({ fieldManager = FIELD_MANAGER }: { readonly fieldManager?: string }): Writer {
    return { user: this.#user, manager: fieldManager };
  }
}

function keyOf({ namespace, name }: KubeObject['metadata']): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}
