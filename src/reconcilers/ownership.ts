// Whose an object is: this Canary's by uid, left behind by an earlier one, or somebody else's.
import type { CanaryIdentity } from '../api/canary.ts';
import { CANARY_API_VERSION, OWNED_BY } from '../api/canary.ts';
import type { KubeObject, OwnerReference } from '../api/kubernetes.ts';
import type { Store } from '../informers/store.ts';

/** By reference or by mark: a deletion in the foreground takes the references away while our finalizer still works. */
export function ownedBy(object: KubeObject, canary: Pick<CanaryIdentity, 'uid'>): boolean {
  const { annotations, ownerReferences = [] } = object.metadata;
  return (
    annotations?.[OWNED_BY] === canary.uid ||
    ownerReferences.some((owner) => owner.uid === canary.uid)
  );
}

/** Made by Serin for another Canary than this one. Of two that claim the same only one works, so that one is gone. */
export function leftOver(object: KubeObject, canary: Pick<CanaryIdentity, 'uid'>): boolean {
  return object.metadata.annotations?.[OWNED_BY] !== undefined && !ownedBy(object, canary);
}

/** The object as one of this Canary's. */
export function claimed<T extends KubeObject>(
  object: T,
  canary: CanaryIdentity,
  target: KubeObject | null,
): T {
  const annotations = { ...object.metadata.annotations, [OWNED_BY]: canary.uid };
  const ownerReferences = ownersOf(canary, target);
  return { ...object, metadata: { ...object.metadata, annotations, ownerReferences } };
}

/** Owned by a Canary that is no more, or by nobody: free to be taken over if it says that it was ours. */
export function abandoned(object: KubeObject, canaries: Store<KubeObject>): boolean {
  const { namespace = '', ownerReferences = [] } = object.metadata;
  return ownerReferences
    .filter((owner) => owner.controller === true)
    .every((owner) => {
      const alive = canaries.get(`${namespace}/${owner.name}`);
      return owner.kind === 'Canary' && alive?.metadata.uid !== owner.uid;
    });
}

/**
 * The Canary is the controller; the target is a second, plain owner, so that a foreground deletion of the Canary does not
 * take these objects away before its finalizer has handed the traffic back.
 */
export function ownersOf(
  canary: CanaryIdentity,
  target: KubeObject | null,
): readonly OwnerReference[] {
  const { name, uid } = canary;
  const first: OwnerReference = {
    apiVersion: CANARY_API_VERSION,
    kind: 'Canary',
    name,
    uid,
    controller: true,
    blockOwnerDeletion: false,
  };
  if (target?.metadata.uid === undefined) return [first];
  const { apiVersion, kind, metadata } = target;
  return [
    first,
    {
      apiVersion,
      kind,
      name: metadata.name,
      uid: target.metadata.uid,
      controller: false,
      blockOwnerDeletion: false,
    },
  ];
}

/** The field manager that wrote a field last, other than Serin; empty when the server does not say. */
export function writerOf(object: KubeObject | null, path: readonly string[]): string {
  const entries = object?.metadata.managedFields ?? [];
  const owning = entries.filter((entry) => {
    let at: unknown = entry.fieldsV1;
    for (const part of path) {
      if (typeof at !== 'object' || at === null) return false;
      at = (at as Readonly<Record<string, unknown>>)[`f:${part}`];
    }
    return at !== undefined && entry.manager !== 'serin';
  });
  const newest = owning.toSorted((left, right) =>
    (left.time ?? '') < (right.time ?? '') ? 1 : -1,
  )[0];
  return newest?.manager ?? '';
}
