// The weights of a rollout: those that were asked for, in their order, and none in between.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import {
  canariesPath,
  initialized,
  journey,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';
import { expectWeights, followRollout, serves, written } from './routed.ts';

describeE2E('the weights of a rollout', () => {
  test('are those of the list, one after the other', async () => {
    await journey(async (walk) => {
      await using seen = followRollout(walk);
      await initialized(walk, {}, { analysis: { stepWeights: [10, 35, 80] } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      await expectWeights(seen, [0, 10, 35, 80, 0]);
    });
  });

  test('end at maxWeight, the last step cut to it', async () => {
    await journey(async (walk) => {
      await using seen = followRollout(walk);
      await initialized(walk, {}, { analysis: { stepWeight: 20, maxWeight: 50 } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      await expectWeights(seen, [0, 20, 40, 50, 0]);
    });
  });

  test('go back in steps once the primary serves the new version, where that is asked for', async () => {
    await journey(async (walk) => {
      await using seen = followRollout(walk);
      await initialized(
        walk,
        {},
        { analysis: { stepWeight: 30, maxWeight: 60, stepWeightPromotion: 20 } },
      );
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', { limitMs: 60_000 });
      await expectWeights(seen, [0, 30, 60, 40, 20, 0]);
      const served = await seen.first('Deployment', 'web-primary', serves('web:2', 2));
      const returned = written(seen).find(({ weight }) => weight === 40);
      expect(returned?.at).toBeGreaterThan(served);
    });
  });

  test('fall to the next lower one when the list changes under a canary', async () => {
    await journey(async (walk) => {
      let rises = 1;
      walk.hooks.answer('/more', () => ({ status: rises-- > 0 ? 200 : 403 }));
      await using seen = followRollout(walk);
      const webhooks = [
        { name: 'more', type: 'confirm-traffic-increase', url: `${walk.hooks.url}/more` },
      ];
      await initialized(walk, {}, { analysis: { stepWeights: [10, 30, 60], webhooks } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 30', ({ status }) => status.canaryWeight === 30);
      await walk.api.patch(`${canariesPath(walk)}/web`, {
        spec: { analysis: { stepWeights: [10, 20, 50] } },
      });
      await untilCanary(walk, 'weight 20', ({ status }) => status.canaryWeight === 20);
      rises = 10;
      await untilPhase(walk, 'Succeeded', { limitMs: 60_000 });
      await expectWeights(seen, [0, 10, 30, 20, 50, 0]);
    });
  });
});
