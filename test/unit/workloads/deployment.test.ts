// The primary copy of a Deployment, its inverse, its readiness, and targets that are refused.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Canary } from '../../../src/api/canary.ts';
import type {
  Container,
  Deployment,
  KubeObject,
  PodTemplate,
} from '../../../src/api/kubernetes.ts';
import { configKey, configRefs } from '../../../src/workloads/configs.ts';
import { deployment } from '../../../src/workloads/deployment.ts';
import { refusedTarget, workloadFor } from '../../../src/workloads/registry.ts';
import { templateDigest, withoutOurs } from '../../../src/workloads/revision.ts';
import { calmCanary, calmDeployment, calmTemplate, deploymentOf } from './fixtures.ts';
import { templates } from './templates.ts';

const REVISION = 'f'.repeat(64);
const options = { revision: REVISION, label: 'app', includePrefixes: [] };

function tracking(...keys: string[]): Canary {
  const trackedConfigs = Object.fromEntries(keys.map((key) => [key, '0'.repeat(16)]));
  return { ...calmCanary, status: { ...calmCanary.status, trackedConfigs } };
}

function primaryOf(target: KubeObject, canary = calmCanary, over = {}): Deployment {
  return deployment.primary(target, canary, { ...options, ...over }) as Deployment;
}

describe('the primary', () => {
  test('selects by one label that no pod of the target has, and keeps the others on its pods', () => {
    const primary = primaryOf(calmDeployment);
    expect(primary.metadata.name).toBe('podinfo-primary');
    expect(primary.spec.selector).toEqual({ matchLabels: { app: 'podinfo-primary' } });
    expect(primary.spec.template.metadata?.labels).toEqual({ app: 'podinfo-primary', tier: 'web' });
  });

  test('carries the revision on object and pods, and the selector of the target', () => {
    const { metadata, spec } = primaryOf(calmDeployment);
    expect(metadata.annotations?.['serin.dev/promoted-revision']).toBe(REVISION);
    expect(spec.template.metadata?.annotations).toEqual({ 'serin.dev/revision': REVISION });
    expect(JSON.parse(metadata.annotations?.['serin.dev/target-selector'] ?? '')).toEqual(
      calmDeployment.spec.selector,
    );
  });

  test('has no replicas and no pause, but the timing and strategy of the target', () => {
    const { spec } = primaryOf({
      ...calmDeployment,
      spec: { ...calmDeployment.spec, paused: true },
    });
    expect(Object.keys(spec).sort()).toEqual([
      'minReadySeconds',
      'selector',
      'strategy',
      'template',
    ]);
  });

  test('gets the labels and annotations that are asked for, and never the marks of an owner', () => {
    const target = {
      ...calmDeployment,
      metadata: {
        ...calmDeployment.metadata,
        labels: { app: 'podinfo', team: 'a', 'kustomize.toolkit.fluxcd.io/name': 'apps' },
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'deployment.kubernetes.io/revision': '4',
          'argocd.argoproj.io/tracking-id': 'x',
          note: 'n',
        },
      },
    };
    const all = primaryOf(target, calmCanary, { includePrefixes: ['*'] }).metadata;
    expect(all.labels).toEqual({ app: 'podinfo-primary', team: 'a' });
    const foreign = Object.keys(all.annotations ?? {}).filter(
      (key) => !key.startsWith('serin.dev/'),
    );
    expect(foreign).toEqual(['note']);
    expect(primaryOf(target).metadata.labels).toEqual({ app: 'podinfo-primary' });
  });

  test('refers to the copies of tracked configs, and to all others as they are', () => {
    const target = deploymentOf(
      withContainer({
        envFrom: [{ configMapRef: { name: 'app' } }, { secretRef: { name: 'token' } }],
      }),
    );
    const primary = primaryOf(target, tracking('configmap/app'));
    expect(configRefs(primary.spec.template).map(configKey)).toEqual([
      'configmap/app-primary',
      'secret/token',
    ]);
  });

  test('keeps its own distance where the target kept its own, and the distance between the two', () => {
    const term = {
      topologyKey: 'host',
      labelSelector: {
        matchExpressions: [
          { key: 'app', operator: 'In', values: ['podinfo', 'podinfo-primary', 'db'] },
        ],
      },
    };
    const target = deploymentOf({
      ...calmTemplate,
      spec: {
        ...calmTemplate.spec,
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }],
          },
        },
        topologySpreadConstraints: [
          { maxSkew: 1, labelSelector: { matchLabels: { app: 'podinfo' } } },
        ],
      },
    });
    const { spec } = primaryOf(target).spec.template;
    expect(spec['topologySpreadConstraints']).toEqual([
      { maxSkew: 1, labelSelector: { matchLabels: { app: 'podinfo-primary' } } },
    ]);
    expect(JSON.stringify(spec['affinity'])).toContain('["podinfo-primary","podinfo","db"]');
  });
});

describe('restore gives the template back that the primary was made of', () => {
  test('for any template that is not refused', () => {
    fc.assert(
      fc.property(templates, fc.boolean(), (template, track) => {
        const target = deploymentOf(template);
        fc.pre(deployment.validate(target).length === 0);
        const canary = tracking(...(track ? configRefs(template).map(configKey) : ['secret/b']));
        const primary = primaryOf(target, canary);
        const restored = deployment.restore(primary, target, options);
        expect(restored).toEqual(withoutOurs(template));
        expect(templateDigest(restored)).toBe(templateDigest(template));
      }),
      { numRuns: 500 },
    );
  });

  test('even when the list of copies was taken off the primary', () => {
    const target = deploymentOf(withContainer({ envFrom: [{ configMapRef: { name: 'app' } }] }));
    const { metadata, ...primary } = primaryOf(target, tracking('configmap/app'));
    const bare = { ...primary, metadata: { name: metadata.name } } as KubeObject;
    expect(deployment.restore(bare, target, options)).toEqual(target.spec.template);
  });
});

describe('a target is refused when', () => {
  const strategy = { type: 'Recreate' };
  test.each<[string, Deployment, string]>([
    [
      'its primary would stop serving at promotion',
      { ...calmDeployment, spec: { ...calmDeployment.spec, strategy } },
      'spec.strategy.type',
    ],
    [
      'the name of its primary would be too long',
      { ...calmDeployment, metadata: { name: 'x'.repeat(56) } },
      'metadata.name',
    ],
    [
      'it is a primary of ours',
      {
        ...calmDeployment,
        metadata: { name: 'p', annotations: { 'serin.dev/promoted-revision': REVISION } },
      },
      'metadata.name',
    ],
    [
      'its pods lack a label that it selects by',
      deploymentOf({ ...calmTemplate, metadata: { labels: { app: 'podinfo' } } }),
      'spec.template.metadata.labels[tier]',
    ],
    [
      'a copy would overwrite another of its configs',
      deploymentOf(
        withContainer({
          envFrom: [{ configMapRef: { name: 'app' } }, { configMapRef: { name: 'app-primary' } }],
        }),
      ),
      'spec.template',
    ],
    [
      'a variable is there twice',
      deploymentOf(withContainer({ env: [{ name: 'A' }, { name: 'A' }] })),
      'spec.template.spec.containers[0]',
    ],
  ])('%s', (_, target, path) => {
    expect(deployment.validate(target).map((problem) => problem.path)).toEqual([path]);
  });

  test('and a calm one is not', () => expect(deployment.validate(calmDeployment)).toEqual([]));
});

describe('the label that tells target and primary apart', () => {
  test('is the first of those asked for that the selector has', () => {
    expect(deployment.selectorLabel(calmDeployment, ['name', 'tier', 'app'])).toEqual({
      key: 'tier',
      value: 'web',
    });
  });

  test('is missed in words that name the labels that were tried', () => {
    const problem = deployment.selectorLabel(calmDeployment, ['name', 'k8s-app']);
    expect(problem).toMatchObject({ reason: 'InvalidTarget', path: 'spec.selector.matchLabels' });
    expect(JSON.stringify(problem)).toContain('name, k8s-app');
  });

  test('may not grow past a label value', () => {
    const matchLabels = { app: 'x'.repeat(56) };
    const target = {
      ...calmDeployment,
      spec: { ...calmDeployment.spec, selector: { matchLabels } },
    };
    expect(deployment.selectorLabel(target, ['app'])).toMatchObject({
      path: 'spec.selector.matchLabels[app]',
    });
  });
});

describe('a rollout is stuck', () => {
  const condition = {
    lastTransitionTime: '2026-01-01T00:00:00Z',
    message: 'm',
    reason: 'FailedCreate',
  };
  const quota = { ...condition, type: 'ReplicaFailure', status: 'True' } as const;
  const late = {
    ...condition,
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
  } as const;
  const stuck = (over: Partial<Deployment>): string | null =>
    deployment.rollout({ ...calmDeployment, ...over }).stuck;
  const status = { ...calmDeployment.status, conditions: [quota] };

  test('when pods cannot be created, or the deadline has passed', () => {
    expect(stuck({ status })).toContain('cannot be created: m');
    expect(stuck({ status: { ...status, conditions: [late] } })).toContain('deadline exceeded: m');
  });

  test('but not by conditions of an earlier spec, nor at zero', () => {
    expect(stuck({ status: { ...status, observedGeneration: 2 } })).toBeNull();
    expect(stuck({ status, spec: { ...calmDeployment.spec, replicas: 0 } })).toBeNull();
  });
});

test('a kind that is not in the list is refused with the kinds that are', () => {
  expect(workloadFor('apps/v1', 'Deployment')).toBe(deployment);
  expect(workloadFor('apps/v1', 'DaemonSet')).toBeNull();
  expect(refusedTarget('apps/v1', 'DaemonSet').message).toContain(
    'not built yet; use apps/v1 Deployment',
  );
});

function withContainer(over: Partial<Container>): PodTemplate {
  return { ...calmTemplate, spec: { containers: [{ name: 'c', ...over }] } };
}
