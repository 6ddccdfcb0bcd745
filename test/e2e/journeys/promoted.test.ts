// A good version goes through its steps and becomes the primary's.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import {
  condition,
  deployment,
  imageOf,
  initialized,
  journey,
  routedWeight,
  service,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';

describeE2E('a good version', () => {
  test('is taken through every weight and promoted', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
      await untilCanary(walk, 'weight 50', ({ status }) => status.canaryWeight === 50);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect(await routedWeight(walk)).toBe(0);
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect(condition(status, 'Promoted')?.status).toBe('True');
      expect(status.history[0]?.outcome).toBe('promoted');
      await untilEvent(walk, 'Promoted');
    });
  });
});
