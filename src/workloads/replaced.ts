// Pods that are missing through no fault of their version: taken away, or new and still starting.
import type { ContainerStatus, Pod } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';
import { leaving } from './crashes.ts';

/** True when every pod that is not ready leaves, or was never ready since its containers started. */
export function replaced(pods: readonly Pod[]): boolean {
  return pods.every((pod) => leaving(pod) || isReady(pod) || isNew(pod));
}

function readyCondition(pod: Pod) {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready');
}

/** By its own condition. */
export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/** A pod is not ready from before its containers start; one that became so later had been ready. */
function isNew(pod: Pod): boolean {
  const changed = parseTime(readyCondition(pod)?.lastTransitionTime ?? '');
  const containers = pod.status?.containerStatuses ?? [];
  return (
    containers.length === 0 ||
    changed === null ||
    containers.some((each) => startsAfter(each, changed))
  );
}

function startsAfter({ state }: ContainerStatus, changed: Instant): boolean {
  const started = parseTime(state?.running?.startedAt ?? '');
  return started === null || changed <= started;
}
