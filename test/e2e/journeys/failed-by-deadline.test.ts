// A version that does not get ready in time is given up, and the reason is the one that a person would look for.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import {
  condition,
  imageOf,
  initialized,
  journey,
  podsWith,
  setImage,
  untilCanary,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

describeE2E('a version that is not ready at the deadline', () => {
  test('is rolled back with the kubelet’s own reason, and a mended one is promoted', async () => {
    await journey(async (walk) => {
      walk.kubelet.behave(podsWith('web:typo'), { kind: 'no-image' });
      await initialized(walk, {}, { spec: { progressDeadlineSeconds: 3 } });
      await setImage(walk, 'web:typo');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('ProgressDeadlineExceeded');
      expect(status.lastFailure?.message).toMatch(
        /container main of pod web-\S+ is waiting: ImagePullBackOff/,
      );
      expect(condition(status, 'Promoted')?.message).toContain('ImagePullBackOff');
      expect(condition(status, 'Ready')?.status).toBe('True');
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
    });
  });

  test('waits for slow pods up to the deadline', async () => {
    await journey(async (walk) => {
      walk.kubelet.behave(podsWith('web:2'), { kind: 'ready', afterMs: 4_000 });
      await initialized(walk, {}, { spec: { progressDeadlineSeconds: 30 } });
      await setImage(walk, 'web:2');
      const { status } = await untilCanary(
        walk,
        'a weight',
        (seen) => seen.status.canaryWeight > 0,
      );
      expect(status.failedChecks).toBe(0);
    });
  });
});
