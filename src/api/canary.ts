// The Canary as the rest of Serin knows it: parsed, defaulted, durations in milliseconds. `parse-canary.ts` makes it.
import type { Instant } from '../clock/clock.ts';
import type { Condition } from './kubernetes.ts';

/** The 64 hex digits of a SHA-256 that name one version of a target: pod template and tracked configs. */
declare const revision: unique symbol;
export type Revision = string & { readonly [revision]: true };

/** A share of the requests in whole percent, 0 to 100. */
declare const weight: unique symbol;
export type Weight = number & { readonly [weight]: true };

export function asRevision(hex: string): Revision {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new RangeError(`not a revision: ${JSON.stringify(hex)}`);
  return hex as Revision;
}

export function asWeight(percent: number): Weight {
  if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
    throw new RangeError(`not a weight: ${percent}`);
  }
  return percent as Weight;
}

/** All traffic on the primary. */
export const NO_WEIGHT: Weight = asWeight(0);
export const FULL_WEIGHT: Weight = asWeight(100);

/** Something wrong with an object, said so that its author can mend it. */
export interface Problem {
  /** CamelCase, for conditions and Events: InvalidSpec, TargetNotFound, NameTaken, ... */
  readonly reason: string;
  /** Where, as a field path: `spec.analysis.stepWeights[2]`; empty when no single field is to blame. */
  readonly path: string;
  /** What is wrong and what would be right, in words. */
  readonly message: string;
}

export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

export interface AutoscalerRef extends ObjectRef {
  readonly primaryMinReplicas: number | null;
  readonly primaryMaxReplicas: number | null;
}

export interface Metadata {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One of exact, prefix, regex (and suffix in analysis.match), as in Istio and Flagger. */
export type StringMatch = Readonly<
  Record<'exact' | 'prefix' | 'suffix' | 'regex', string | undefined>
>;

export interface HttpMatch {
  readonly uri: StringMatch | null;
  readonly method: StringMatch | null;
  readonly headers: Readonly<Record<string, StringMatch>>;
  readonly queryParams: Readonly<Record<string, StringMatch>>;
}

export interface HeaderChange {
  readonly add: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export interface GatewayRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | null;
  readonly sectionName: string | null;
  readonly port: number | null;
}

export interface CorsPolicy {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | null;
  readonly allowCredentials: boolean | null;
}

export interface ServiceSpec {
  /** Name of the apex Service that clients call; `<name>-primary` and `<name>-canary` go with it. */
  readonly name: string;
  readonly port: number;
  readonly targetPort: number | string;
  readonly portName: string;
  readonly appProtocol: string | null;
  readonly trafficDistribution: string | null;
  readonly portDiscovery: boolean;
  readonly headless: boolean;
  readonly timeout: string | null;
  readonly backendTimeout: string | null;
  readonly hosts: readonly string[];
  readonly gatewayRefs: readonly GatewayRef[];
  readonly match: readonly HttpMatch[];
  readonly rewrite: {
    readonly uri: string | null;
    readonly authority: string | null;
    readonly type: string | null;
  } | null;
  readonly headers: { readonly request: HeaderChange; readonly response: HeaderChange } | null;
  /** Static RequestMirror filters, passed through to Gateway API as they are. */
  readonly mirror: readonly unknown[];
  readonly corsPolicy: CorsPolicy | null;
  readonly apex: Metadata;
  readonly primary: Metadata;
  readonly canary: Metadata;
  /** Keys on our Services that belong to somebody else and stay. */
  readonly unmanagedMetadata: {
    readonly labels: readonly string[];
    readonly annotations: readonly string[];
  };
}

/** Where a metric comes from. */
export type MetricOrigin =
  | { readonly kind: 'builtin' }
  | { readonly kind: 'inline'; readonly query: string }
  | { readonly kind: 'template'; readonly ref: NamespacedName };

export interface MetricSpec {
  readonly name: string;
  /** The window that a sample speaks of. Default 1 min. */
  readonly intervalMs: number;
  /** Inclusive bounds; a bound that is not given is not checked. At least one is given. */
  readonly range: { readonly min: number | null; readonly max: number | null };
  readonly origin: MetricOrigin;
  readonly variables: Readonly<Record<string, string>>;
}

export const HOOK_TYPES = [
  'rollout',
  'confirm-rollout',
  'pre-rollout',
  'confirm-traffic-increase',
  'confirm-promotion',
  'post-rollout',
  'rollback',
  'event',
  'exec',
] as const;
export type HookType = (typeof HOOK_TYPES)[number];

/** What a hook of type `exec` runs in a pod of the canary. */
export interface HookCommand {
  /** Program and arguments; no shell is put around them. */
  readonly command: readonly string[];
  /** Null = the pod template's default container, else its first. */
  readonly container: string | null;
}

export interface WebhookSpec {
  readonly name: string;
  readonly type: HookType;
  /** Empty for type `exec`. */
  readonly url: string;
  /** Null for all types but `exec`. */
  readonly exec: HookCommand | null;
  /** Default 10 s. */
  readonly timeoutMs: number;
  /** Further tries after a connection error, 429 or 5xx. Default 0. */
  readonly retries: number;
  readonly disableTLS: boolean;
  readonly muteAlert: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface AlertSpec {
  readonly name: string;
  readonly severity: 'info' | 'warn' | 'error';
  readonly providerRef: NamespacedName;
}

export type Strategy =
  | {
      readonly kind: 'weighted';
      /** The weights to go through, strictly increasing, the last one clipped to maxWeight. Never empty. */
      readonly weights: readonly Weight[];
      /** Percent per interval in which traffic returns after promotion; null = at once. */
      readonly promotionStep: number | null;
    }
  | { readonly kind: 'blue-green'; readonly iterations: number };

export interface AnalysisSpec {
  /** Time between two checks; at least 1 s. */
  readonly intervalMs: number;
  /** Failed checks, cumulative, at which the rollout is rolled back; at least 1. */
  readonly threshold: number;
  readonly strategy: Strategy;
  /** Percent of updated replicas that must be available. */
  readonly primaryReadyThreshold: number;
  readonly canaryReadyThreshold: number;
  readonly metrics: readonly MetricSpec[];
  readonly webhooks: readonly WebhookSpec[];
  readonly alerts: readonly AlertSpec[];
  /** How long the analysis may go without an answer, and what happens then. Default 10 min, pause. */
  readonly unknown: { readonly limitMs: number; readonly then: 'pause' | 'rollback' };
}

export interface CanarySpec {
  readonly provider: string;
  /** Address of the Prometheus for builtin and inline metrics; null = the operator's. */
  readonly metricsServer: string | null;
  readonly targetRef: ObjectRef;
  readonly autoscalerRef: AutoscalerRef | null;
  readonly ingressRef: ObjectRef | null;
  readonly service: ServiceSpec;
  readonly analysis: AnalysisSpec;
  readonly progressDeadlineMs: number;
  readonly skipAnalysis: boolean;
  readonly revertOnDeletion: boolean;
  readonly suspend: boolean;
}

export const PHASES = [
  '',
  'Initializing',
  'Initialized',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Succeeded',
  'Failed',
  'Terminating',
  'Terminated',
] as const;
export type Phase = (typeof PHASES)[number];

export type Verdict = 'pass' | 'fail' | 'unknown';

export interface Measurement {
  readonly name: string;
  readonly verdict: Verdict;
  /** The number that was judged; null when there was none. */
  readonly value: number | null;
  readonly message: string;
  readonly at: Instant;
}

/** How a revision ended. `current` is the one under way. */
export type Outcome = 'current' | 'promoted' | 'failed' | 'superseded' | 'aborted' | 'reverted';

export interface RevisionRecord {
  readonly revision: Revision;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
}

export const INTENT_VERBS = ['approve', 'abort', 'pause', 'resume', 'retry'] as const;
export type IntentVerb = (typeof INTENT_VERBS)[number];

/** What a person asked for, as it stands in an annotation `serin.dev/<verb>: <revision>[/<step>]`. */
export interface Intent {
  readonly verb: IntentVerb;
  /** At least 8 hex digits of the revision it speaks of. */
  readonly revision: string;
  /** The step it speaks of; null = any. */
  readonly step: number | null;
  /** The annotation's whole value, which marks it as consumed. */
  readonly value: string;
  /** The field manager that wrote the annotation; empty when the server does not say. */
  readonly manager: string;
}

export interface ConsumedIntent {
  readonly verb: IntentVerb;
  readonly value: string;
  readonly manager: string;
  readonly at: Instant;
  /** The annotation has been taken away, so that the same words may be said again. */
  readonly cleared: boolean;
}

/** Where a rollout stands. Everything that a restart must not forget. */
export interface Rollout {
  readonly startedAt: Instant;
  /** 0 before the first weight or iteration, then 1, 2, ...; grows only. */
  readonly step: number;
  /** When this step was chosen. */
  readonly stepSince: Instant;
  /** Checks of this step that have been recorded, passed or not. */
  readonly checks: number;
  /** When the last check was due; the next is due one interval later. Null before the first. */
  readonly checkedAt: Instant | null;
  /** When the canary first had what is analysed (confirmed traffic; readiness for blue/green). */
  readonly trafficSince: Instant | null;
  /** Since when checks have been unknown; null while they are not. */
  readonly unknownSince: Instant | null;
  /** Since when the canary has had fewer ready pods than its weight needs. */
  readonly unreadySince: Instant | null;
  /** Since when we wait for pods to become ready; starts the progress deadline. */
  readonly waitingSince: Instant;
  /** Why the rollout stands still until someone says `resume`; null = it does not. */
  readonly paused: string | null;
  /** The weight to go back to when a pause at weight 0 ends. */
  readonly resumeWeight: Weight | null;
  /** Gates that a person has approved for this revision: `<hook type>` or `<hook type>/<step>`. */
  readonly approved: readonly string[];
  /** Ready pods that the primary needs before traffic returns to it; null = its own count. */
  readonly capacity: number | null;
  /** Stamp that the canary's pod template must carry, because a config changed while its pods ran; null = none. */
  readonly configStamp: string | null;
}

export interface CanaryStatus {
  readonly phase: Phase;
  readonly observedGeneration: number;
  readonly canaryWeight: Weight;
  readonly failedChecks: number;
  readonly iterations: number;
  /** Revision under judgement, or the last one judged; empty before the first. */
  readonly lastAppliedSpec: Revision | '';
  /** Revision that the primary carries; empty before the first. */
  readonly lastPromotedSpec: Revision | '';
  /** `configmap/<name>` or `secret/<name>` to the first 16 hex digits of its digest. */
  readonly trackedConfigs: Readonly<Record<string, string>>;
  /** resourceVersion at which each tracked config had its digest: a restart reads none of them again. */
  readonly configVersions: Readonly<Record<string, string>>;
  readonly lastTransitionTime: string;
  readonly target: {
    readonly generation: number;
    readonly revision: Revision | '';
    /** Digest of the pod template alone. */
    readonly template: string;
    /** The Deployment controller's own revision number: it moves only with a really new template. */
    readonly turn: string;
  };
  readonly rollout: Rollout | null;
  /** The scale-down under way: the target's generation when it was chosen, and how often it was chosen. */
  readonly parking: { readonly generation: number; readonly rounds: number } | null;
  /** How often another manager undid what traffic rests on, and the resourceVersion of the last object to be repaired. */
  readonly repairs: { readonly rounds: number; readonly seen: string };
  /** Post-rollout hooks that have not been called yet. */
  readonly owed: readonly string[];
  readonly measurements: readonly Measurement[];
  readonly lastFailure: {
    readonly revision: Revision;
    readonly reason: string;
    readonly message: string;
    readonly at: Instant;
  } | null;
  readonly history: readonly RevisionRecord[];
  readonly intents: readonly ConsumedIntent[];
  readonly conditions: readonly Condition[];
}

export interface CanaryIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly createdAt: Instant;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Canary whose spec can be read. */
export interface Canary extends CanaryIdentity {
  readonly spec: CanarySpec;
  readonly status: CanaryStatus;
  readonly intents: readonly Intent[];
}

/** What parsing gives: the identity and status always, the spec only where it can be obeyed. */
export interface ParsedCanary {
  readonly identity: CanaryIdentity;
  readonly status: CanaryStatus;
  readonly intents: readonly Intent[];
  /** Null when `problems` is not empty. */
  readonly spec: CanarySpec | null;
  readonly problems: readonly Problem[];
  /** Fields that are accepted but have no effect. */
  readonly warnings: readonly Problem[];
}

export const FINALIZER = 'serin.dev/restore';
/** On what Serin makes: uid of the Canary that it is for, which outlives an owner reference. */
export const OWNED_BY = 'serin.dev/canary-uid';
export const CANARY_API_VERSION = 'serin.dev/v1beta1';
