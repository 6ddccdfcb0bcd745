// A fresh Canary: the primary serves before anybody is sent to it, and the target gives its pods up last.
import { expect, test } from 'vitest';
import type { Deployment, Service } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { Chronicle, untilQuiet } from './chronicle.ts';
import {
  condition,
  deployment,
  deploymentPath,
  deployTarget,
  createCanary,
  initialized,
  journey,
  type Journey,
  routedWeight,
  routePath,
  service,
  servicePath,
  untilCanary,
  untilPhase,
} from './journey.ts';

describeE2E('a first install', () => {
  test('lets the primary serve, then sends clients to it, then scales the target down', async () => {
    await journey(async (walk) => {
      await deployTarget(walk, { replicas: 3 });
      await makeApex(walk);
      await using seen = new Chronicle(
        walk,
        deploymentPath(walk, '').slice(0, -1),
        servicePath(walk, '').slice(0, -1),
      );
      walk.kubelet.behave(({ metadata }) => metadata.name.startsWith('web-primary'), {
        kind: 'ready',
        afterMs: 1_500,
      });
      await createCanary(walk);
      await untilPhase(walk, 'Initialized');
      const serves = await seen.first(
        'Deployment',
        'web-primary',
        ({ status }: Deployment) => status?.availableReplicas === 3,
      );
      const selected = await seen.first(
        'Service',
        'web',
        ({ spec }: Service) => spec.selector?.['app'] === 'web-primary',
      );
      const parked = await seen.first(
        'Deployment',
        'web',
        ({ spec }: Deployment) => spec.replicas === 0,
      );
      expect(serves).toBeLessThan(selected);
      expect(selected).toBeLessThan(parked);
    });
  });

  test('says what it made and whose it is', async () => {
    await journey(async (walk) => {
      const { object, status } = await initialized(walk);
      expect(await routedWeight(walk)).toBe(0);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect((await service(walk, 'web-primary')).spec.selector).toEqual({ app: 'web-primary' });
      expect((await service(walk, 'web-canary')).spec.selector).toEqual({ app: 'web' });
      const target = await deployment(walk, 'web');
      const owners = [
        { kind: 'Canary', name: 'web', uid: object.metadata.uid, controller: true },
        { kind: 'Deployment', name: 'web', uid: target.metadata.uid, controller: false },
      ];
      const made = [
        deploymentPath(walk, 'web-primary'),
        servicePath(walk, 'web-primary'),
        servicePath(walk, 'web-canary'),
        servicePath(walk, 'web'),
        routePath(walk, 'web'),
      ];
      for (const path of made) {
        const { metadata } = await walk.api.get(path);
        expect(metadata.ownerReferences, path).toMatchObject(owners);
        expect(metadata.ownerReferences, path).toHaveLength(2);
      }
      expect(object.metadata.finalizers).toEqual(['serin.dev/restore']);
      const generation = object.metadata.generation;
      expect(status.observedGeneration).toBe(generation);
      expect(
        Object.fromEntries(status.conditions.map(({ type, status: is }) => [type, is])),
      ).toEqual({
        Accepted: 'True',
        Ready: 'True',
        Reconciling: 'False',
        Stalled: 'False',
        Promoted: 'True',
      });
      for (const { observedGeneration } of status.conditions)
        expect(observedGeneration).toBe(generation);
      expect(status.target.revision).toBe(status.lastPromotedSpec);
      expect(status.lastPromotedSpec).toMatch(/^[0-9a-f]{64}$/);
    });
  });

  test('waits for a primary that is not ready, and says why, while the target serves on', async () => {
    await journey(async (walk) => {
      walk.kubelet.behave(({ metadata }) => metadata.name.startsWith('web-primary'), {
        kind: 'no-image',
      });
      await deployTarget(walk);
      await makeApex(walk);
      await createCanary(walk, { spec: { progressDeadlineSeconds: 2 } });
      const { status } = await untilStalled(walk);
      expect(condition(status, 'Stalled')?.message).toContain('the primary is not ready');
      expect(condition(status, 'Ready')?.status).toBe('False');
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web' });
      expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
      walk.kubelet.behave(() => true, { kind: 'ready', afterMs: 50 });
      const { status: mended } = await untilPhase(walk, 'Initialized');
      expect(condition(mended, 'Stalled')?.status).toBe('False');
    });
  });

  test('leaves an operator that asks nothing of the API server', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await untilQuiet(walk, 8_000);
    });
  });
});

async function makeApex(walk: Journey): Promise<void> {
  await walk.api.post(servicePath(walk, '').slice(0, -1), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
}

async function untilStalled(walk: Journey) {
  return untilCanary(walk, 'Stalled', ({ status }) => {
    return condition(status, 'Stalled')?.status === 'True';
  });
}
