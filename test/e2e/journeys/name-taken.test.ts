// What somebody else already calls by a name that we need is never touched: said by name, healed when it is gone.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { requestsOf } from './chronicle.ts';
import {
  condition,
  createCanary,
  deployment,
  deploymentPath,
  deployTarget,
  journey,
  type Journey,
  routePath,
  untilCanary,
  untilPhase,
} from './journey.ts';

describeE2E('a foreign object', () => {
  test.concurrent('with the name of the primary stays as it is', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      await deployTarget(walk, { name: 'web-primary', image: 'theirs:1' });
      await createCanary(walk);
      const path = deploymentPath(walk, 'web-primary');
      await refusedFor(walk, 'Deployment web-primary', 'spec.targetRef.name');
      expect((await deployment(walk, 'web-primary')).spec.template.spec.containers[0]?.image).toBe(
        'theirs:1',
      );
      expect(writesTo(walk)).toEqual([]);
      await walk.api.delete(path);
      await untilPhase(walk, 'Initialized');
    });
  });

  test.concurrent('with the name of the route stays as it is', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      const theirs = await walk.api.post(routePath(walk, '').slice(0, -1), {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'web' },
        spec: { rules: [{ backendRefs: [{ name: 'elsewhere', port: 80 }] }] },
      });
      await createCanary(walk);
      await refusedFor(walk, `HTTPRoute ${walk.namespace}/web`, 'spec.service.name');
      const after = await walk.api.get(routePath(walk, 'web'));
      expect(after['spec']).toEqual(theirs['spec']);
      expect(writesTo(walk)).toEqual([]);
      await walk.api.delete(routePath(walk, 'web'));
      await untilPhase(walk, 'Initialized');
    });
  });

  test.concurrent('with the name of the copy of the autoscaler stays as it is', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      await deployTarget(walk, { name: 'elsewhere' });
      for (const [name, aim] of [
        ['web', 'web'],
        ['web-primary', 'elsewhere'],
      ]) {
        await walk.api.post(
          `/apis/autoscaling/v2/namespaces/${walk.namespace}/horizontalpodautoscalers`,
          {
            apiVersion: 'autoscaling/v2',
            kind: 'HorizontalPodAutoscaler',
            metadata: { name },
            spec: {
              scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: aim },
              minReplicas: 2,
              maxReplicas: 3,
            },
          },
        );
      }
      const autoscalerRef = {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        name: 'web',
      };
      await createCanary(walk, { spec: { autoscalerRef } });
      await refusedFor(walk, 'HorizontalPodAutoscaler web-primary', 'spec.autoscalerRef.name');
      expect(writesTo(walk)).toEqual([]);
    });
  });
});

async function refusedFor(walk: Journey, what: string, path: string): Promise<void> {
  const { status } = await untilCanary(
    walk,
    'the refusal',
    (seen) => condition(seen.status, 'Accepted')?.reason === 'NameTaken',
  );
  const message = condition(status, 'Accepted')?.message ?? '';
  expect(message).toContain(what);
  expect(message).toContain(path);
  expect(status.phase).toBe('');
}

/** Writes of the operator to anything but the Canary's own status and its Events. */
function writesTo(walk: Journey): readonly string[] {
  return requestsOf(walk)
    .filter(
      ({ verb, uri }) =>
        !['get', 'list'].includes(verb) && !/\/(events|canaries)(\/|\?|$)/.test(uri),
    )
    .map(({ verb, uri }) => `${verb} ${uri}`);
}
