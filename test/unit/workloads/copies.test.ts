// Tracked configs, their copies, and the primary's autoscaler.
import { expect, test } from 'vitest';
import type { Canary } from '../../../src/api/canary.ts';
import type { HorizontalPodAutoscaler } from '../../../src/api/kubernetes.ts';
import { primaryScaler } from '../../../src/workloads/autoscaler.ts';
import { configRefs, copyOf, tracked } from '../../../src/workloads/configs.ts';
import { calmCanary } from './fixtures.ts';

test('a config is optional only if every reference to it is', () => {
  const references = configRefs({
    spec: {
      containers: [
        {
          name: 'c',
          env: [
            {
              name: 'A',
              valueFrom: { configMapKeyRef: { name: 'app', key: 'a', optional: true } },
            },
          ],
          envFrom: [
            { configMapRef: { name: 'app' } },
            { secretRef: { name: 'token', optional: true } },
          ],
        },
      ],
      initContainers: [
        {
          name: 'i',
          envFrom: [
            { configMapRef: { name: 'init' } },
            { configMapRef: { name: 'app', optional: true } },
          ],
        },
      ],
      volumes: [
        { name: 'v', secret: { secretName: 'tls' } },
        { name: 'p', projected: { sources: [{ configMap: { name: 'extra' } }] } },
      ],
    },
  });
  expect(references.map(({ kind, name, optional }) => `${kind} ${name} ${optional}`)).toEqual([
    'ConfigMap app false',
    'ConfigMap extra false',
    'ConfigMap init false',
    'Secret tls false',
    'Secret token true',
  ]);
});

test.each([
  ['ConfigMap', undefined, {}, true],
  ['Secret', undefined, {}, true],
  ['Secret', 'kubernetes.io/tls', {}, true],
  ['Secret', 'kubernetes.io/service-account-token', {}, false],
  ['ConfigMap', undefined, { 'serin.dev/config-tracking': 'disabled' }, false],
  ['ConfigMap', undefined, { 'flagger.app/config-tracking': 'disable' }, false],
  ['ConfigMap', undefined, { 'serin.dev/config-tracking': 'enabled' }, true],
])('a %s of type %s with %j is tracked: %s', (kind, type, annotations, is) => {
  const metadata = { name: 'x', annotations };
  expect(tracked({ kind, metadata, ...(type === undefined ? {} : { type }) })).toBe(is);
});

test('a copy has the whole content, can be written again, and is nobody else’s', () => {
  const copy = copyOf(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      immutable: true,
      metadata: {
        name: 'app',
        namespace: 'test',
        uid: 'u',
        labels: { team: 'a' },
        annotations: { x: 'y' },
      },
      data: { a: 'MQ==' },
    },
    'app-primary',
  );
  expect(copy).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'app-primary', namespace: 'test' },
    data: { a: 'MQ==' },
  });
});

const scaler: HorizontalPodAutoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'podinfo', namespace: 'test', resourceVersion: '9' },
  spec: {
    scaleTargetRef: { kind: 'Deployment', name: 'podinfo' },
    minReplicas: 2,
    maxReplicas: 10,
    metrics: [],
  },
};

function scaled(primaryMinReplicas: number | null, primaryMaxReplicas: number | null): Canary {
  const autoscalerRef = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    name: 'podinfo',
    primaryMinReplicas,
    primaryMaxReplicas,
  };
  return { ...calmCanary, spec: { ...calmCanary.spec, autoscalerRef } };
}

test('the primary has its own autoscaler with the same rules', () => {
  expect(primaryScaler(scaler, scaled(null, null))).toMatchObject({
    metadata: { name: 'podinfo-primary', namespace: 'test' },
    spec: {
      scaleTargetRef: { name: 'podinfo-primary' },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [],
    },
  });
});

test.each([
  [3, null, null, [3, 10]],
  [null, 20, null, [2, 20]],
  [null, null, 7, [7, 10]],
  [null, null, 1, [2, 10]],
  [3, 5, 8, [5, 5]],
])(
  'minimum %s, maximum %s and a floor of %s give bounds of %j',
  (least, most, floorReplicas, bounds) => {
    const { spec } = primaryScaler(scaler, scaled(least, most), { floorReplicas });
    expect([spec.minReplicas, spec.maxReplicas]).toEqual(bounds);
  },
);
