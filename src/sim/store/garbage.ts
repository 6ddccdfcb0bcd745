// The garbage collector: what becomes of the owned when an owner goes. Works at once, with the store's own verbs.
import type { KubeObject, OwnerReference } from '../../api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../client/client.ts';
import type { Change, Writer } from './change.ts';
import { FOREGROUND, isDeletedInForeground, ORPHAN, type Propagation } from './lifetime.ts';

/** What it needs of the store. */
export interface Hands {
  get(resource: Resource, key: ObjectKey): KubeObject | null;
  update(resource: Resource, object: KubeObject, by: Writer): KubeObject;
  delete(
    resource: Resource,
    key: ObjectKey,
    by: Writer,
    options: { readonly uid?: string; readonly propagationPolicy?: Propagation },
  ): void;
}

interface Found {
  readonly resource: Resource;
  readonly object: KubeObject;
}

interface Place {
  readonly resource: Resource;
  readonly key: ObjectKey;
}

const COLLECTOR: Writer = {
  user: 'system:serviceaccount:kube-system:generic-garbage-collector',
  manager: 'kube-controller-manager',
};

const NOBODY: readonly OwnerReference[] = [];

export class Garbage {
  readonly #hands: Hands;
  readonly #places = new Map<string, Place>();
  /** Uids of the owned by uid of the owner, whether that exists or not. */
  readonly #owned = new Map<string, Set<string>>();

  constructor(hands: Hands) {
    this.#hands = hands;
  }

  /** At each commit, before anybody acts on it. */
  note({ type, resource, object, before }: Change): void {
    const { uid = '', namespace, name } = object.metadata;
    if (type === 'ADDED') {
      const key = namespace === undefined ? { name } : { namespace, name };
      this.#places.set(uid, { resource, key });
    } else if (type === 'DELETED') {
      this.#places.delete(uid);
    }
    const owners = type === 'DELETED' ? NOBODY : ownersOf(object);
    const owned = before === null ? NOBODY : ownersOf(before);
    if (owners === owned) return;
    for (const owner of owned) this.#disown(owner.uid, uid);
    for (const owner of owners) this.#own(owner.uid, uid);
  }

  /** After those who listen to the store have heard of the change. */
  react({ type, object, before }: Change): void {
    const { uid = '', deletionTimestamp } = object.metadata;
    if (type === 'DELETED') {
      for (const owned of this.#ownedBy(uid)) this.#attempt(owned);
      for (const owner of ownersOf(object)) this.#finishForeground(owner.uid);
      return;
    }
    const owners = ownersOf(object);
    const ownersBefore = before === null ? NOBODY : ownersOf(before);
    if (owners !== ownersBefore) {
      this.#attempt(uid);
      // An owner that waited for this one may have been let go.
      for (const owner of ownersBefore) this.#finishForeground(owner.uid);
    }
    if (deletionTimestamp === undefined) return;
    this.#finishForeground(uid);
    this.#finishOrphans(uid);
  }

  /** Deletes what has no owner left; drops references to owners that are gone if others are still there. */
  #attempt(uid: string): void {
    const found = this.#find(uid);
    if (found === null) return;
    const { resource, object } = found;
    const owners = ownersOf(object);
    if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return;
    const states = owners.map((owner) => ({ owner, state: this.#stateOf(owner, object) }));
    const solid = states.filter(({ state }) => state === 'solid').map(({ owner }) => owner);
    if (solid.length === owners.length) return;
    if (solid.length > 0) return this.#rewrite(resource, object, { ownerReferences: solid });
    const awaited = states.some(({ state }) => state === 'waiting');
    const parent = this.#ownedBy(uid).length > 0;
    this.#hands.delete(resource, object.metadata, COLLECTOR, {
      uid,
      propagationPolicy: awaited && parent ? 'Foreground' : wished(object),
    });
  }

  #stateOf(owner: OwnerReference, of: KubeObject): 'solid' | 'waiting' | 'gone' {
    const found = this.#find(owner.uid);
    if (found === null || found.object.metadata.name !== owner.name) return 'gone';
    const { namespace } = found.object.metadata;
    if (namespace !== undefined && namespace !== of.metadata.namespace) return 'gone';
    return isDeletedInForeground(found.object) ? 'waiting' : 'solid';
  }

  /** An owner that is deleted in the foreground goes when nobody that blocks its deletion is left. */
  #finishForeground(uid: string): void {
    const owner = this.#find(uid);
    if (owner === null || !isDeletedInForeground(owner.object)) return;
    const blocking = this.#ownedBy(uid).filter((owned) => this.#blocks(owned, uid));
    for (const owned of blocking) this.#attempt(owned);
    if (blocking.length > 0) return;
    this.#dropFinalizer(owner, FOREGROUND);
  }

  #blocks(owned: string, owner: string): boolean {
    const found = this.#find(owned);
    return (
      found !== null &&
      ownersOf(found.object).some(
        (reference) => reference.uid === owner && reference.blockOwnerDeletion === true,
      )
    );
  }

  #finishOrphans(uid: string): void {
    const owner = this.#find(uid);
    if (owner === null || !(owner.object.metadata.finalizers ?? []).includes(ORPHAN)) return;
    for (const owned of this.#ownedBy(uid)) {
      const found = this.#find(owned);
      if (found === null) continue;
      const others = ownersOf(found.object).filter((reference) => reference.uid !== uid);
      this.#rewrite(found.resource, found.object, { ownerReferences: others });
    }
    this.#dropFinalizer(owner, ORPHAN);
  }

  #dropFinalizer({ resource, object }: Found, finalizer: string): void {
    const finalizers = (object.metadata.finalizers ?? []).filter((other) => other !== finalizer);
    this.#rewrite(resource, object, { finalizers });
  }

  #rewrite(
    resource: Resource,
    object: KubeObject,
    change: Partial<Pick<KubeObject['metadata'], 'finalizers' | 'ownerReferences'>>,
  ): void {
    const metadata = { ...object.metadata, ...change };
    if (change.finalizers?.length === 0) delete metadata.finalizers;
    if (change.ownerReferences?.length === 0) delete metadata.ownerReferences;
    this.#hands.update(resource, { ...object, metadata }, COLLECTOR);
  }

  #find(uid: string): Found | null {
    const place = this.#places.get(uid);
    if (place === undefined) return null;
    const object = this.#hands.get(place.resource, place.key);
    return object === null ? null : { resource: place.resource, object };
  }

  #ownedBy(uid: string): readonly string[] {
    return [...(this.#owned.get(uid) ?? [])];
  }

  #own(owner: string, owned: string): void {
    const all = this.#owned.get(owner) ?? new Set();
    this.#owned.set(owner, all.add(owned));
  }

  #disown(owner: string, owned: string): void {
    const all = this.#owned.get(owner);
    all?.delete(owned);
    if (all?.size === 0) this.#owned.delete(owner);
  }
}

function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? NOBODY;
}

/** What the object's own finalizers ask for. */
function wished({ metadata }: KubeObject): Propagation {
  if (metadata.finalizers?.includes(ORPHAN) === true) return 'Orphan';
  return metadata.finalizers?.includes(FOREGROUND) === true ? 'Foreground' : 'Background';
}
