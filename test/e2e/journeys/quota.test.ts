// A quota that leaves no room for pods: said by name, never an outage, and healed when it is lifted.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
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
  untilEvent,
  untilPhase,
} from './journey.ts';
import { Serving } from './serving.ts';

describeE2E('a quota', () => {
  test.concurrent('without room for the canary rolls it back at the deadline, by name', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await initialized(walk, {}, { spec: { progressDeadlineSeconds: 5 } });
      await setQuota(walk, 2);
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'Failed');
      expect(status.lastFailure?.reason).toBe('ProgressDeadlineExceeded');
      expect(status.lastFailure?.message).toContain('exceeded quota: room');
      const event = await untilEvent(walk, 'ProgressDeadlineExceeded');
      expect(event.note).toContain('exceeded quota: room');
      await until(
        'the target to be parked',
        async () => (await deployment(walk, 'web')).spec.replicas === 0,
      );
      expect(serving.gaps()).toEqual([]);
      await walk.api.delete(quotaPath(walk));
      await setImage(walk, 'web:3');
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:3');
    });
  });

  test.concurrent('without room for the primary leaves the target serving, and heals when lifted', async () => {
    await journey(async (walk) => {
      await using serving = new Serving(walk);
      await deployTarget(walk);
      await until(
        'the target to be ready',
        async () => (await deployment(walk, 'web')).status?.readyReplicas === 2,
      );
      await setQuota(walk, 2);
      await createCanary(walk, { spec: { progressDeadlineSeconds: 3 } });
      const { status } = await untilCanary(
        walk,
        'the trouble to be told',
        (seen) => condition(seen.status, 'Stalled')?.status === 'True',
      );
      expect(status.phase).toBe('Initializing');
      expect(condition(status, 'Stalled')?.message).toContain('exceeded quota: room');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
      expect((await deployment(walk, 'web')).status?.readyReplicas).toBe(2);
      await walk.api.delete(quotaPath(walk));
      await untilPhase(walk, 'Initialized', { limitMs: 90_000 });
      expect(serving.gaps()).toEqual([]);
    });
  });
});

function quotaPath({ namespace }: Journey): string {
  return `/api/v1/namespaces/${namespace}/resourcequotas/room`;
}

/** In force once its controller has counted. */
async function setQuota(walk: Journey, pods: number): Promise<void> {
  await walk.api.post(quotaPath(walk).replace('/room', ''), {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'room' },
    spec: { hard: { pods: String(pods) } },
  });
  await until('the quota to be in force', async () => {
    const quota = await walk.api.get<{ status?: { hard?: { pods?: string } } }>(quotaPath(walk));
    return quota.status?.hard?.pods === String(pods);
  });
}
