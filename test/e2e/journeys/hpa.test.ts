// A target that an autoscaler scales: its primary gets an autoscaler of its own, and traffic only goes where pods are.
import { expect, test } from 'vitest';
import type {
  Deployment,
  HorizontalPodAutoscaler,
  KubeObject,
} from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { Chronicle } from './chronicle.ts';
import {
  canariesPath,
  canaryOf,
  condition,
  createCanary,
  deployment,
  deployTarget,
  imageOf,
  initialized,
  journey,
  type Journey,
  routedWeight,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';
import { Serving } from './serving.ts';

describeE2E('an autoscaler', () => {
  test.concurrent('gets a copy for the primary, with its own bounds, that follows its edits', async () => {
    await journey(async (walk) => {
      await putScaler(walk, { minReplicas: 2, maxReplicas: 10 });
      await initialized(walk, {}, named({ minReplicas: 3, maxReplicas: 8 }));
      const copy = await scaler(walk, 'web-primary');
      expect(copy.spec).toMatchObject({
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web-primary' },
        minReplicas: 3,
        maxReplicas: 8,
      });
      await until(
        'the primary to have its least size',
        async () => (await pods(walk, 'web-primary')) === 3,
      );
      expect((await scaler(walk, 'web')).spec.scaleTargetRef.name).toBe('web');
      const metrics = [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 42 } },
        },
      ];
      await walk.api.patch(scalerPath(walk, 'web'), { spec: { metrics } });
      await until('the edit to be carried over', async () =>
        JSON.stringify((await scaler(walk, 'web-primary')).spec).includes(
          '"averageUtilization":42',
        ),
      );
      await walk.api.patch(scalerPath(walk, 'web-primary'), { spec: { maxReplicas: 4 } });
      await until(
        'the copy to be repaired',
        async () => (await scaler(walk, 'web-primary')).spec.maxReplicas === 8,
      );
    });
  });

  test.concurrent('gives traffic back to the primary only when that has the pods for it', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await using chronicle = new Chronicle(
        walk,
        `/apis/apps/v1/namespaces/${walk.namespace}/deployments`,
        `/apis/autoscaling/v2/namespaces/${walk.namespace}/horizontalpodautoscalers`,
        `/apis/gateway.networking.k8s.io/v1/namespaces/${walk.namespace}/httproutes`,
      );
      walk.hooks.close('/gate');
      const webhooks = [{ name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` }];
      await putScaler(walk, { minReplicas: 2, maxReplicas: 10 });
      await initialized(walk, {}, { ...named(), analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      // As under load: both sides have grown.
      await scaleTo(walk, 'web-primary', 4);
      await scaleTo(walk, 'web', 3);
      await until(
        'both sides to be ready',
        async () => (await ready(walk, 'web-primary')) === 4 && (await ready(walk, 'web')) === 3,
      );
      walk.hooks.open('/gate');
      await untilPhase(walk, 'Succeeded');
      const floors = (): readonly number[] =>
        chronicle
          .of<HorizontalPodAutoscaler>('HorizontalPodAutoscaler', 'web-primary')
          .map(({ spec }) => spec.minReplicas ?? 1);
      expect(Math.max(...floors())).toBe(7);
      // Its autoscaler sees the load late: it may not shrink the primary at once.
      expect(floors().at(-1)).toBe(7);
      const enough = await chronicle.first<Deployment>(
        'Deployment',
        'web-primary',
        (object) => imageIn(object) === 'web:2' && readyIn(object) >= 7,
      );
      const back = await chronicle.first(
        'HTTPRoute',
        'web',
        (route) => weightIn(route) === 0 && Number(route.metadata.resourceVersion) > enough - 1,
      );
      expect(enough).toBeLessThan(back);
      const early = chronicle
        .of('HTTPRoute', 'web')
        .filter((route) => Number(route.metadata.resourceVersion) < enough)
        .at(-1);
      expect(early === undefined ? 0 : weightIn(early)).toBe(50);
      expect(await pods(walk, 'web-primary')).toBeGreaterThanOrEqual(7);
      await until('the floor to be let go', () => floors().at(-1) === 2, { limitMs: 90_000 });
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('lets the primary keep its pods while a canary takes some of the load', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/gate');
      const webhooks = [{ name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` }];
      await putScaler(walk, { minReplicas: 2, maxReplicas: 10 });
      await initialized(walk, {}, { ...named(), analysis: { webhooks } });
      // As under load.
      await scaleTo(walk, 'web-primary', 4);
      await until('the primary to be ready', async () => (await ready(walk, 'web-primary')) === 4);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      expect((await scaler(walk, 'web-primary')).spec.minReplicas).toBe(4);
      // As an autoscaler that was faster than its new bound would have left it.
      await scaleTo(walk, 'web-primary', 2);
      await walk.api.patch(`${canariesPath(walk)}/web`, {
        metadata: { annotations: { 'serin.dev/abort': await revisionOf(walk) } },
      });
      await untilRolledBack(walk);
      expect(await pods(walk, 'web-primary')).toBe(4);
    });
  });

  test.concurrent('has its target scaled up to its least size for a canary', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/gate');
      const webhooks = [{ name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` }];
      await putScaler(walk, { minReplicas: 3, maxReplicas: 10 });
      await initialized(walk, { replicas: 3 }, { ...named(), analysis: { webhooks } });
      expect(await pods(walk, 'web')).toBe(0);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      expect(await ready(walk, 'web')).toBe(3);
      await walk.api.patch(scalerPath(walk, 'web'), { spec: { maxReplicas: 12 } });
      await until(
        'the edit to be carried over in the middle',
        async () => (await scaler(walk, 'web-primary')).spec.maxReplicas === 12,
      );
    });
  });

  test.concurrent('that nobody named is refused, and heals when it is named', async () => {
    await journey(async (walk) => {
      await putScaler(walk, { minReplicas: 2, maxReplicas: 10 });
      await deployTarget(walk);
      await createCanary(walk);
      const { status } = await untilCanary(
        walk,
        'the refusal',
        (seen) => condition(seen.status, 'Accepted')?.reason === 'AutoscalerNotNamed',
      );
      expect(condition(status, 'Accepted')?.message).toContain('spec.autoscalerRef');
      expect(status.phase).toBe('');
      await untilEvent(walk, 'AutoscalerNotNamed');
      expect(await pods(walk, 'web')).toBe(2);
      await walk.api.patch(`${canariesPath(walk)}/web`, named());
      await untilPhase(walk, 'Initialized');
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      expect(await routedWeight(walk)).toBe(0);
    });
  });

  test.concurrent('that comes later without being named stops new rollouts until it is', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await putScaler(walk, { minReplicas: 2, maxReplicas: 10 });
      await untilCanary(
        walk,
        'the refusal',
        ({ status }) => condition(status, 'Accepted')?.reason === 'AutoscalerNotNamed',
      );
      await walk.api.delete(scalerPath(walk, 'web'));
      const { status } = await untilCanary(
        walk,
        'acceptance',
        (seen) => condition(seen.status, 'Accepted')?.status === 'True',
      );
      expect(condition(status, 'Stalled')?.status).toBe('False');
    });
  });
});

async function revisionOf(walk: Journey): Promise<string> {
  const { status } = await canaryOf(walk);
  return status.lastAppliedSpec;
}

interface Bounds {
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

function scalerPath({ namespace }: Journey, name: string): string {
  return `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/${name}`;
}

function scaler(walk: Journey, name: string): Promise<HorizontalPodAutoscaler> {
  return walk.api.get<HorizontalPodAutoscaler>(scalerPath(walk, name));
}

async function putScaler(walk: Journey, bounds: Bounds): Promise<void> {
  await walk.api.post(scalerPath(walk, '').slice(0, -1), {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, ...bounds },
  });
}

function named(primaryScalerReplicas?: Bounds): { readonly spec: Record<string, unknown> } {
  const ref = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'web' };
  const bounds = primaryScalerReplicas === undefined ? {} : { primaryScalerReplicas };
  return { spec: { autoscalerRef: { ...ref, ...bounds } } };
}

async function scaleTo(walk: Journey, name: string, replicas: number): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${walk.namespace}/deployments/${name}/scale`;
  await walk.api.patch(path, { spec: { replicas } });
}

async function pods(walk: Journey, name: string): Promise<number> {
  return (await deployment(walk, name)).spec.replicas ?? 1;
}

async function ready(walk: Journey, name: string): Promise<number> {
  return readyIn(await deployment(walk, name));
}

function readyIn({ status }: Deployment): number {
  return status?.readyReplicas ?? 0;
}

function imageIn({ spec }: Deployment): string {
  return spec.template.spec.containers[0]?.image ?? '';
}

function weightIn(route: KubeObject): number {
  const { spec } = route as unknown as {
    spec: { rules: { backendRefs: { name: string; weight?: number }[] }[] };
  };
  return spec.rules[0]?.backendRefs.find(({ name }) => name === 'web-canary')?.weight ?? 0;
}
