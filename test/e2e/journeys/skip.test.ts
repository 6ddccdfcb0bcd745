// skipAnalysis: a version that gets ready is promoted without a judgement, and without traffic before it.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { Chronicle } from './chronicle.ts';
import {
  condition,
  deployment,
  imageOf,
  initialized,
  journey,
  podsWith,
  routePath,
  setImage,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

describeE2E('a Canary that skips its analysis', () => {
  test('promotes what gets ready, asks nothing and shifts no weight', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 0);
      const metrics = [{ name: 'request-success-rate', interval: '1s', threshold: 99 }];
      const webhooks = ['confirm-rollout', 'pre-rollout', 'rollout', 'confirm-promotion'].map(
        (type) => ({ name: type, type, url: `${walk.hooks.url}/${type}` }),
      );
      for (const { type } of webhooks) walk.hooks.close(`/${type}`);
      await initialized(
        walk,
        {},
        { spec: { skipAnalysis: true }, analysis: { metrics, webhooks } },
      );
      await using seen = new Chronicle(walk, routePath(walk, '').slice(0, -1));
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect(condition(status, 'Promoted')?.status).toBe('True');
      expect(walk.prometheus.queries).toEqual([]);
      expect(walk.hooks.calls()).toEqual([]);
      const routes = seen.of('HTTPRoute', 'web').map((route) => JSON.stringify(route['spec']));
      expect(routes.length).toBeGreaterThan(0);
      for (const route of routes) expect(route).toMatch(/web-canary[^}]*"weight":0/);
      expect((await untilEvent(walk, 'Promoted')).note).toContain('analysis skipped');
    });
  });

  test('does not promote what never gets ready', async () => {
    await journey(async (walk) => {
      walk.kubelet.behave(podsWith('web:2'), { kind: 'never-ready' });
      const spec = { skipAnalysis: true, progressDeadlineSeconds: 3 };
      await initialized(walk, {}, { spec });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('ProgressDeadlineExceeded');
    });
  });
});
