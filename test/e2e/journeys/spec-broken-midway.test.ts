// A spec that becomes wrong while a rollout is under way: the canary is still watched, and nothing new is begun.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import {
  canariesPath,
  condition,
  imageOf,
  initialized,
  journey,
  routedWeight,
  setImage,
  untilCanary,
  untilRolledBack,
} from './journey.ts';

describeE2E('a spec broken in the middle', () => {
  test('is refused with words, and a crash still rolls back', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/gate');
      const hook = {
        name: 'gate',
        type: 'confirm-traffic-increase',
        url: `${walk.hooks.url}/gate`,
      };
      await initialized(walk, {}, { analysis: { webhooks: [hook] } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
      // Known to the API server's schema, but not built: the operator has to refuse it.
      await walk.api.patch(`${canariesPath(walk)}/web`, { spec: { analysis: { mirror: true } } });
      const { status } = await untilCanary(
        walk,
        'refusal',
        ({ status: seen }) => condition(seen, 'Accepted')?.status === 'False',
      );
      expect(condition(status, 'Accepted')?.message).toContain('spec.analysis.mirror');
      walk.kubelet.behave((pod) => pod.metadata.labels?.['app'] === 'web', {
        kind: 'crash',
        afterMs: 100,
      });
      await untilRolledBack(walk);
      expect(await routedWeight(walk)).toBe(0);
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
    });
  });
});
