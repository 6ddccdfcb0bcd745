// Everything that a decision rests on, as plain frozen facts. The reconciler gathers them; nobody else adds to them.
import type { Sample } from '../analysis/sample.ts';
import type { Canary, Problem, Revision, Weight } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';

/** How far the pods of a workload are, by its own controller's words. */
export interface PodCounts {
  /** The controller has seen the newest generation. */
  readonly settled: boolean;
  /** Asked for by the spec. */
  readonly replicas: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly total: number;
  readonly paused: boolean;
  /** What the controller says is stuck; null = nothing. */
  readonly stuck: string | null;
}

/** Whether the pods are as many and as ready as the Canary demands, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  readonly why: string;
}

/** A container of the canary that died under traffic. */
export interface Crash {
  readonly pod: string;
  readonly container: string;
  readonly restarts: number;
  readonly reason: string;
}

export interface Target {
  readonly uid: string;
  readonly generation: number;
  /** Pod template and tracked configs as they are now. */
  readonly revision: Revision;
  /** Digest of the pod template alone. */
  readonly template: string;
  /** The controller's own count of templates; empty before the first. */
  readonly turn: string;
  /** Since when its generation and that count have stood as they are, as far as this process saw. */
  readonly standsSince: Instant;
  /** It runs another image than the primary: that is nobody's default. */
  readonly otherImages: boolean;
  readonly pods: PodCounts;
  readonly readiness: Readiness;
  /** Since the canary got traffic; empty before. */
  readonly crashes: readonly Crash[];
  /** No pod is unready by its own fault: each one leaves (its node is drained, say) or is new and still starts. */
  readonly replaced: boolean;
  /** `serin.dev/configs` of the pod template; empty when it has none. */
  readonly configStamp: string;
  /** Who wrote `spec.replicas` last; empty when the server does not say. */
  readonly replicasWriter: string;
}

export interface Primary {
  /** Ours by this Canary's uid, or left by an earlier Canary of the same name. */
  readonly owner: 'ours' | 'left';
  /** Revision that its template was written for; empty when unknown. */
  readonly revision: Revision | '';
  readonly pods: PodCounts;
  readonly readiness: Readiness;
  /** What is wrong with its pods, as a person would want it told; empty = nothing. */
  readonly trouble: string;
  /** Its template, turned back into the target's, has the digest that the target has now. */
  readonly sameTemplate: boolean;
}

export type Present = 'absent' | 'right' | 'wrong';

export interface Services {
  readonly primary: Present;
  readonly canary: Present;
  readonly apex: Present;
  /** Where the apex sends its clients. */
  readonly apexSelects: 'primary' | 'target' | 'other' | 'nothing';
  readonly apexVersion: string;
  /** When Serin last wrote the apex's selector; null = unknown, long ago. */
  readonly apexSince: Instant | null;
  /** Who wrote the apex's selector last; empty when the server does not say. */
  readonly apexWriter: string;
}

/** What the cluster says of the route; `apex` = the route sends all to the apex Service. */
export interface RouteFacts {
  /** False: this router cannot split traffic, only the Services count. */
  readonly canWeight: boolean;
  readonly state: 'absent' | 'split' | 'apex';
  /** All goes to the apex, and primary and canary are still named. */
  readonly trailing?: boolean;
  readonly weight: Weight;
  readonly revision: string;
  readonly step: number;
  /** Nobody changed what we wrote. */
  readonly intact: boolean;
  readonly confirmed:
    | {
        readonly kind: 'yes';
        readonly since: Instant;
        /** Where settling lies inside of a step's interval: from when that counts. Absent = `since`. */
        readonly writtenAt?: Instant;
      }
    | { readonly kind: 'waiting'; readonly why: string; readonly until: Instant | null }
    | { readonly kind: 'refused'; readonly why: string };
}

export interface ScalerFacts {
  /** What the primary's copy may go down and up to, overrides included. */
  readonly min: number;
  readonly max: number;
  /** The target's own bounds. */
  readonly targetMin: number;
  readonly primary: 'absent' | 'right' | 'wrong';
  /** minReplicas of the primary's copy as it is; null = absent. */
  readonly primaryFloor: number | null;
}

export interface ConfigFacts {
  /** `configmap/<name>` or `secret/<name>` to 16 hex digits. */
  readonly digests: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  /** The primary's copies hold what the originals hold. */
  readonly copies: Present;
  /** Stamp over all digests. */
  readonly stamp: string;
}

/** What came back from outside. `at` is when. */
export type Answer =
  | { readonly kind: 'sample'; readonly sample: Sample; readonly at: Instant }
  | {
      readonly kind: 'hook';
      readonly ok: boolean;
      /** False: no answer came at all. */
      readonly heard: boolean;
      readonly message: string;
      readonly at: Instant;
    };

export interface World {
  readonly now: Instant;
  /** By how much the wall clock was set, forward or back, since this Canary was last looked at. */
  readonly clockSetMs: number;
  readonly canary: Canary;
  /** What keeps this Canary from being obeyed as things are. Empty = nothing. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Null = there is no such workload. */
  readonly target: Target | null;
  readonly primary: Primary | null;
  readonly services: Services;
  readonly route: RouteFacts;
  /** Null = no autoscalerRef. */
  readonly scaler: ScalerFacts | null;
  readonly configs: ConfigFacts;
  readonly answers: ReadonlyMap<string, Answer>;
  /** What the last decision would have broken, so that it was not carried out; absent = nothing. */
  readonly violation?: string | undefined;
}
