// The hand on the cluster: each write with its own precondition, remembered until the stores have seen it.
import jsonPatch from 'fast-json-patch';
import type { KubeObject, ObjectMeta } from '../api/kubernetes.ts';
import type { Client, JsonPatchOperation, ObjectKey, Resource } from '../client/client.ts';
import { ApiError } from '../client/errors.ts';
import type { Clock } from '../clock/clock.ts';
import type { SeenWrites } from '../informers/seen-writes.ts';
import type { Store } from '../informers/store.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConfigBook } from './config-book.ts';

export interface ApplyParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly view: ClusterView;
  readonly book: ConfigBook;
  readonly seen: SeenWrites;
  readonly includePrefixes: readonly string[];
}

/** One reconcile's hand on the cluster: writes, and remembers them until the stores have seen them. */
export class Hand {
  readonly parts: ApplyParts;
  readonly signal: AbortSignal;
  readonly #owner: string;
  writes = 0;

  constructor(parts: ApplyParts, owner: string, signal: AbortSignal) {
    this.parts = parts;
    this.#owner = owner;
    this.signal = signal;
  }

  async create(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.#wrote(
      resource,
      await this.parts.client.create(resource, object, { signal: this.signal }),
    );
  }

  /** Server-side apply as `serin`: for what Serin owns whole. */
  async apply(resource: Resource, object: KubeObject): Promise<KubeObject> {
    const patch = { type: 'apply', body: object, force: true } as const;
    return this.#wrote(
      resource,
      await this.parts.client.patch(resource, nameOf(object), patch, { signal: this.signal }),
    );
  }

  /**
   * Makes the object that was read into `wanted`, by a JSON Patch of just the differences. It fails with a conflict when
   * the object is no longer the one that was read.
   */
  async change<T extends KubeObject>(resource: Resource, read: T, wanted: T): Promise<void> {
    const differences = jsonPatch.compare(read, wanted) as readonly JsonPatchOperation[];
    if (differences.length === 0) return;
    const value = read.metadata.resourceVersion;
    const guard: JsonPatchOperation = { op: 'add', path: '/metadata/resourceVersion', value };
    const patch = { type: 'json', operations: [guard, ...differences] } as const;
    const options = { signal: this.signal };
    this.#wrote(resource, await this.parts.client.patch(resource, nameOf(read), patch, options));
  }

  async scale(resource: Resource, read: KubeObject, replicas: number): Promise<void> {
    const resourceVersion = read.metadata.resourceVersion ?? '';
    const scaled = await this.parts.client.updateScale(
      resource,
      nameOf(read),
      { resourceVersion, replicas },
      { signal: this.signal },
    );
    this.#wrote(resource, {
      ...read,
      metadata: { ...read.metadata, resourceVersion: scaled.resourceVersion },
    });
  }

  /** Deletes just the object that was read; one that is gone already is as good. */
  async delete(resource: Resource, read: KubeObject): Promise<void> {
    const { uid, resourceVersion } = read.metadata;
    const guard = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    try {
      await this.parts.client.delete(resource, nameOf(read), { ...guard, signal: this.signal });
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== 'not-found') throw error;
    }
    this.#remember(resource, read, null);
  }

  #wrote(resource: Resource, object: KubeObject): KubeObject {
    this.#remember(resource, object, object.metadata.resourceVersion ?? '');
    return object;
  }

  #remember(resource: Resource, object: KubeObject, resourceVersion: string | null): void {
    this.writes += 1;
    const store = this.#storeOf(resource);
    const { namespace = '', name, uid = '' } = object.metadata;
    if (store === null) return;
    this.parts.seen.wrote({
      owner: this.#owner,
      store,
      key: `${namespace}/${name}`,
      uid,
      resourceVersion,
    });
  }

  #storeOf(resource: Resource): Store<KubeObject> | null {
    const { view } = this.parts;
    switch (resource.plural) {
      case 'deployments':
        return view.deployments.store;
      case 'services':
        return view.services.store;
      case 'horizontalpodautoscalers':
        return view.scalers.store;
      case 'configmaps':
        return view.configMaps?.store ?? null;
      case 'secrets':
        return view.secrets?.store ?? null;
      case 'canaries':
        return view.canaries.store;
      default:
        return view.routes(`${resource.group}/${resource.version}`, resource.kind, resource.plural)
          .store;
    }
  }
}

export function nameOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

/** The object with other metadata; what is not named stays. */
export function withMetadata<T extends KubeObject>(object: T, metadata: Partial<ObjectMeta>): T {
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

/** What was decided on is no longer so: the caller looks and decides again. */
export function movedOn(attempt: string): ApiError {
  const status = {
    code: 409,
    reason: 'Conflict',
    message: 'it was changed since it was read',
    retryAfterSeconds: null,
    causes: [],
  };
  return new ApiError(attempt, { kind: 'conflict', code: 409, status, retryAfterMs: null });
}
