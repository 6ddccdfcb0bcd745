// A Canary that goes leaves everybody served: the target takes its traffic back, and nothing of ours is left.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import type { HttpRoute } from '../cluster/gateway.ts';
import { until } from '../cluster/until.ts';
import {
  canariesPath,
  createCanary,
  deployment,
  deploymentPath,
  deployTarget,
  imageOf,
  initialized,
  journey,
  type Journey,
  routePath,
  service,
  servicePath,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';
import { Serving } from './serving.ts';

describeE2E('deletion', () => {
  test.concurrent('before anything was made leaves the target as it is', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      walk.kubelet.behave((pod) => isPrimary(pod), { kind: 'never-ready' });
      await createCanary(walk);
      await until('the primary to exist', () => walk.api.find(deploymentPath(walk, 'web-primary')));
      await remove(walk);
      await gone(walk);
      await leftClean(walk, { image: 'web:1', replicas: 2, route: false });
    });
  });

  test.concurrent.for([
    ['Initialized', 'web:1'],
    ['Succeeded', 'web:2'],
    ['Failed', 'web:1'],
  ] as const)('in phase %s hands the promoted version its traffic back', async ([phase, image]) => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk, {}, { analysis: withMetric() });
      walk.prometheus.answer(() => (phase === 'Failed' ? 5 : 1));
      if (phase !== 'Initialized') {
        await setImage(walk, 'web:2');
        await untilPhase(walk, phase);
      }
      await remove(walk);
      await gone(walk);
      await leftClean(walk, { image, replicas: 2, route: true });
      expect(serving.gaps()).toEqual([]);
      if (phase === 'Failed') await untilEvent(walk, 'TemplateRestored');
    });
  });

  test.concurrent.for([
    ['Waiting', 'confirm-rollout'],
    ['Progressing', 'confirm-traffic-increase'],
    ['WaitingPromotion', 'confirm-promotion'],
  ] as const)(
    'in phase %s puts the promoted version back and is no outage',
    async ([phase, type]) => {
      await journey(async (walk) => {
        await using serving = new Serving(walk);
        walk.hooks.close('/gate');
        const hook = { name: 'gate', type, url: `${walk.hooks.url}/gate` };
        await initialized(walk, {}, { analysis: { webhooks: [hook] } });
        await setImage(walk, 'web:2');
        await untilPhase(walk, phase);
        if (phase === 'Progressing')
          await untilCanary(walk, 'traffic', ({ status }) => status.canaryWeight > 0);
        await remove(walk);
        await gone(walk);
        await leftClean(walk, { image: 'web:1', replicas: 2, route: true });
        expect(serving.gaps()).toEqual([]);
        await untilEvent(walk, 'TemplateRestored');
      });
    },
  );

  test.concurrent('while the primary takes the new version up leaves one that serves', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      walk.kubelet.behave((pod) => isPrimary(pod) && imageIs(pod, 'web:2'), {
        kind: 'never-ready',
      });
      await setImage(walk, 'web:2');
      await until(
        'the primary to carry web:2',
        async () => (await imageOf(walk, 'web-primary')) === 'web:2',
      );
      await remove(walk);
      await gone(walk);
      expect(serving.gaps()).toEqual([]);
      expect(await imageOf(walk, 'web')).toBe('web:2');
    });
  });

  test.concurrent('while traffic returns to the primary leaves the new version serving', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 50', ({ status }) => status.canaryWeight === 50);
      walk.gateway.judge((route) => ({ kind: canaryShare(route) === 0 ? 'silent' : 'accept' }));
      await untilPhase(walk, 'Finalising');
      await remove(walk);
      walk.gateway.judge(() => ({ kind: 'accept' }));
      await gone(walk);
      await leftClean(walk, { image: 'web:2', replicas: 2, route: true });
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('in the foreground is no outage and leaves nothing', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      await remove(walk, 'Foreground');
      await gone(walk);
      await leftClean(walk, { image: 'web:1', replicas: 2, route: true });
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('with revertOnDeletion false leaves what serves, without owner', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk, {}, { analysis: withMetric(), spec: { revertOnDeletion: false } });
      walk.prometheus.answer(() => 5);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Failed');
      await remove(walk);
      await gone(walk);
      expect(serving.gaps()).toEqual([]);
      expect(await imageOf(walk, 'web')).toBe('web:2');
      const primary = await deployment(walk, 'web-primary');
      expect(primary.metadata.ownerReferences ?? []).toEqual([]);
    });
  });

  test.concurrent('after its target leaves the primary serving', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      await walk.api.delete(deploymentPath(walk, 'web'));
      await untilCanary(walk, 'Ready False', ({ status }) =>
        status.conditions.some(
          ({ type, reason }) => type === 'Ready' && reason === 'TargetNotFound',
        ),
      );
      await remove(walk);
      await gone(walk);
      const primary = await deployment(walk, 'web-primary');
      expect(primary.metadata.ownerReferences ?? []).toEqual([]);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('of one that cannot be obeyed any more leaves everybody served', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      await walk.api.patch(`${canariesPath(walk)}/web`, { spec: { analysis: { mirror: true } } });
      await untilEvent(walk, 'NotSupported');
      await remove(walk);
      await gone(walk);
      expect((await deployment(walk, 'web-primary')).status?.readyReplicas).toBe(2);
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('and creation anew over what was left never promotes what nobody judged', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk, {}, { analysis: withMetric(), spec: { revertOnDeletion: false } });
      walk.prometheus.answer(() => 5);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Failed');
      await remove(walk);
      await gone(walk);
      await createCanary(walk, { analysis: withMetric() });
      await untilCanary(
        walk,
        'the version that was left is judged and rolled back',
        ({ status }) => status.phase === 'Failed',
      );
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      walk.prometheus.answer(() => 1);
      await setImage(walk, 'web:3');
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:3');
      await remove(walk);
      await gone(walk);
      await leftClean(walk, { image: 'web:3', replicas: 2, route: true });
      expect(serving.gaps()).toEqual([]);
    });
  });

  test.concurrent('and creation anew over a clean target starts over', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk);
      await remove(walk);
      await gone(walk);
      await createCanary(walk);
      await untilPhase(walk, 'Initialized');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect(serving.gaps()).toEqual([]);
    });
  });
});

function withMetric(): Readonly<Record<string, unknown>> {
  const metric = { name: 'errors', interval: '1s', thresholdRange: { max: 2 }, query: 'errors' };
  return { metrics: [metric], threshold: 1 };
}

function isPrimary(pod: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}): boolean {
  return pod.metadata.labels?.['app'] === 'web-primary';
}

function imageIs(pod: object, image: string): boolean {
  return JSON.stringify(pod).includes(`"image":"${image}"`);
}

async function remove(walk: Journey, propagationPolicy = 'Background'): Promise<void> {
  await walk.api.delete(`${canariesPath(walk)}/web`, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy,
  });
}

async function gone(walk: Journey): Promise<void> {
  await until(
    'the Canary to go',
    async () => (await walk.api.find(`${canariesPath(walk)}/web`)) === null,
    { limitMs: 60_000 },
  );
}

async function leftClean(
  walk: Journey,
  left: { readonly image: string; readonly replicas: number; readonly route: boolean },
): Promise<void> {
  const { spec } = await deployment(walk, 'web');
  expect(spec.replicas).toBe(left.replicas);
  expect(spec.template.spec.containers[0]?.image).toBe(left.image);
  await until(
    'the primary to go',
    async () => (await walk.api.find(deploymentPath(walk, 'web-primary'))) === null,
  );
  for (const name of ['web-primary', 'web-canary'])
    await until(
      `Service ${name} to go`,
      async () => (await walk.api.find(servicePath(walk, name))) === null,
    );
  if (!left.route) return;
  expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web' });
  const route = await walk.api.get<{
    spec: { rules: { backendRefs: { name: string }[] }[] };
  }>(routePath(walk, 'web'));
  expect(
    route.spec.rules.flatMap(({ backendRefs }) => backendRefs.map(({ name }) => name)),
  ).toEqual(['web']);
}

function canaryShare(route: HttpRoute): number {
  const refs = (route.spec.rules ?? []).flatMap((rule) => rule.backendRefs ?? []);
  return refs.find(({ name }) => name === 'web-canary')?.weight ?? 0;
}
