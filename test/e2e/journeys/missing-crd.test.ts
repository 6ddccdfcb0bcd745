// A cluster that does not serve the router's kind: said with what to install, nothing half made, healed once it is there.
import { expect, test } from 'vitest';
import { applyCrds } from '../cluster/apply.ts';
import { findComponents } from '../cluster/components.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { registerNodes } from '../cluster/nodes.ts';
import { crdFiles } from '../setup.ts';
import {
  canariesPath,
  condition,
  createCanary,
  deployment,
  deploymentPath,
  deployTarget,
  journey,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';

describeE2E('a cluster without the kind of the router', () => {
  test('is told what to install, serves other routers, and heals', async () => {
    const components = await findComponents();
    const { gatewayCrds } = components;
    if (gatewayCrds === null) throw new Error('there are no Gateway API CRDs to install later');
    await using plane = await startControlPlane({ components });
    await applyCrds(plane.api, crdFiles());
    await registerNodes(plane.api, 1);
    await journey(
      async (walk) => {
        await deployTarget(walk);
        await createCanary(walk);
        const { object, status } = await untilCanary(
          walk,
          'the missing kind to be told',
          (seen) => condition(seen.status, 'Accepted')?.reason === 'KindNotServed',
        );
        expect(condition(status, 'Accepted')?.message).toContain('spec.provider');
        expect(condition(status, 'Accepted')?.message).toContain('install its CRD');
        expect(object.metadata.finalizers ?? []).toEqual([]);
        await untilEvent(walk, 'KindNotServed');
        expect(await walk.api.find(deploymentPath(walk, 'web-primary'))).toBeNull();
        await deployTarget(walk, { name: 'plain' });
        await createCanary(walk, {
          name: 'plain',
          spec: { provider: 'kubernetes' },
          analysis: { iterations: 1 },
        });
        await untilPhase(walk, 'Initialized', { name: 'plain' });
        expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
        await applyCrds(plane.api, [gatewayCrds]);
        await untilPhase(walk, 'Initialized', { limitMs: 100_000 });
        await walk.api.delete(`${canariesPath(walk)}/plain`);
      },
      { plane },
    );
  });
});
