// How one object points at another.
import type { KubeObject, OwnerReference } from '../api/kubernetes.ts';

export interface Ownership {
  /** One object has at most one controller. */
  readonly controller: boolean;
  /** Whether a foreground deletion of the owner waits for the owned. */
  readonly blockOwnerDeletion: boolean;
}

/** Throws if the owner was not read from a cluster: a reference without a uid owns nothing. */
export function ownerReference(owner: KubeObject, ownership: Ownership): OwnerReference {
  const { name, uid } = owner.metadata;
  if (uid === undefined) throw new TypeError(`an owner needs a uid: ${owner.kind} ${name}`);
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, ...ownership };
}

/** `core/v1 ObjectReference`, as Events carry it. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

/** Without resourceVersion: it would make every Event about a changing object a series of its own. */
export function objectReference(object: KubeObject): ObjectReference {
  const { namespace, name, uid } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}
