// What the core may say: a choice to be stored, writes that follow from stored choices, or rest; always with the reason.
import type { CanaryStatus, MetricSpec, Phase, WebhookSpec, Weight } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';

/** A question to the outside. The same key is asked once; `newerThan` asks again when the answer is older. */
export type Ask =
  | { readonly kind: 'metric'; readonly key: string; readonly metric: MetricSpec }
  | {
      readonly kind: 'hook';
      readonly key: string;
      readonly hook: WebhookSpec;
      readonly phase: Phase;
      readonly newerThan: Instant | null;
    };

/** Something to do to the cluster. Each is idempotent and carries its own precondition when it is applied. */
export type Write =
  | { readonly kind: 'finalizer'; readonly present: boolean }
  | { readonly kind: 'copyConfigs' }
  | { readonly kind: 'createPrimary'; readonly replicas: number }
  /** Takes over a primary that an earlier Canary left: owners only. */
  | { readonly kind: 'adoptPrimary' }
  /** The primary's template from the target's; refused when the target is no longer at this revision. */
  | {
      readonly kind: 'promote';
      readonly revision: string;
      /** Its new size; absent = as it is. */
      readonly replicas?: number;
    }
  | { readonly kind: 'scalePrimary'; readonly replicas: number }
  | { readonly kind: 'scaleTarget'; readonly replicas: number; readonly generation: number }
  /** The primary's autoscaler; `floor` raises minReplicas while traffic is about to return. */
  | { readonly kind: 'scaler'; readonly floor: number | null }
  | { readonly kind: 'services' }
  | { readonly kind: 'apex'; readonly selects: 'primary' | 'target' }
  | {
      readonly kind: 'route';
      readonly weight: Weight;
      readonly revision: string;
      readonly step: number;
    }
  /** `trailing`: primary and canary stay named at weight 0, where the router knows such a stage. */
  | { readonly kind: 'routeToApex'; readonly trailing: boolean }
  /** Restarts the canary's pods because a config changed under them. */
  | { readonly kind: 'stampTarget'; readonly stamp: string; readonly generation: number }
  /** The promoted template back into the target. */
  | { readonly kind: 'restoreTarget'; readonly generation: number }
  /** Leaves primary, Services and routes without our ownership, serving. */
  | { readonly kind: 'orphan' }
  /** Deletes primary, its scaler, copies and the two Services; leaves apex and route without our ownership. */
  | { readonly kind: 'removePrimary' }
  | { readonly kind: 'clearIntent'; readonly verb: string; readonly value: string };

/** A fact to tell once it is stored. */
export interface Told {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, one for each thing that happens. */
  readonly reason: string;
  readonly message: string;
  readonly severity: 'info' | 'warn' | 'error';
}

export type Decision =
  | {
      readonly kind: 'record';
      readonly status: CanaryStatus;
      readonly tells: readonly Told[];
      readonly why: string;
      readonly asks: readonly Ask[];
    }
  | {
      readonly kind: 'act';
      readonly writes: readonly [Write, ...Write[]];
      readonly why: string;
      readonly asks: readonly Ask[];
    }
  | {
      readonly kind: 'rest';
      readonly wakeAt: Instant | null;
      readonly why: string;
      readonly asks: readonly Ask[];
    };

export function act(why: string, ...writes: readonly [Write, ...Write[]]): Decision {
  return { kind: 'act', writes, why, asks: [] };
}

export function rest(
  why: string,
  wakeAt: Instant | null = null,
  asks: readonly Ask[] = [],
): Decision {
  return { kind: 'rest', wakeAt, why, asks };
}

/** The decision with further questions kept under way. */
export function asking(decision: Decision, asks: readonly Ask[]): Decision {
  return asks.length === 0 ? decision : { ...decision, asks: [...decision.asks, ...asks] };
}
