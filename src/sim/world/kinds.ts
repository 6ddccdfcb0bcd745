// Kinds that only the model's controllers read and write, and small questions about them.
import {
  type KubeObject,
  keyOf,
  type LabelSelector,
  type OwnerReference,
  type Pod,
  type PodTemplate,
} from '../../api/kubernetes.ts';

/** Condition of a workload; `lastUpdateTime` is a Deployment's. */
export interface WorkloadCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly lastUpdateTime?: string;
}

export interface ReplicaSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly [field: string]: unknown;
  };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly WorkloadCondition[];
  };
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: string;
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready: boolean; readonly terminating: boolean };
    readonly targetRef: { readonly name: string; readonly uid: string };
  }[];
}

export function selects(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  for (const key in matchLabels) if (labels[key] !== matchLabels[key]) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    const listed = value !== undefined && values.includes(value);
    return operator === 'In' ? listed : !listed;
  });
}

/** Neither ended nor being deleted: a ReplicaSet counts only such pods. */
export function isActive({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
}

export function ownerOf(object: KubeObject): OwnerReference {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name,
    uid: object.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** `keyOf` of the object that a controller reference names. */
export function keyOfOwner(object: KubeObject, owner: OwnerReference): string {
  return keyOf({ metadata: { ...object.metadata, name: owner.name } });
}

/** Zeros are left out, as the API server does. */
export function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** JSON values; a field that is undefined counts as absent. */
export function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const a = left as Readonly<Record<string, unknown>>;
  const b = right as Readonly<Record<string, unknown>>;
  for (const key in a) if (!same(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** What Kubernetes makes names of: no vowels, no digits that look like letters. */
export const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

export function nameEnding(random: () => number): string {
  let ending = '';
  for (let i = 0; i < 5; i++) ending += NAME_LETTERS[Math.floor(random() * NAME_LETTERS.length)];
  return ending;
}
