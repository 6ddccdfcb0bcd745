// A Deployment's status as kube-controller-manager computes it: counts, Available, Progressing and its deadline.
import type { Deployment } from '../../api/kubernetes.ts';
import { asInstant, type Instant } from '../../clock/clock.ts';
import { parseTime, rfc3339 } from '../../clock/time-format.ts';
import { type ReplicaSet, type WorkloadCondition, withoutZeros } from './kinds.ts';
import { availableOf, limitsOf, sizeOf, sum, wanted } from './sizes.ts';

export interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly collisionCount?: number;
  readonly conditions?: readonly WorkloadCondition[];
}

export interface Sets {
  readonly newest: ReplicaSet | null;
  readonly olds: readonly ReplicaSet[];
}

const NO_DEADLINE = 2 ** 31 - 1;

export function statusOf(deployment: Deployment): DeploymentStatus {
  return deployment.status ?? {};
}

/** Null = the Deployment has no progress deadline and no condition Progressing. */
export function deadlineMs({ spec }: Deployment): number | null {
  const seconds = (spec['progressDeadlineSeconds'] ?? 600) as number;
  return seconds === NO_DEADLINE ? null : seconds * 1000;
}

export function conditionOf(status: DeploymentStatus, type: string): WorkloadCondition | null {
  return status.conditions?.find((each) => each.type === type) ?? null;
}

type Said = Pick<WorkloadCondition, 'type' | 'status' | 'reason' | 'message'>;

/** Nothing changes if status and reason are so already; the transition's time stays if only the reason is new. */
export function withCondition(
  status: DeploymentStatus,
  said: Said,
  now: Instant,
): DeploymentStatus {
  const { type } = said;
  const before = conditionOf(status, type);
  if (before?.status === said.status && before.reason === said.reason) return status;
  const time = rfc3339(now);
  const lastTransitionTime = before?.status === said.status ? before.lastTransitionTime : time;
  const rest = without(status, type).conditions ?? [];
  const condition = { ...said, lastUpdateTime: time, lastTransitionTime };
  return { ...status, conditions: [...rest, condition] };
}

export function progressing(status: WorkloadCondition['status'], reason: string, message: string) {
  return { type: 'Progressing', status, reason, message };
}

/** Counts and Available; the other conditions are taken over. */
export function counted(deployment: Deployment, { newest, olds }: Sets, now: Instant) {
  const sets = newest === null ? olds : [...olds, newest];
  const before = statusOf(deployment);
  const availableReplicas = sum(sets, availableOf);
  const status: DeploymentStatus = {
    ...withoutZeros({
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas: sum(sets, made),
      updatedReplicas: newest === null ? 0 : made(newest),
      readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
      availableReplicas,
      unavailableReplicas: Math.max(0, sum(sets, sizeOf) - availableReplicas),
      collisionCount: before.collisionCount ?? 0,
    }),
    conditions: before.conditions ?? [],
  };
  const enough = availableReplicas >= wanted(deployment) - limitsOf(deployment).unavailable;
  const said: Said = enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  return withCondition(status, said, now);
}

/** As `counted`, with Progressing and ReplicaFailure: for a Deployment that is not paused and changes no size. */
export function rolledOut(deployment: Deployment, sets: Sets, now: Instant): DeploymentStatus {
  const status = counted(deployment, sets, now);
  const progressed =
    deadlineMs(deployment) === null
      ? without(status, 'Progressing')
      : withProgress(deployment, status, { sets, now });
  const all = sets.newest === null ? sets.olds : [sets.newest, ...sets.olds];
  const failure = all
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type }) => type === 'ReplicaFailure');
  if (failure === undefined) return without(progressed, 'ReplicaFailure');
  const { type, status: is, reason, message } = failure;
  return withCondition(progressed, { type, status: is, reason, message }, now);
}

function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  { sets, now }: { readonly sets: Sets; readonly now: Instant },
): DeploymentStatus {
  const current = conditionOf(status, 'Progressing');
  const { replicas = 0, updatedReplicas = 0 } = status;
  if (replicas === updatedReplicas && current?.reason === 'NewReplicaSetAvailable') return status;
  const name =
    sets.newest === null
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${sets.newest.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${name} has successfully progressed.`;
    return withCondition(status, progressing('True', 'NewReplicaSetAvailable', message), now);
  }
  if (hasProgressed(statusOf(deployment), status)) {
    const said = progressing('True', 'ReplicaSetUpdated', `${name} is progressing.`);
    // Each progress counts anew for the deadline, so the condition is written again.
    const anew = withCondition(without(status, 'Progressing'), said, now);
    return current?.status === 'True'
      ? { ...anew, conditions: anew.conditions?.map((each) => since(each, current)) ?? [] }
      : anew;
  }
  const leftMs = deadlineLeftMs(deployment, status, now);
  if (leftMs === null || leftMs >= 0) return status;
  const message = `${name} has timed out progressing.`;
  return withCondition(status, progressing('False', 'ProgressDeadlineExceeded', message), now);
}

/** Milliseconds to the progress deadline, below zero once it has passed; null where none runs. */
export function deadlineLeftMs(
  deployment: Deployment,
  status: DeploymentStatus,
  now: Instant,
): number | null {
  const condition = conditionOf(status, 'Progressing');
  const allowedMs = deadlineMs(deployment);
  if (condition === null || allowedMs === null || isComplete(deployment, status)) return null;
  if (['NewReplicaSetAvailable', 'ProgressDeadlineExceeded'].includes(condition.reason))
    return null;
  const from = parseTime(condition.lastUpdateTime ?? '') ?? asInstant(now);
  return from + allowedMs - now;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = wanted(deployment);
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) =>
    replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function without(status: DeploymentStatus, type: string): DeploymentStatus {
  const conditions = status.conditions ?? [];
  return { ...status, conditions: conditions.filter((each) => each.type !== type) };
}

function since(condition: WorkloadCondition, current: WorkloadCondition): WorkloadCondition {
  if (condition.type !== current.type) return condition;
  return { ...condition, lastTransitionTime: current.lastTransitionTime };
}

function made(set: ReplicaSet): number {
  return set.status?.replicas ?? 0;
}
