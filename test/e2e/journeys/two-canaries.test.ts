// Two Canaries that claim the same: the older keeps it, the younger writes nothing and takes over when it can.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { requestsOf } from './chronicle.ts';
import {
  canariesPath,
  type CanaryOptions,
  canaryOf,
  condition,
  createCanary,
  deployment,
  deployTarget,
  imageOf,
  initialized,
  journey,
  type Journey,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

describeE2E('of two Canaries', () => {
  test.concurrent('on one target the older keeps it, and the younger takes over when it is gone', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await younger(walk, { name: 'late', ...aimed('web') });
      const { object, status } = await refused(walk, 'late');
      expect(condition(status, 'Accepted')?.message).toContain('older Canary web');
      expect(status.phase).toBe('');
      expect(object.metadata.finalizers ?? []).toEqual([]);
      expect(writesFor(walk, 'late').length).toBeLessThanOrEqual(1);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      expect((await canaryOf(walk, 'late')).status.phase).toBe('');
      await walk.api.delete(`${canariesPath(walk)}/web`);
      const taken = await untilPhase(walk, 'Initialized', { name: 'late' });
      expect(condition(taken.status, 'Accepted')?.status).toBe('True');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      await setImage(walk, 'web:3');
      await untilPhase(walk, 'Succeeded', { name: 'late' });
      expect(await imageOf(walk, 'web-primary')).toBe('web:3');
    });
  });

  test.concurrent('on one Service the younger is refused until it names another', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await deployTarget(walk, { name: 'other' });
      await younger(walk, { name: 'other', ...aimed('other'), service: { name: 'web' } });
      const { status } = await refused(walk, 'other');
      expect(condition(status, 'Accepted')?.message).toContain('spec.service.name');
      expect((await deployment(walk, 'other')).spec.replicas).toBe(2);
      await walk.api.patch(`${canariesPath(walk)}/other`, { spec: { service: { name: 'other' } } });
      await untilPhase(walk, 'Initialized', { name: 'other' });
    });
  });

  test.concurrent('the younger may go without touching what the older holds', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await younger(walk, { name: 'late', ...aimed('web') });
      await refused(walk, 'late');
      await walk.api.delete(`${canariesPath(walk)}/late`);
      await until(
        'the younger to go',
        async () => (await walk.api.find(`${canariesPath(walk)}/late`)) === null,
      );
      expect((await deployment(walk, 'web-primary')).spec.replicas).toBe(2);
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect((await canaryOf(walk)).status.phase).toBe('Initialized');
    });
  });
});

function aimed(name: string): Pick<CanaryOptions, 'spec'> {
  return { spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } } };
}

/** Ages are told in whole seconds: it is made in a later one. */
async function younger(walk: Journey, options: CanaryOptions): Promise<void> {
  const { metadata } = (await canaryOf(walk)).object;
  const made = Date.parse(metadata.creationTimestamp ?? '');
  await until('the next second', () => Date.now() >= made + 1100);
  await createCanary(walk, options);
}

function refused(walk: Journey, name: string): ReturnType<typeof untilCanary> {
  return untilCanary(
    walk,
    'the conflict to be told',
    ({ status }) => condition(status, 'Accepted')?.reason === 'Conflict',
    { name },
  );
}

function writesFor(walk: Journey, name: string): readonly string[] {
  return requestsOf(walk)
    .filter(
      ({ verb, uri }) => verb !== 'get' && verb !== 'list' && uri.includes(`/canaries/${name}`),
    )
    .map(({ verb }) => verb);
}
