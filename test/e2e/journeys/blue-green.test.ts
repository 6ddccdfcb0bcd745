// Blue/green: the new version is checked so many times before anybody gets it, then everybody moves.
import { expect, test } from 'vitest';
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import {
  condition,
  createCanary,
  deployment,
  deployTarget,
  imageOf,
  initialized,
  journey,
  routePath,
  service,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';
import { expectWeights, followRollout, last, runs, serves, versionOf, written } from './routed.ts';

const SUCCESS_RATE = {
  name: 'request-success-rate',
  interval: '1s',
  thresholdRange: { min: 99 },
};

describeE2E('blue/green', () => {
  test('keeps users on the primary while it checks, and on the canary while the primary rolls', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 100);
      await using seen = followRollout(walk);
      await initialized(walk, {}, { analysis: { iterations: 3, metrics: [SUCCESS_RATE] } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'two iterations', ({ status }) => status.iterations === 2);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(walk.prometheus.queries).toHaveLength(3);
      expect(status.history[0]?.outcome).toBe('promoted');
      await expectWeights(seen, [0, 100, 0]);
      const [, away, back] = written(seen);
      const rolled = await seen.first('Deployment', 'web-primary', runs('web:2'));
      const served = await seen.first('Deployment', 'web-primary', serves('web:2', 2));
      expect(away?.weight).toBe(100);
      expect(away?.at).toBeLessThan(rolled);
      expect(back?.weight).toBe(0);
      expect(back?.at).toBeGreaterThan(served);
    });
  });

  test('takes the canary out of service when a check fails, without a user having met it', async () => {
    await journey(async (walk) => {
      const answers = [100];
      walk.prometheus.answer(() => answers.shift() ?? 50);
      await using seen = followRollout(walk);
      await initialized(walk, {}, { analysis: { iterations: 5, metrics: [SUCCESS_RATE] } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('AnalysisFailed');
      expect(walk.prometheus.queries).toHaveLength(3);
      await expectWeights(seen, [0]);
    });
  });

  test('waits for the gate before promotion, checked and with nobody on it', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/promote');
      await using seen = followRollout(walk);
      const webhooks = [
        { name: 'ok', type: 'confirm-promotion', url: `${walk.hooks.url}/promote` },
      ];
      await initialized(walk, {}, { analysis: { iterations: 2, webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      await untilEvent(walk, 'WaitingForApproval');
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      await expectWeights(seen, [0]);
      walk.hooks.open('/promote');
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      await expectWeights(seen, [0, 100, 0]);
    });
  });

  test('needs no router: with Services alone the primary rolls when the checks have passed', async () => {
    await journey(async (walk) => {
      await using seen = followRollout(walk);
      const spec = { provider: 'kubernetes' };
      await initialized(walk, {}, { spec, analysis: { iterations: 2 } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'an iteration', ({ status }) => status.iterations === 1);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect((await service(walk, 'web-canary')).spec.selector).toEqual({ app: 'web' });
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect(await walk.api.find(routePath(walk, 'web'))).toBeNull();
      expect(seen.of('HTTPRoute', 'web')).toEqual([]);
      const served = await seen.first('Deployment', 'web-primary', serves('web:2', 2));
      const up = last(seen, ['Deployment', 'web'], scaledUp);
      const parked = await seen.first('Deployment', 'web', (target) => versionOf(target) > up);
      expect(parked).toBeGreaterThan(served);
    });
  });

  test('is all that Services can do: weights are refused, and accepted once they are gone', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      await createCanary(walk, { spec: { provider: 'kubernetes' } });
      const { status } = await untilCanary(
        walk,
        'the refusal',
        (seen) => condition(seen.status, 'Accepted')?.status === 'False',
      );
      expect(condition(status, 'Accepted')?.message).toMatch(/^spec\.analysis/);
      expect(await walk.api.find(routePath(walk, 'web'))).toBeNull();
      await walk.api.patch(`/apis/serin.dev/v1beta1/namespaces/${walk.namespace}/canaries/web`, {
        spec: { analysis: { stepWeight: null, maxWeight: null, iterations: 1 } },
      });
      const mended = await untilPhase(walk, 'Initialized');
      expect(condition(mended.status, 'Accepted')?.status).toBe('True');
    });
  });
});

function scaledUp(object: KubeObject): boolean {
  return ((object as Deployment).spec.replicas ?? 0) > 0;
}
