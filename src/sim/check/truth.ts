// What the checker rests on: the simulator's own knowledge of the cluster, never what the operator believes or says.
import type { KubeObject, PodTemplate } from '../../api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../client/client.ts';

/** Reads of the store, as `ModelStore` has them. */
export interface Shelves {
  get(resource: Resource, key: ObjectKey): KubeObject | null;
  list(
    resource: Resource,
    filter?: {
      readonly namespace?: string;
      readonly labelSelector?: string;
      readonly fieldSelector?: string;
    },
  ): readonly KubeObject[];
}

/** A pod that the data plane would send requests to. */
export interface ReadyPod {
  readonly name: string;
  /** As `Truth.versionOf` names it. */
  readonly version: string;
}

export interface InForce {
  /** Percent of the requests by the name of the Service that the proxies send them to. */
  readonly weights: ReadonlyMap<string, number>;
  /** Since when all proxies have had just these weights. */
  readonly sinceMs: number;
}

/** What the proxies really do. */
export interface DataPlane {
  /** Percent of the requests to the apex, by the Deployment whose pods get them; empty = they get no answer. */
  shares(namespace: string, apex: string): ReadonlyMap<string, number>;
  /** The route as the proxies have it; null = none is in force. */
  inForce(namespace: string, apex: string): InForce | null;
  /**
   * Since when no request can reach pods of this Deployment, by any way; null = one can now; -Infinity = none ever
   * could.
   */
  idleSinceMs(namespace: string, deployment: string): number | null;
}

/** How late the operator may be, and how quiet it must be. */
export interface Bounds {
  /** Changes by others that are younger than this are not held against a write: 1 tick without faults. */
  readonly graceMs: number;
  /** From a failure (or from the healing, if that is later) to weight 0 in force. */
  readonly rollbackMs: number;
  /** From the healing, or the last change by others if that is later, to the last write of the operator. */
  readonly convergeMs: number;
  /** Added to deadlines that a spec states. */
  readonly slackMs: number;
}

export interface Truth {
  readonly store: Shelves;
  readonly dataPlane: DataPlane;
  readonly bounds: Bounds;
  /** Of Canaries that name no provider. */
  readonly defaultProvider: string;
  nowMs(): number;
  /** Since when no fault has been injected any more; null = faults are on. */
  healedSinceMs(): number | null;
  readyPods(namespace: string, deployment: string): readonly ReadyPod[];
  /** When pods of this Deployment were last lost to something that no one wrote (crash, drain); -Infinity = never. */
  podsLostMs(namespace: string, deployment: string): number;
  /** How long a backend must have been idle before its pods may go. */
  drainMs(namespace: string, apex: string): number;
  /** One name for what a pod template runs: the same for a target and for a primary made of it. */
  versionOf(template: PodTemplate): string;
  /** Checks of this version that passed, by the samples and hook answers that were really served. */
  passed(canaryUid: string, version: string): number;
  /** When this version had failed for good, by the same samples; null = it has not, or was asked for again since. */
  failedAtMs(canaryUid: string, version: string): number | null;
}

/** The plainest `versionOf`: the images of all containers. */
export function imagesOf({ spec }: PodTemplate): string {
  return [...(spec.initContainers ?? []), ...spec.containers]
    .map(({ name, image = '' }) => `${name}=${image}`)
    .join(',');
}
