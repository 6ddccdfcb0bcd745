// How fast the model cluster reacts and how its pods behave; every number is whole milliseconds.
import type { HorizontalPodAutoscaler, Pod } from '../../api/kubernetes.ts';

/** A delay is drawn anew each time, both ends included. */
export interface Span {
  readonly minMs: number;
  readonly maxMs: number;
}

export type Behaviour =
  /** Ready so long after its containers started; default `Nature.podReadyMs`. */
  | { readonly kind: 'ready'; readonly afterMs?: number }
  | { readonly kind: 'never-ready' }
  /** Ready only after so long. */
  | { readonly kind: 'slow'; readonly afterMs: number }
  /**
   * Each time the containers end so long after their start, with code 1. Ready meanwhile after `readyAfterMs` (default
   * `Nature.podReadyMs`), if they live that long.
   */
  | { readonly kind: 'crash'; readonly afterMs: number; readonly readyAfterMs?: number }
  /** Ready and not ready in turn, without restarts. */
  | { readonly kind: 'flapping'; readonly everyMs: number }
  /** The image cannot be pulled: the containers never start. */
  | { readonly kind: 'no-image' };

export interface Nature {
  /** From a change to the controller's answer. */
  readonly deploymentDelay: Span;
  readonly replicaSetDelay: Span;
  readonly endpointDelay: Span;
  readonly scalerDelay: Span;
  /** From a pod's creation to its node. */
  readonly scheduleDelay: Span;
  /** From its node to running containers. */
  readonly startDelay: Span;
  /** From running containers to ready ones. */
  readonly podReadyMs: number;
  /** A deleted pod ends after so long, or after its own terminationGracePeriodSeconds where that is shorter. */
  readonly podEndMs: number;
  /** Before the first restart of a container. */
  readonly restartMs: number;
  /** Before the second restart; doubles with each one, up to the maximum. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
  readonly nodes: readonly string[];
  /** Asked once for each pod, and again by `behaviourChanged`. */
  readonly behaviour: (pod: Pod) => Behaviour;
  /** Load on an autoscaler's target, as pods' worth; null = there are no metrics. */
  readonly load: (scaler: HorizontalPodAutoscaler) => number | null;
  /** Shortest time between two steps up of an autoscaler. */
  readonly scalerPeriodMs: number;
  /** Default of `behavior.scaleDown.stabilizationWindowSeconds`. */
  readonly scaleDownWindowMs: number;
}

const SOON: Span = { minMs: 5, maxMs: 50 };

export const CALM: Nature = {
  deploymentDelay: SOON,
  replicaSetDelay: SOON,
  endpointDelay: SOON,
  scalerDelay: SOON,
  scheduleDelay: SOON,
  startDelay: { minMs: 100, maxMs: 300 },
  podReadyMs: 2_000,
  podEndMs: 1_000,
  restartMs: 1_000,
  backOffMs: 10_000,
  backOffMaxMs: 300_000,
  nodes: ['node-1', 'node-2', 'node-3'],
  behaviour: () => ({ kind: 'ready' }),
  load: () => null,
  scalerPeriodMs: 15_000,
  scaleDownWindowMs: 300_000,
};

export function drawn({ minMs, maxMs }: Span, random: () => number): number {
  return minMs + Math.floor(random() * (maxMs - minMs + 1));
}
