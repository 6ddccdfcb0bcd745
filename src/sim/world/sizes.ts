// The arithmetic of a Deployment's rollout: how many pods each ReplicaSet may have next. Follows kube-controller-manager.
import type { Deployment } from '../../api/kubernetes.ts';
import type { ReplicaSet } from './kinds.ts';

export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
export const MAX = 'deployment.kubernetes.io/max-replicas';

export interface Sizing {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

export interface Limits {
  readonly surge: number;
  readonly unavailable: number;
}

interface Strategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly maxSurge?: number | string;
    readonly maxUnavailable?: number | string;
  };
}

export function wanted(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function sizeOf(set: ReplicaSet): number {
  return set.spec.replicas ?? 1;
}

export function sum(sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}

export function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

export function isRecreate(deployment: Deployment): boolean {
  return strategyOf(deployment).type === 'Recreate';
}

/** Percentages of the wanted replicas: surge is rounded up, unavailable down; both zero would stand still. */
export function limitsOf(deployment: Deployment): Limits {
  if (isRecreate(deployment)) return { surge: 0, unavailable: 0 };
  const replicas = wanted(deployment);
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategyOf(deployment).rollingUpdate ?? {};
  const surge = Math.ceil(absolute(maxSurge, replicas));
  const unavailable = Math.floor(absolute(maxUnavailable, replicas));
  if (surge === 0 && unavailable === 0) return { surge, unavailable: Math.min(1, replicas) };
  return { surge, unavailable: Math.min(unavailable, replicas) };
}

export function byAge(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return [...sets].sort(
    (a, b) => textOrder(createdAt(a), createdAt(b)) || textOrder(a.metadata.name, b.metadata.name),
  );
}

/** The size of the ReplicaSet of the newest template, where it is not there yet or too small: as surge allows. */
export function newSize(deployment: Deployment, sets: readonly ReplicaSet[], now: number): number {
  const replicas = wanted(deployment);
  if (isRecreate(deployment) || now >= replicas) return replicas;
  const room = replicas + limitsOf(deployment).surge - sum(sets, sizeOf);
  return room <= 0 ? now : now + Math.min(room, replicas - now);
}

/** Of the ReplicaSets of earlier templates: unhealthy pods go first, then as many as availability allows. */
export function oldSizes(
  deployment: Deployment,
  newest: ReplicaSet,
  olds: readonly ReplicaSet[],
): readonly Sizing[] {
  const active = byAge(olds.filter((set) => sizeOf(set) > 0));
  const least = wanted(deployment) - limitsOf(deployment).unavailable;
  const total = sum(active, sizeOf) + sizeOf(newest);
  const spare = total - least - (sizeOf(newest) - availableOf(newest));
  if (active.length === 0 || spare <= 0) return [];
  let unhealthyLeft = spare;
  const cleaned = active.map((set) => {
    const unhealthy = Math.max(0, sizeOf(set) - availableOf(set));
    const taken = Math.min(unhealthyLeft, unhealthy);
    unhealthyLeft -= taken;
    return { set, replicas: sizeOf(set) - taken };
  });
  let left = sum([...active, newest], availableOf) - least;
  const sized = cleaned.map(({ set, replicas }) => {
    const taken = Math.max(0, Math.min(left, replicas));
    left -= taken;
    return { set, replicas: replicas - taken };
  });
  return sized.filter(({ set, replicas }) => replicas !== sizeOf(set));
}

/** After a change of the size: a lone ReplicaSet gets it all, several share it in proportion, whatever the template. */
export function scaledSizes(
  deployment: Deployment,
  newest: ReplicaSet | null,
  olds: readonly ReplicaSet[],
): readonly Sizing[] {
  const replicas = wanted(deployment);
  const sets = newest === null ? byAge(olds) : [...byAge(olds), newest];
  const active = sets.filter((set) => sizeOf(set) > 0);
  const lone = active.length > 1 ? undefined : (active[0] ?? sets.at(-1));
  if (lone !== undefined) return [{ set: lone, replicas }];
  if (newest !== null && isSaturated(deployment, newest)) {
    return active.filter((set) => set !== newest).map((set) => ({ set, replicas: 0 }));
  }
  if (isRecreate(deployment)) return [];
  return proportional(deployment, active);
}

function proportional(deployment: Deployment, active: readonly ReplicaSet[]): readonly Sizing[] {
  const replicas = wanted(deployment);
  const most = replicas === 0 ? 0 : replicas + limitsOf(deployment).surge;
  const toAdd = most - sum(active, sizeOf);
  const ages = byAge(active);
  // The larger first; of equals the newer when growing, the older when shrinking.
  const inOrder = (toAdd > 0 ? [...ages].reverse() : [...ages]).sort(
    (a, b) => sizeOf(b) - sizeOf(a),
  );
  let added = 0;
  const sized = inOrder.map((set) => {
    const share = shareOf(set, deployment, most);
    const left = toAdd - added;
    const part = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    added += toAdd === 0 || left === 0 ? 0 : part;
    return { set, replicas: sizeOf(set) + (toAdd === 0 || left === 0 ? 0 : part) };
  });
  return sized.map(({ set, replicas: size }, index) => ({
    set,
    replicas: index === 0 ? Math.max(0, size + toAdd - added) : size,
  }));
}

function shareOf(set: ReplicaSet, deployment: Deployment, most: number): number {
  if (wanted(deployment) === 0) return -sizeOf(set);
  const noted = Number(set.metadata.annotations?.[MAX] ?? 0);
  const before = noted > 0 ? noted : (deployment.status?.replicas ?? 0);
  return before === 0 ? 0 : Math.round((sizeOf(set) * most) / before) - sizeOf(set);
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const replicas = wanted(deployment);
  return (
    sizeOf(set) === replicas &&
    Number(set.metadata.annotations?.[DESIRED] ?? Number.NaN) === replicas &&
    availableOf(set) === replicas
  );
}

function strategyOf(deployment: Deployment): Strategy {
  return deployment.spec['strategy'] ?? {};
}

function absolute(value: number | string, of: number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? (Number.parseInt(value, 10) * of) / 100 : Number(value);
}

function createdAt(set: ReplicaSet): string {
  return set.metadata.creationTimestamp ?? '';
}

function textOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
