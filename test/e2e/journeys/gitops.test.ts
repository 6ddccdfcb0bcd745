// A GitOps tool that puts back what its repository says: tolerated where that is safe, put right at once where it is not.
import { expect, test } from 'vitest';
import type { Service } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  condition,
  deployment,
  deploymentPath,
  initialized,
  journey,
  type Journey,
  routedWeight,
  routePath,
  service,
  servicePath,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

const TOOL = 'argocd-controller';

describeE2E('a GitOps tool', () => {
  test.concurrent('that puts the replicas back is let be, and named', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await walk.api.patch(`${deploymentPath(walk, 'web')}?fieldManager=${TOOL}`, {
        spec: { replicas: 2 },
      });
      const { status } = await untilCanary(
        walk,
        'the tool to be named',
        (seen) => condition(seen.status, 'Ready')?.reason === 'TargetScaledUp',
      );
      expect(condition(status, 'Ready')?.status).toBe('True');
      expect(condition(status, 'Ready')?.message).toContain(TOOL);
      expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
    });
  });

  test.concurrent('that puts the selector of the apex back is put right at once, five times', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      for (let round = 1; round <= 5; round += 1) {
        await selectTarget(walk);
        await until(
          `the apex to be put right, round ${round}`,
          async () => (await selector(walk))['app'] === 'web-primary',
        );
      }
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      await selectTarget(walk);
      const { status } = await untilCanary(
        walk,
        'the tool to be named',
        (seen) => condition(seen.status, 'Stalled')?.reason === 'FieldConflict',
      );
      expect(condition(status, 'Stalled')?.message).toContain(TOOL);
      await until(
        'the target to serve behind the apex',
        async () => (await deployment(walk, 'web')).status?.readyReplicas === 2,
      );
      expect(await selector(walk)).toEqual({ app: 'web' });
      expect(condition(status, 'Ready')?.message).toContain(TOOL);
    });
  });

  test.concurrent('that changes the weights in the middle is put right', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/gate');
      const webhooks = [{ name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` }];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      const route = await walk.api.get<{
        spec: { rules: { backendRefs: { name: string; weight: number }[] }[] };
      }>(routePath(walk, 'web'));
      const rules = route.spec.rules.map((rule) => ({
        ...rule,
        backendRefs: rule.backendRefs.map((backend) => ({
          ...backend,
          weight: backend.name === 'web-canary' ? 100 : 0,
        })),
      }));
      await walk.api.patch(`${routePath(walk, 'web')}?fieldManager=${TOOL}`, { spec: { rules } });
      await until('the weights to be put right', async () => (await routedWeight(walk)) === 50);
      walk.hooks.open('/gate');
      await untilPhase(walk, 'Succeeded');
      expect(await routedWeight(walk)).toBe(0);
    });
  });

  test.concurrent('that deletes the route or a Service gets it back', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await walk.api.delete(routePath(walk, 'web'));
      await walk.api.delete(servicePath(walk, 'web-canary'));
      await walk.api.delete(servicePath(walk, 'web'));
      await until('the route', async () => (await routedWeight(walk)) === 0);
      await until('the canary Service', () => walk.api.find(servicePath(walk, 'web-canary')));
      await until('the apex', async () => (await selector(walk))['app'] === 'web-primary');
    });
  });
});

async function selector(walk: Journey): Promise<Readonly<Record<string, string>>> {
  return (await service(walk, 'web')).spec.selector ?? {};
}

async function selectTarget(walk: Journey): Promise<Service> {
  return walk.api.patch<Service>(`${servicePath(walk, 'web')}?fieldManager=${TOOL}`, {
    spec: { selector: { app: 'web' } },
  });
}
