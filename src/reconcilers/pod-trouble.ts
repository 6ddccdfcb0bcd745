// What keeps pods from being ready, in the kubelet's own words: the first thing that a person would look for.
import type { Pod } from '../api/kubernetes.ts';

/** One line about the first pod in trouble; empty = none says why. */
export function podTrouble(pods: readonly Pod[]): string {
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const statuses = [
      ...(pod.status?.initContainerStatuses ?? []),
      ...(pod.status?.containerStatuses ?? []),
    ];
    for (const { name, state } of statuses) {
      const reason = state?.waiting?.reason;
      if (reason === undefined || reason === 'ContainerCreating' || reason === 'PodInitializing')
        continue;
      return `container ${name} of pod ${pod.metadata.name} is waiting: ${reason}`;
    }
    const unscheduled = pod.status?.conditions?.find(
      (condition) => condition.type === 'PodScheduled' && condition.status === 'False',
    );
    if (unscheduled !== undefined) {
      return `pod ${pod.metadata.name} cannot be scheduled: ${unscheduled.message ?? unscheduled.reason ?? ''}`;
    }
  }
  return '';
}
