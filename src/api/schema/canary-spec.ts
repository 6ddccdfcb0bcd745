// Schema of a Canary's spec: every field of Flagger's, and Serin's own.
import { analysisSchema } from './canary-analysis.ts';
import { serviceSchema } from './canary-service.ts';
import { baseName, kindRef, namespaceName, objectName, texts } from './common.ts';
import { anyObject, choice, flag, integer, object, text } from './schema.ts';
import type { Raw, Rule } from './schema.ts';

/** Flagger's list: the API server refuses others, the operator refuses those that are not built. */
export const PROVIDERS = [
  'apisix',
  'appmesh',
  'appmesh:v1beta2',
  'contour',
  'gatewayapi:v1',
  'gatewayapi:v1beta1',
  'gloo',
  'istio',
  'knative',
  'kubernetes',
  'kuma',
  'linkerd',
  'nginx',
  'osm',
  'skipper',
  'smi:v1alpha1',
  'smi:v1alpha2',
  'smi:v1alpha3',
  'traefik',
] as const;

const REPLICAS_MAX = 2_147_483_647;

const targetRef = kindRef('The workload that is edited and that new revisions come from.', {
  kinds: ['DaemonSet', 'Deployment', 'Service'],
  name: baseName('Name of the workload. At most 55 characters: <name>-primary is made of it.'),
  optional: {},
});

const autoscalerRef = kindRef('The scaler of the target; the primary gets a copy of it.', {
  kinds: ['HorizontalPodAutoscaler', 'ScaledObject'],
  name: objectName('Name of the scaler.'),
  optional: {
    primaryScalerQueries: texts('Queries of the primary by trigger name. KEDA only.', {
      max: 32,
      each: 4096,
    }),
    primaryScalerReplicas: object(
      'Bounds of the copy, where they differ from those of the scaler.',
      {
        required: {},
        optional: {
          minReplicas: integer('Least number of pods of the primary.', {
            min: 1,
            max: REPLICAS_MAX,
          }),
          maxReplicas: integer('Greatest number of pods of the primary.', {
            min: 1,
            max: REPLICAS_MAX,
          }),
        },
        rules: [
          {
            rule: '!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas',
            message: 'minReplicas must not be greater than maxReplicas',
          },
        ],
      },
    ),
  },
});

const otherRefs = {
  ingressRef: kindRef('The Ingress that leads to the apex Service. Needed by nginx and skipper.', {
    kinds: ['Ingress'],
    name: objectName('Name of the Ingress.'),
    optional: {},
  }),
  routeRef: kindRef('The ApisixRoute to copy. Not built yet.', {
    kinds: ['ApisixRoute'],
    name: objectName('Name of the ApisixRoute.'),
    optional: {},
  }),
  upstreamRef: kindRef('The Gloo Upstream whose settings are copied. Not built yet.', {
    kinds: ['Upstream'],
    name: objectName('Name of the Upstream.'),
    optional: { namespace: namespaceName('Namespace of the Upstream.') },
  }),
};

export const specSchema = object('What to release, how, and how it is judged.', {
  required: { targetRef },
  optional: {
    provider: choice(
      'Router that shifts the traffic. Default: that of the operator. Built: gatewayapi:v1, nginx, kubernetes.',
      PROVIDERS,
    ),
    metricsServer: text(
      'Address of the Prometheus for builtin metrics and inline queries. Default: that of the operator.',
      { max: 2048 },
    ),
    autoscalerRef,
    ...otherRefs,
    service: serviceSchema,
    analysis: analysisSchema,
    canaryAnalysis: anyObject('Deprecated, write analysis. Read where analysis is not given.'),
    progressDeadlineSeconds: integer('Seconds that pods may take to become ready. Default 600.', {
      min: 1,
      max: 604_800,
    }),
    skipAnalysis: flag('Promote a new revision as soon as its pods are ready. Default false.'),
    revertOnDeletion: flag(
      'Put the promoted version back into the target when the Canary is deleted, if it holds another one. Default true. Either way the traffic goes back to a target that is ready, or stays with the primary.',
    ),
    suspend: flag('Do nothing until this is false again. Default false.'),
  },
  rules: [
    {
      rule: "has(self.service) || self.targetRef.kind == 'Service'",
      message: 'spec.service with a port is needed',
    },
    {
      rule: 'has(self.analysis) || has(self.canaryAnalysis) || (has(self.skipAnalysis) && self.skipAnalysis)',
      message: 'analysis is needed, unless skipAnalysis is true',
    },
    {
      rule: '!has(self.analysis) || (has(self.skipAnalysis) && self.skipAnalysis) || has(self.analysis.iterations) || has(self.analysis.stepWeight) || has(self.analysis.stepWeights)',
      message:
        'analysis needs one of iterations, stepWeight, stepWeights, unless skipAnalysis is true',
    },
  ],
});

/** Of the whole Canary: once it has begun, what was made under an old name would be left behind with traffic on it. */
export const canaryRules: readonly Rule[] = [
  fixed('spec.targetRef', 'self.spec.targetRef == oldSelf.spec.targetRef'),
  fixed(
    'spec.provider',
    'has(self.spec.provider) == has(oldSelf.spec.provider) && (!has(self.spec.provider) || self.spec.provider == oldSelf.spec.provider)',
  ),
  fixed(
    'spec.service.name',
    '!has(self.spec.service) || !has(oldSelf.spec.service) || (has(self.spec.service.name) == has(oldSelf.spec.service.name) && (!has(self.spec.service.name) || self.spec.service.name == oldSelf.spec.service.name))',
  ),
];

function fixed(path: string, same: string): Rule {
  const begun = "has(oldSelf.status) && has(oldSelf.status.phase) && oldSelf.status.phase != ''";
  const message = `${path} cannot be changed: delete the Canary, which hands the traffic back, and make a new one`;
  return { rule: `!(${begun}) || (${same})`, message };
}

export type RawSpec = Raw<typeof specSchema>;
