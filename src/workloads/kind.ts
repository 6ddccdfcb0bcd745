// What a kind of target is to Serin: pure answers about its revision, its primary copy and its readiness.
import type { Canary, Problem } from '../api/canary.ts';
import type { ConfigObject, KubeObject, PodTemplate } from '../api/kubernetes.ts';

/** A ConfigMap or Secret that a pod template refers to. */
export interface ConfigRef {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly optional: boolean;
}

/** How far the pods of a workload are. */
export interface Rollout {
  /** The controller has seen the newest generation. */
  readonly settled: boolean;
  /** From the spec; 1 when the spec does not say. */
  readonly replicas: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** Pods of any template that still exist. */
  readonly total: number;
  readonly paused: boolean;
  /** What the controller says is stuck (deadline exceeded, quota); null = nothing. */
  readonly stuck: string | null;
}

export interface PrimaryOptions {
  /** For the template's `serin.dev/revision` annotation, in the same write. */
  readonly revision: string;
  /** Label key whose value tells target and primary apart: `app`, for one. */
  readonly label: string;
  /** Keys of labels and annotations of the target that its primary gets too, by prefix; `*` = all. */
  readonly includePrefixes: readonly string[];
  /**
   * `configmap/<name>` and `secret/<name>` that the primary uses a copy of. Default: what status tracks, which is what
   * the revision was made of.
   */
  readonly copied?: readonly string[];
}

export interface WorkloadKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  template(object: KubeObject): PodTemplate;
  /** First of `labels` that the selector's matchLabels has; a Problem when there is none. */
  selectorLabel(
    object: KubeObject,
    labels: readonly string[],
  ): { readonly key: string; readonly value: string } | Problem;
  /** The controller's own count of templates (`deployment.kubernetes.io/revision`); empty before the first. */
  turn(object: KubeObject): string;
  rollout(object: KubeObject): Rollout;
  /** What speaks against this target: an unsupported strategy, for one. */
  validate(object: KubeObject): readonly Problem[];
  /**
   * The primary made of the target: name, single-label selector, pod labels, renamed configs, own anti-affinity and
   * spread constraints; `serin.dev/` annotations with revision and the target's selector. Without replicas and owners.
   */
  primary(target: KubeObject, canary: Canary, options: PrimaryOptions): KubeObject;
  /** The pod template that `primary` was made of. Law: `restore(primary(x)) = template(x)`. */
  restore(
    primary: KubeObject,
    target: KubeObject,
    options: Pick<PrimaryOptions, 'label'>,
  ): PodTemplate;
}

/** Content of a config by name, for copies. */
export type ConfigContent = Pick<
  ConfigObject,
  'kind' | 'type' | 'data' | 'binaryData' | 'immutable'
>;
