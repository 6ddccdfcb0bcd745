// A Service that was there before is taken over without losing what is its owner's, or refused in words.
import { expect, test } from 'vitest';
import type { KubeObject, Service } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { requestsOf } from './chronicle.ts';
import {
  canariesPath,
  condition,
  createCanary,
  deployment,
  deployTarget,
  initialized,
  journey,
  type Journey,
  service,
  servicePath,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';

describeE2E('a Service that was there before', () => {
  test('keeps its address, labels, annotations and ports, and selects the primary', async () => {
    await journey(async (walk) => {
      const before = await makeService(walk, {
        metadata: {
          name: 'web',
          labels: { app: 'shop', team: 'red' },
          annotations: { 'example.com/owner': 'ann' },
        },
        spec: {
          type: 'LoadBalancer',
          selector: { app: 'web', tier: 'front' },
          sessionAffinity: 'ClientIP',
          ports: [
            { name: 'http', port: 80, targetPort: 8080 },
            { name: 'admin', port: 9000, targetPort: 9000 },
          ],
        },
      });
      await initialized(walk);
      const after = await service(walk, 'web');
      expect(after.metadata.uid).toBe(before.metadata.uid);
      expect(after.spec.clusterIP).toBe(before.spec.clusterIP);
      expect(after.spec.type).toBe('LoadBalancer');
      expect(after.spec['sessionAffinity']).toBe('ClientIP');
      expect(after.spec.selector).toEqual({ app: 'web-primary' });
      expect(after.metadata.labels).toMatchObject({ app: 'shop', team: 'red' });
      expect(after.metadata.annotations).toMatchObject({ 'example.com/owner': 'ann' });
      const ports = (from: Service) =>
        new Map(from.spec.ports?.map((port) => [port.port, port['nodePort']]));
      expect(ports(after)).toEqual(ports(before));
      // It is not ours to take away.
      expect(after.metadata.ownerReferences ?? []).toEqual([]);
    });
  });

  test('that is headless is refused, and nothing is written', async () => {
    await journey(async (walk) => {
      await makeService(walk, {
        metadata: { name: 'web' },
        spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 80 }] },
      });
      await refused(walk, /headless.*delete the Service/);
      await walk.api.delete(servicePath(walk, 'web'));
      await untilPhase(walk, 'Initialized');
    });
  });

  test('whose port stands in the way of ours is refused, and nothing is written', async () => {
    await journey(async (walk) => {
      await makeService(walk, {
        metadata: { name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ port: 8080 }] },
      });
      await refused(walk, /has port 8080 without a name.*set this to 8080/);
      const spec = { service: { port: 8080 } };
      await walk.api.patch(`${canariesPath(walk)}/web`, { spec });
      await untilPhase(walk, 'Initialized');
      expect((await service(walk, 'web')).spec.ports).toHaveLength(1);
    });
  });

  test('that is an ExternalName is refused, and nothing is written', async () => {
    await journey(async (walk) => {
      await makeService(walk, {
        metadata: { name: 'web' },
        spec: { type: 'ExternalName', externalName: 'example.com' },
      });
      await refused(walk, /ExternalName/);
    });
  });
});

async function makeService(
  walk: Journey,
  body: { readonly metadata: KubeObject['metadata']; readonly spec: unknown },
): Promise<Service> {
  const object = { apiVersion: 'v1', kind: 'Service', ...body };
  return walk.api.post<Service>(servicePath(walk, '').slice(0, -1), object);
}

async function refused(walk: Journey, words: RegExp): Promise<void> {
  const before = await service(walk, 'web');
  await deployTarget(walk);
  await createCanary(walk);
  const { status } = await untilCanary(
    walk,
    'the refusal',
    (seen) => condition(seen.status, 'Accepted')?.status === 'False',
  );
  expect(condition(status, 'Accepted')).toMatchObject({ reason: 'ServiceConflict' });
  expect(condition(status, 'Accepted')?.message).toMatch(words);
  expect((await untilEvent(walk, 'ServiceConflict')).note).toMatch(words);
  const writes = requestsOf(walk)
    .filter(({ verb }) => !['get', 'list', 'watch'].includes(verb))
    .filter(({ uri }) => !uri.includes('/events') && !uri.includes('/canaries/web/status'));
  expect(writes).toEqual([]);
  expect((await service(walk, 'web')).metadata.resourceVersion).toBe(
    before.metadata.resourceVersion,
  );
  expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
}
