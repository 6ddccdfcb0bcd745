// Whether pods are enough: for a rollout to go on, and for a share of the traffic.
import type { Weight } from '../api/canary.ts';
import type { Rollout } from './kind.ts';

export interface Readiness {
  readonly ready: boolean;
  /** In words, for conditions and Events; also says what is so when it is ready. */
  readonly why: string;
}

/**
 * Ready when the controller has seen the spec, all pods are of the newest template, and `thresholdPercent` of them
 * (rounded up, at least one) are available. A workload at zero is never ready: nothing there could serve.
 */
export function enough(rollout: Rollout, thresholdPercent: number): Readiness {
  const { replicas, updated, available, total } = rollout;
  const need = Math.max(1, Math.ceil((updated * thresholdPercent) / 100));
  const lack = firstOf([
    [!rollout.settled, 'the newest spec has not been seen by its controller yet'],
    [replicas === 0, 'it is scaled to zero'],
    [rollout.stuck !== null, rollout.stuck ?? ''],
    [
      rollout.paused && updated < replicas,
      `it is paused with ${updated} of ${replicas} pods updated`,
    ],
    [updated < replicas, `${updated} of ${replicas} pods are updated`],
    [total > updated, `${total - updated} old pods are still there`],
    [available < need, `${available} of ${need} pods are available`],
  ]);
  return lack === null
    ? { ready: true, why: `${available} of ${updated} pods are available` }
    : { ready: false, why: lack };
}

/**
 * Ready pods that a share of the traffic needs, where `replicas` pods would serve all of it: rounded up, at least one
 * for any traffic, none for none.
 */
export function needFor(weight: Weight, replicas: number): number {
  return weight === 0 ? 0 : Math.max(1, Math.ceil((replicas * weight) / 100));
}

function firstOf(facts: readonly (readonly [boolean, string])[]): string | null {
  return facts.find(([so]) => so)?.[1] ?? null;
}
