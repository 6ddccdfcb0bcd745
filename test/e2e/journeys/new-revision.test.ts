// A target that moves while something is under way: what is promoted is exactly what was analysed.
import { expect, test } from 'vitest';
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { Chronicle } from './chronicle.ts';
import {
  canaryOf,
  deployment,
  deploymentPath,
  imageOf,
  initialized,
  journey,
  type Journey,
  routedWeight,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';
import { Serving } from './serving.ts';

describeE2E('a new revision', () => {
  test.concurrent('in the middle starts over at weight 0 and alone is promoted', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await using chronicle = new Chronicle(walk, deploymentsOf(walk), routesOf(walk));
      await initialized(walk, {}, held(walk, 'confirm-promotion'));
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      expect(await routedWeight(walk)).toBe(50);
      const second = (await canaryOf(walk)).status.lastAppliedSpec;
      await setImage(walk, 'web:3');
      const restarted = await untilCanary(
        walk,
        'the newer revision',
        ({ status }) => status.lastAppliedSpec !== second && status.phase === 'WaitingPromotion',
      );
      expect(restarted.status.history.map(({ outcome }) => outcome).slice(0, 2)).toEqual([
        'current',
        'superseded',
      ]);
      walk.hooks.open('/gate');
      await untilPhase(walk, 'Succeeded');
      expect(weightsAfter(chronicle, second)).toEqual([0, 25, 50, 0]);
      expect(imagesOf(chronicle, 'web-primary')).toEqual(['web:1', 'web:3']);
      await untilEvent(walk, 'Restarted');
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('that is the promoted one again ends the rollout without analysis', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk, {}, held(walk, 'confirm-promotion'));
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      await setImage(walk, 'web:1');
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.history[0]?.outcome).toBe('reverted');
      expect(await routedWeight(walk)).toBe(0);
      await until('the target to be parked', async () => (await replicasOf(walk, 'web')) === 0);
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('that is the promoted one again after a failure is success', async () => {
    await journey(async (walk) => {
      const metric = { name: 'e', interval: '1s', thresholdRange: { max: 2 }, query: 'errors' };
      walk.prometheus.answer(() => 5);
      await initialized(walk, {}, { analysis: { metrics: [metric], threshold: 1 } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Failed');
      await setImage(walk, 'web:1');
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.lastAppliedSpec).toBe(status.lastPromotedSpec);
      expect(status.canaryWeight).toBe(0);
      expect(walk.prometheus.queries.length).toBe(1);
    });
  });

  test.concurrent('that comes while a gate is asked is not what the gate let through', async () => {
    await journey(async (walk) => {
      await using chronicle = new Chronicle(walk, deploymentsOf(walk));
      walk.hooks.answer('/gate', { status: 200, delayMs: 1500 });
      await initialized(walk, {}, hooked(walk, 'confirm-promotion'));
      await setImage(walk, 'web:2');
      await until('the gate to be asked', () => walk.hooks.calls('/gate').length > 0);
      await setImage(walk, 'web:3');
      await untilPhase(walk, 'Succeeded', { limitMs: 60_000 });
      await until(
        'web:3 to be promoted',
        async () => (await imageOf(walk, 'web-primary')) === 'web:3',
      );
      expect(imagesOf(chronicle, 'web-primary')).toEqual(['web:1', 'web:3']);
      expect(walk.hooks.calls('/gate').length).toBeGreaterThan(1);
    });
  });

  test.concurrent('that comes during a promotion is judged after it, never promoted with it', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await using chronicle = new Chronicle(walk, deploymentsOf(walk));
      await initialized(walk);
      walk.kubelet.behave(
        (pod) => pod.metadata.labels?.['app'] === 'web-primary' && holds(pod, 'web:2'),
        { kind: 'ready', afterMs: 3000 },
      );
      await setImage(walk, 'web:2');
      await until(
        'the primary to carry web:2',
        async () => (await imageOf(walk, 'web-primary')) === 'web:2',
      );
      await setImage(walk, 'web:3');
      const third = await untilCanary(
        walk,
        'web:3 to be judged',
        ({ status }) => status.history[1]?.outcome === 'promoted' && status.canaryWeight > 0,
        { limitMs: 60_000 },
      );
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect(third.status.lastPromotedSpec).toBe(third.status.history[1]?.revision);
      await untilPhase(walk, 'Succeeded');
      expect(imagesOf(chronicle, 'web-primary')).toEqual(['web:1', 'web:2', 'web:3']);
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('is what a rollout restart makes', async () => {
    await journey(async (walk) => {
      const { status } = await initialized(walk);
      const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' };
      await patchTarget(walk, { spec: { template: { metadata: { annotations } } } });
      const after = await untilPhase(walk, 'Succeeded');
      expect(after.status.lastPromotedSpec).not.toBe(status.lastPromotedSpec);
      const primary = await deployment(walk, 'web-primary');
      expect(primary.spec.template.metadata?.annotations).toMatchObject(annotations);
    });
  });

  test.concurrent('is not what a label, a scale or a setting of the rollout makes', async () => {
    await journey(async (walk) => {
      const before = await initialized(walk);
      await patchTarget(walk, {
        metadata: { labels: { team: 'a' }, annotations: { note: 'b' } },
        spec: { revisionHistoryLimit: 3, replicas: 1 },
      });
      const generation = (await deployment(walk, 'web')).metadata.generation ?? 0;
      const after = await untilCanary(
        walk,
        'the edit to be seen',
        ({ status }) => status.target.generation >= generation,
      );
      expect(after.status.phase).toBe('Initialized');
      expect(after.status.lastAppliedSpec).toBe(before.status.lastAppliedSpec);
      expect(after.status.history).toEqual(before.status.history);
      expect(after.status.conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
    });
  });

  test.concurrent('that leaves something out leaves no trace of it in the primary', async () => {
    await journey(async (walk) => {
      const env = [
        { name: 'KEPT', value: '1' },
        { name: 'DROPPED', value: '2' },
      ];
      await initialized(walk, { container: { env }, pod: { hostname: 'old' } });
      await until('the new version to be taken', async () => {
        const target = await deployment(walk, 'web');
        const [container] = target.spec.template.spec.containers;
        const { hostname: _hostname, ...pod } = target.spec.template.spec as { hostname?: string };
        const spec = { ...pod, containers: [{ ...container, image: 'web:2', env: [env[0]] }] };
        const template = { ...target.spec.template, spec };
        // Refused, and tried again, when the controller has written its status meanwhile.
        return walk.api.put(deploymentPath(walk, 'web'), {
          ...target,
          spec: { ...target.spec, template },
        });
      });
      await untilPhase(walk, 'Succeeded');
      const primary = await deployment(walk, 'web-primary');
      expect(primary.spec.template.spec.containers[0]?.['env']).toEqual([env[0]]);
      expect(JSON.stringify(primary.spec.template)).not.toContain('DROPPED');
      expect(JSON.stringify(primary.spec.template)).not.toContain('hostname');
    });
  });
});

function hooked(walk: Journey, type: string): { readonly analysis: Record<string, unknown> } {
  return { analysis: { webhooks: [{ name: 'gate', type, url: `${walk.hooks.url}/gate` }] } };
}

function held(walk: Journey, type: string): { readonly analysis: Record<string, unknown> } {
  walk.hooks.close('/gate');
  return hooked(walk, type);
}

function deploymentsOf({ namespace }: Journey): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}

function routesOf({ namespace }: Journey): string {
  return `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;
}

async function patchTarget(walk: Journey, patch: object): Promise<void> {
  await walk.api.patch(deploymentPath(walk, 'web'), patch);
}

async function replicasOf(walk: Journey, name: string): Promise<number | undefined> {
  return (await deployment(walk, name)).spec.replicas;
}

function holds(pod: object, image: string): boolean {
  return JSON.stringify(pod).includes(`"image":"${image}"`);
}

/** Each image that a Deployment was given, in order. */
function imagesOf(chronicle: Chronicle, name: string): readonly string[] {
  const images = chronicle
    .of<Deployment>('Deployment', name)
    .map(({ spec }) => spec.template.spec.containers[0]?.image ?? '');
  return images.filter((image, index) => image !== images[index - 1]);
}

interface Route extends KubeObject {
  readonly spec: { readonly rules: { readonly backendRefs: { name: string; weight: number }[] }[] };
}

/** The canary's weights in the route from the first that was not written for `revision`. */
function weightsAfter(chronicle: Chronicle, revision: string): readonly number[] {
  const routes = chronicle.of<Route>('HTTPRoute', 'web');
  const of = (route: Route): string => route.metadata.annotations?.['serin.dev/revision'] ?? '';
  const last = routes.findLastIndex((route) => of(route) === revision);
  const weights = routes
    .slice(last + 1)
    .map(({ spec }) => spec.rules[0]?.backendRefs.find(({ name }) => name === 'web-canary'))
    .map((backend) => backend?.weight ?? 0);
  return weights.filter((weight, index) => weight !== weights[index - 1]);
}
