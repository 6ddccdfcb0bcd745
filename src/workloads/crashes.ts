// Crash evidence: containers that ended by themselves, told apart from pods that somebody took away.
import type { ContainerEnd, ContainerStatus, Pod } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';

export interface Crash {
  readonly pod: string;
  readonly container: string;
  readonly restarts: number;
  /** As the kubelet says: Error, OOMKilled, Completed, CrashLoopBackOff. */
  readonly reason: string;
  /** Null when the kubelet does not say. */
  readonly exitCode: number | null;
  readonly finishedAt: Instant | null;
}

/** How a kubelet that was away names the end of a container that it did not see: the node's fault, not the image's. */
const UNSEEN_ENDS = ['ContainerStatusUnknown', 'Unknown'];

/**
 * Containers whose last end came at or after `since` (null = ever), already restarted or not yet, or that wait to be
 * restarted again. Pods that are being deleted, were evicted or preempted, or leave a drained node say nothing about
 * their revision. A kubelet tells ends in whole seconds.
 */
export function crashesOf(pods: readonly Pod[], since: Instant | null): readonly Crash[] {
  return pods
    .filter((pod) => !leaving(pod))
    .flatMap((pod) => [
      ...(pod.status?.containerStatuses ?? []).map((status) =>
        crashOf(pod, status, { since, end: endsOf(status)[0] }),
      ),
      // An init container that ended well is done.
      ...(pod.status?.initContainerStatuses ?? []).map((status) =>
        crashOf(pod, status, { since, end: endsOf(status).find(({ exitCode }) => exitCode !== 0) }),
      ),
    ])
    .filter((crash) => crash !== null);
}

/** Newest first. Between its end and its restart a container is `terminated` itself. */
function endsOf({ state, lastState }: ContainerStatus): readonly ContainerEnd[] {
  return [state?.terminated, lastState?.terminated].filter((end) => end !== undefined);
}

interface Ending {
  readonly since: Instant | null;
  readonly end: ContainerEnd | undefined;
}

function crashOf(pod: Pod, status: ContainerStatus, { since, end }: Ending): Crash | null {
  const waiting = status.state?.waiting?.reason;
  const looping = waiting === 'CrashLoopBackOff';
  const finishedAt = end?.finishedAt === undefined ? null : parseTime(end.finishedAt);
  const ended =
    end !== undefined &&
    !UNSEEN_ENDS.includes(end.reason ?? '') &&
    (since === null || (finishedAt !== null && finishedAt >= since));
  if (!looping && !ended) return null;
  return {
    pod: pod.metadata.name,
    container: status.name,
    restarts: status.restartCount,
    reason: end?.reason ?? waiting ?? 'Unknown',
    exitCode: end?.exitCode ?? null,
    finishedAt,
  };
}

export function leaving({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  // Evicted, NodeShutdown, Preempting, NodeLost: set on the pod only when the node, not the image, ends it.
  if ((status?.reason ?? '') !== '') return true;
  return (status?.conditions ?? []).some(
    ({ type, status: is }) => type === 'DisruptionTarget' && is === 'True',
  );
}
