// Arbitrary pod templates: every place that names a config or a label of the target, in all combinations.
import * as fc from 'fast-check';
import type { PodTemplate } from '../../../src/api/kubernetes.ts';

const name = fc.constantFrom('a', 'b', 'a-primary', 'db', 'b-primary-primary');
const keyRef = fc.record(
  { name, key: fc.constant('k'), optional: fc.boolean() },
  { requiredKeys: ['key'] },
);
const nameRef = fc.record({ name, optional: fc.boolean() }, { requiredKeys: [] });
const containers = fc.array(
  fc.record(
    {
      name: fc.constantFrom('c', 'd'),
      image: fc.string(),
      env: fc.uniqueArray(
        fc.record(
          {
            name: fc.string({ maxLength: 3 }),
            value: fc.string(),
            valueFrom: fc.oneof(
              fc.record({ configMapKeyRef: keyRef }),
              fc.record({ secretKeyRef: keyRef }),
              fc.constant({ fieldRef: {} }),
            ),
          },
          { requiredKeys: ['name'] },
        ),
        { selector: (variable) => variable.name, maxLength: 3 },
      ),
      envFrom: fc.array(
        fc.record(
          { prefix: fc.string(), configMapRef: nameRef, secretRef: nameRef },
          { requiredKeys: [] },
        ),
        { maxLength: 2 },
      ),
    },
    { requiredKeys: ['name'] },
  ),
  { maxLength: 2 },
);
const volumes = fc.array(
  fc.oneof(
    fc.record({ name: fc.constant('v'), configMap: nameRef }),
    fc.record({
      name: fc.constant('v'),
      secret: fc.record({ secretName: name, items: fc.constant([]) }, { requiredKeys: [] }),
    }),
    fc.record({
      name: fc.constant('v'),
      projected: fc.record(
        {
          sources: fc.array(
            fc.record({ configMap: nameRef, secret: nameRef }, { requiredKeys: [] }),
            { maxLength: 2 },
          ),
        },
        { requiredKeys: [] },
      ),
    }),
    fc.constant({ name: 'v', emptyDir: {} }),
  ),
  { maxLength: 3 },
);
const value = fc.constantFrom('podinfo', 'podinfo-primary', 'db');
const term = fc.record(
  {
    topologyKey: fc.constant('host'),
    labelSelector: fc.record(
      {
        matchLabels: fc.record({ app: value, tier: value }, { requiredKeys: [] }),
        matchExpressions: fc.array(
          fc.record(
            {
              key: fc.constantFrom('app', 'tier'),
              operator: fc.constantFrom('In', 'NotIn', 'Exists'),
              values: fc.array(value, { maxLength: 2 }),
            },
            { requiredKeys: ['key', 'operator'] },
          ),
          { maxLength: 2 },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['topologyKey'] },
);
const rules = fc.record(
  {
    requiredDuringSchedulingIgnoredDuringExecution: fc.array(term, { maxLength: 2 }),
    preferredDuringSchedulingIgnoredDuringExecution: fc.array(
      fc.record({ weight: fc.nat(9), podAffinityTerm: term }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
/** Pod templates as users write them and servers return them: an empty map of annotations is left out. */
export const templates = fc.record({
  metadata: fc.record(
    {
      labels: fc
        .dictionary(fc.constantFrom('x', 'serin.dev/y'), value)
        .map((labels) => ({ ...labels, app: 'podinfo', tier: 'web' })),
      annotations: fc.dictionary(
        fc.constantFrom('note', 'serin.dev/revision', 'serin.dev/config-stamp'),
        fc.string(),
        { minKeys: 1 },
      ),
    },
    { requiredKeys: ['labels'] },
  ),
  spec: fc.record(
    {
      containers,
      initContainers: containers,
      volumes,
      affinity: fc.record(
        { podAntiAffinity: rules, podAffinity: rules, nodeAffinity: fc.constant({}) },
        { requiredKeys: [] },
      ),
      topologySpreadConstraints: fc.array(term, { maxLength: 2 }),
      nodeSelector: fc.constant({ disk: 'ssd' }),
    },
    { requiredKeys: ['containers'] },
  ),
}) as fc.Arbitrary<PodTemplate>;
