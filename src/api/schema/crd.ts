// The CustomResourceDefinitions of our kinds, made of their schemas. `tools/generate.ts` writes them to crds/.
import { alertProviderSchema } from './alert-provider.ts';
import { canaryRules, specSchema } from './canary-spec.ts';
import { conditions, statusSchema } from './canary-status.ts';
import { metricTemplateSchema } from './metric-template.ts';
import { object } from './schema.ts';
import type { OpenApiSchema, Rule } from './schema.ts';

const GROUP = 'serin.dev';
const VERSION = 'v1beta1';

interface Column {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'integer' | 'date';
  readonly jsonPath: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
  readonly description: string;
}

interface Kind {
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  readonly description: string;
  readonly spec: OpenApiSchema;
  readonly status: OpenApiSchema;
  readonly columns: readonly Column[];
  /** Of the whole object. */
  readonly rules?: readonly Rule[];
}

const ready = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;

const canaryColumns: readonly Column[] = [
  {
    name: 'Status',
    type: 'string',
    jsonPath: '.status.phase',
    description: 'Where the Canary is in its life.',
  },
  {
    name: 'Weight',
    type: 'string',
    jsonPath: '.status.canaryWeight',
    description: 'Percent of the requests that the canary gets.',
  },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: ready('status'),
    description: 'Whether traffic is served as it should be.',
  },
  { name: 'Reason', type: 'string', jsonPath: ready('reason'), description: 'Why Ready is so.' },
  wide('Suspended', 'boolean', '.spec.suspend'),
  wide('FailedChecks', 'string', '.status.failedChecks'),
  wide('Interval', 'string', '.spec.analysis.interval'),
  wide('Mirror', 'boolean', '.spec.analysis.mirror'),
  wide('StepWeight', 'string', '.spec.analysis.stepWeight'),
  wide('StepWeights', 'string', '.spec.analysis.stepWeights'),
  wide('MaxWeight', 'string', '.spec.analysis.maxWeight'),
  {
    name: 'LastTransitionTime',
    type: 'string',
    jsonPath: '.status.lastTransitionTime',
    description: 'When the phase changed last.',
  },
];

const otherStatus = object('Not written by this version.', {
  required: {},
  optional: { conditions: conditions('What is true of the object.') },
});

const KINDS: readonly Kind[] = [
  {
    kind: 'Canary',
    singular: 'canary',
    plural: 'canaries',
    description: 'Releases new revisions of a workload step by step, judged by metrics.',
    spec: specSchema,
    status: statusSchema,
    columns: canaryColumns,
    rules: canaryRules,
  },
  {
    kind: 'MetricTemplate',
    singular: 'metrictemplate',
    plural: 'metrictemplates',
    description: 'A query for a metric, for Canaries to refer to.',
    spec: metricTemplateSchema,
    status: otherStatus,
    columns: [
      {
        name: 'Provider',
        type: 'string',
        jsonPath: '.spec.provider.type',
        description: 'Who answers the query.',
      },
    ],
  },
  {
    kind: 'AlertProvider',
    singular: 'alertprovider',
    plural: 'alertproviders',
    description: 'A receiver of alerts, for Canaries to refer to.',
    spec: alertProviderSchema,
    status: otherStatus,
    columns: [
      {
        name: 'Type',
        type: 'string',
        jsonPath: '.spec.type',
        description: 'Kind of the receiver.',
      },
    ],
  },
];

/** Each CustomResourceDefinition as the API server takes it. */
export function customResourceDefinitions() {
  return KINDS.map(definition);
}

function wide(name: string, type: Column['type'], jsonPath: string): Column {
  return { name, type, jsonPath, priority: 1, description: `As in ${jsonPath.slice(1)}.` };
}

function definition({ kind, singular, plural, ...rest }: Kind) {
  const root = {
    description: rest.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: `Always ${GROUP}/${VERSION}.`, type: 'string' },
      kind: { description: `Always ${kind}.`, type: 'string' },
      metadata: { type: 'object' },
      spec: rest.spec,
      status: rest.status,
    },
    ...(rest.rules === undefined ? {} : { 'x-kubernetes-validations': rest.rules }),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      // Helm would take the Canaries with it, and with them the traffic.
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, categories: ['all'] },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: rest.columns,
          schema: { openAPIV3Schema: root },
        },
      ],
    },
  };
}
