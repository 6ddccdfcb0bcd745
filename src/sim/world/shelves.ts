// The kinds that the controllers look at, as of the last commit, found by key, by namespace and by controlling owner.
import {
  type Deployment,
  type HorizontalPodAutoscaler,
  type KubeObject,
  keyOf,
  type OwnerReference,
  type Pod,
  type Service,
} from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { EndpointSlice, ReplicaSet } from './kinds.ts';
import type { Seen, WorldStore } from './world.ts';

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export class Shelf<T extends KubeObject> {
  readonly resource: Resource;
  readonly #byKey = new Map<string, T>();
  readonly #byNamespace = new Map<string, Map<string, T>>();
  /** Objects without controller are under the empty uid. */
  readonly #byOwner = new Map<string, Map<string, T>>();

  constructor(resource: Resource) {
    this.resource = resource;
  }

  get(key: string): T | null {
    return this.#byKey.get(key) ?? null;
  }

  in(namespace: string): readonly T[] {
    return [...(this.#byNamespace.get(namespace) ?? NOTHING).values()];
  }

  ownedBy(uid: string, namespace: string): readonly T[] {
    return [...(this.#byOwner.get(`${namespace}/${uid}`) ?? NOTHING).values()];
  }

  orphans(namespace: string): readonly T[] {
    return this.ownedBy('', namespace);
  }

  all(): readonly T[] {
    return [...this.#byKey.values()];
  }

  take({ type, object }: Seen): void {
    const key = keyOf(object);
    const before = this.#byKey.get(key);
    const namespace = object.metadata.namespace ?? '';
    if (before !== undefined && (type === 'DELETED' || ownerKey(before) !== ownerKey(object))) {
      this.#byOwner.get(ownerKey(before))?.delete(key);
    }
    if (type === 'DELETED') {
      this.#byKey.delete(key);
      this.#byNamespace.get(namespace)?.delete(key);
      return;
    }
    this.#byKey.set(key, object as T);
    put(this.#byNamespace, namespace, { key, object: object as T });
    put(this.#byOwner, ownerKey(object), { key, object: object as T });
  }
}

export class Shelves {
  readonly deployments = new Shelf<Deployment>(RESOURCES.deployments);
  readonly replicaSets = new Shelf<ReplicaSet>(RESOURCES.replicaSets);
  readonly pods = new Shelf<Pod>(RESOURCES.pods);
  readonly services = new Shelf<Service>(RESOURCES.services);
  readonly slices = new Shelf<EndpointSlice>(RESOURCES.endpointSlices);
  readonly scalers = new Shelf<HorizontalPodAutoscaler>(RESOURCES.horizontalPodAutoscalers);

  /** False if no controller looks at this kind. */
  take(seen: Seen): boolean {
    const shelf = this.#all().find(({ resource }) => isOf(seen, resource));
    shelf?.take(seen);
    return shelf !== undefined;
  }

  /** What the store holds already. */
  *stocked(store: WorldStore): Iterable<Seen> {
    for (const { resource } of this.#all()) {
      for (const object of store.list(resource)) {
        yield { type: 'ADDED', resource, object, before: null };
      }
    }
  }

  #all() {
    return [
      this.pods,
      this.replicaSets,
      this.deployments,
      this.services,
      this.slices,
      this.scalers,
    ] as const;
  }
}

export function isOf({ resource }: Pick<Seen, 'resource'>, kind: Resource): boolean {
  return resource === kind || (resource.plural === kind.plural && resource.group === kind.group);
}

export function controllerOf(object: KubeObject): OwnerReference | null {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true) ?? null;
}

function ownerKey(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${controllerOf(object)?.uid ?? ''}`;
}

function put<T>(
  groups: Map<string, Map<string, T>>,
  group: string,
  { key, object }: { readonly key: string; readonly object: T },
): void {
  const members = groups.get(group);
  if (members === undefined) groups.set(group, new Map([[key, object]]));
  else members.set(key, object);
}
