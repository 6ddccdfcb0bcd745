// Deployments as targets: their template, readiness, and the primary copy that serves users.
import type { Canary } from '../api/canary.ts';
import type { Deployment, KubeObject, PodTemplate } from '../api/kubernetes.ts';
import { withCopies, withoutCopies } from './configs.ts';
import { deploymentProblems, labelProblem } from './deployment-problems.ts';
import { inherited } from './inherited.ts';
import type { PrimaryOptions, Rollout, WorkloadKind } from './kind.ts';
import { type OwnLabel, exchanged } from './own-selectors.ts';
import { canonicalJson, withoutOurs } from './revision.ts';

/** Annotations of the primary Deployment; `revision` is on its pod template. */
export const PRIMARY_ANNOTATIONS = {
  revision: 'serin.dev/revision',
  promoted: 'serin.dev/promoted-revision',
  /** The target's whole selector as JSON. */
  selector: 'serin.dev/target-selector',
  /** `configmap/<name>` and `secret/<name>`, comma-separated: references that were turned to copies. */
  copied: 'serin.dev/copied-configs',
} as const;

/** Fields of a Deployment's spec that its primary has too. */
const COPIED_FIELDS = [
  'minReadySeconds',
  'progressDeadlineSeconds',
  'revisionHistoryLimit',
  'strategy',
];

export const deployment: WorkloadKind = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  template: (object) => asDeployment(object).spec.template,
  selectorLabel(object, labels) {
    const found = asDeployment(object).spec.selector.matchLabels ?? {};
    const key = labels.find((label) => found[label] !== undefined);
    const value = key === undefined ? undefined : found[key];
    const problem = labelProblem(object, { key, value, tried: labels });
    return problem ?? { key: key ?? '', value: value ?? '' };
  },
  turn: (object) => object.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '',
  rollout,
  validate: (object) => deploymentProblems(asDeployment(object)),
  primary,
  restore,
};

function rollout(object: KubeObject): Rollout {
  const { metadata, spec, status } = asDeployment(object);
  const settled = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const replicas = spec.replicas ?? 1;
  return {
    settled,
    replicas,
    updated: status?.updatedReplicas ?? 0,
    ready: status?.readyReplicas ?? 0,
    available: status?.availableReplicas ?? 0,
    total: status?.replicas ?? 0,
    paused: spec.paused === true,
    // Before it is settled, and at zero, the conditions speak of an earlier template or scale.
    stuck: settled && replicas > 0 ? stuck(status) : null,
  };
}

function stuck(status: Deployment['status']): string | null {
  const conditions = status?.conditions ?? [];
  const refused = conditions.find(
    ({ type, status: is }) => type === 'ReplicaFailure' && is === 'True',
  );
  if (refused !== undefined) return `pods cannot be created: ${refused.message}`;
  const late = conditions.find(
    ({ type, status: is, reason }) =>
      type === 'Progressing' && is === 'False' && reason === 'ProgressDeadlineExceeded',
  );
  return late === undefined ? null : `progress deadline exceeded: ${late.message}`;
}

function primary(target: KubeObject, canary: Canary, options: PrimaryOptions): KubeObject {
  const { metadata, spec } = asDeployment(target);
  const own = ownLabel(target, options.label);
  const copied = [...(options.copied ?? Object.keys(canary.status.trackedConfigs))].sort();
  const template = withCopies(withoutOurs(spec.template), copied);
  return {
    apiVersion: deployment.apiVersion,
    kind: deployment.kind,
    metadata: {
      name: `${metadata.name}-primary`,
      namespace: canary.namespace,
      labels: { ...inherited(metadata.labels, options.includePrefixes), [own.key]: own.primary },
      annotations: {
        ...inherited(metadata.annotations, options.includePrefixes),
        [PRIMARY_ANNOTATIONS.promoted]: options.revision,
        [PRIMARY_ANNOTATIONS.selector]: canonicalJson(spec.selector),
        [PRIMARY_ANNOTATIONS.copied]: copied.join(','),
      },
    },
    spec: {
      ...Object.fromEntries(
        Object.entries(spec).filter(([field]) => COPIED_FIELDS.includes(field)),
      ),
      selector: { matchLabels: { [own.key]: own.primary } },
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          labels: { ...template.metadata?.labels, [own.key]: own.primary },
          annotations: {
            ...template.metadata?.annotations,
            [PRIMARY_ANNOTATIONS.revision]: options.revision,
          },
        },
        spec: exchanged(template.spec, own),
      },
    },
  };
}

/** What `primary` was made of, but for keys under `serin.dev/`, which are never part of a revision. */
function restore(
  object: KubeObject,
  target: KubeObject,
  options: Pick<PrimaryOptions, 'label'>,
): PodTemplate {
  const own = ownLabel(target, options.label);
  const copied = object.metadata.annotations?.[PRIMARY_ANNOTATIONS.copied];
  const keys = copied === undefined ? null : copied.split(',').filter((key) => key !== '');
  const template = withoutCopies(withoutOurs(asDeployment(object).spec.template), keys);
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: { ...template.metadata?.labels, [own.key]: own.target },
    },
    spec: exchanged(template.spec, own),
  };
}

/** Callers have asked `selectorLabel` first; a target without the label here is their mistake. */
function ownLabel(target: KubeObject, key: string): OwnLabel {
  const value = asDeployment(target).spec.selector.matchLabels?.[key];
  if (value === undefined) {
    throw new TypeError(`deployment ${target.metadata.name} does not select by label ${key}`);
  }
  return { key, target: value, primary: `${value}-primary` };
}

/** The one door from any object to a Deployment: what the code below rests on is looked at here. */
function asDeployment(object: KubeObject): Deployment {
  const found = object as Deployment;
  if (
    found.kind !== 'Deployment' ||
    typeof found.spec?.selector !== 'object' ||
    !Array.isArray(found.spec.template?.spec?.containers)
  ) {
    throw new TypeError(
      `not a Deployment with a pod template: ${object.kind} ${object.metadata.name}`,
    );
  }
  return found;
}
