// A suspended Canary stands still as it is, and goes on when it is let.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { requestsOf, untilQuiet } from './chronicle.ts';
import {
  canariesPath,
  canaryOf,
  condition,
  deployment,
  imageOf,
  initialized,
  journey,
  type Journey,
  routedWeight,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

async function suspend(walk: Journey, is: boolean): Promise<void> {
  const path = `${canariesPath(walk)}/web`;
  const { metadata } = await walk.api.patch(path, { spec: { suspend: is } });
  const { generation } = metadata;
  await untilCanary(walk, `generation ${generation}`, ({ status }) => {
    return status.observedGeneration === generation;
  });
}

describeE2E('a suspended Canary', () => {
  test('takes no new version up until it is resumed', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await suspend(walk, true);
      await setImage(walk, 'web:2');
      await untilQuiet(walk, 3_000);
      const { status } = await canaryOf(walk);
      expect(status.phase).toBe('Initialized');
      expect(condition(status, 'Reconciling')).toMatchObject({ reason: 'Suspended' });
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      await suspend(walk, false);
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
    });
  });

  test('holds its weight in the middle of a rollout, and goes on from there', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: { stepWeights: [10, 20, 30] } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 10', ({ status }) => status.canaryWeight >= 10);
      await suspend(walk, true);
      await untilQuiet(walk, 3_000);
      const held = await canaryOf(walk);
      expect(held.status.phase).toBe('Progressing');
      expect(await routedWeight(walk)).toBe(held.status.canaryWeight);
      const asked = requestsOf(walk).length;
      await untilQuiet(walk, 4_000);
      expect(requestsOf(walk).length).toBe(asked);
      await suspend(walk, false);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.failedChecks).toBe(0);
    });
  });
});
