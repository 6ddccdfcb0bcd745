// Gates hold a rollout until someone says yes: the hook, or a person. They never hold a rollback or a deletion.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  annotate,
  canariesPath,
  condition,
  deployment,
  imageOf,
  initialized,
  journey,
  type Journey,
  podsWith,
  routedWeight,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

function gate(walk: Journey, type: string, timeout = '5s') {
  return { name: type, type, url: `${walk.hooks.url}/${type}`, timeout };
}

/** Waits until a closed gate was asked so often again: it stays closed. */
function askedAgain(walk: Journey, type: string): Promise<number> {
  const before = walk.hooks.calls(`/${type}`).length;
  return until(`${type} asked again`, () => {
    const calls = walk.hooks.calls(`/${type}`).length;
    return calls >= before + 2 && calls;
  });
}

describeE2E('a gate', () => {
  test('confirm-rollout keeps a new version waiting, without pods, until it opens', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-rollout');
      await initialized(walk, {}, { analysis: { webhooks: [gate(walk, 'confirm-rollout')] } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Waiting');
      await untilEvent(walk, 'WaitingForApproval');
      await askedAgain(walk, 'confirm-rollout');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      walk.hooks.open('/confirm-rollout');
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
    });
  });

  test('confirm-rollout is answered by a person for the version that waits', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-rollout');
      await initialized(walk, {}, { analysis: { webhooks: [gate(walk, 'confirm-rollout')] } });
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'Waiting');
      expect(status.target.revision).not.toBe(status.lastPromotedSpec);
      await annotate(walk, { 'serin.dev/approve': status.target.revision });
      await untilPhase(walk, 'Succeeded');
      await untilEvent(walk, 'Approved');
    });
  });

  test('confirm-traffic-increase holds the weight until it opens', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-traffic-increase');
      const webhooks = [gate(walk, 'confirm-traffic-increase')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
      await untilEvent(walk, 'WaitingForApproval');
      await askedAgain(walk, 'confirm-traffic-increase');
      const { status } = await untilPhase(walk, 'Progressing');
      expect(status.canaryWeight).toBe(25);
      expect(status.failedChecks).toBe(0);
      await annotate(walk, { 'serin.dev/approve': `${status.lastAppliedSpec}/1` });
      await untilCanary(walk, 'weight 50', (seen) => seen.status.canaryWeight === 50);
      walk.hooks.open('/confirm-traffic-increase');
      await untilPhase(walk, 'Succeeded');
    });
  });

  test('confirm-promotion holds the last weight until it opens', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-promotion');
      const webhooks = [gate(walk, 'confirm-promotion')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'WaitingPromotion');
      expect(status.canaryWeight).toBe(50);
      expect(condition(status, 'Reconciling')?.status).toBe('True');
      await askedAgain(walk, 'confirm-promotion');
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      walk.hooks.open('/confirm-promotion');
      await untilPhase(walk, 'Succeeded');
    });
  });

  test('confirm-promotion is answered by a person', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-promotion');
      const webhooks = [gate(walk, 'confirm-promotion')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'WaitingPromotion');
      await annotate(walk, { 'serin.dev/approve': status.lastAppliedSpec.slice(0, 12) });
      await untilPhase(walk, 'Succeeded');
    });
  });

  test('that is closed does not keep a failing canary in service', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/confirm-promotion');
      const webhooks = [gate(walk, 'confirm-promotion')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion');
      walk.kubelet.behave(podsWith('web:2'), { kind: 'crash', afterMs: 1_000 });
      const { status } = await untilRolledBack(walk, { limitMs: 40_000 });
      expect(status.lastFailure?.reason).toBe('CanaryCrashed');
    });
  });
});

describeE2E('a newer version that waits at a gate', () => {
  test('is the one to approve, and leaves nothing of the one that failed before it', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: { webhooks: [gate(walk, 'confirm-rollout')] } });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
      walk.hooks.close('/confirm-rollout');
      walk.kubelet.behave(podsWith('web:2'), { kind: 'crash', afterMs: 1_000 });
      await untilPhase(walk, 'Failed');
      await setImage(walk, 'web:3');
      const waiting = await untilPhase(walk, 'Waiting');
      await until('no traffic for it', async () => (await routedWeight(walk)) === 0);
      const named = waiting.status.target.revision;
      await setImage(walk, 'web:4');
      const newer = await untilCanary(walk, 'the newest named', ({ status }) => {
        return status.phase === 'Waiting' && status.target.revision !== named;
      });
      await until('no pods for it', async () => {
        return (await deployment(walk, 'web')).spec.replicas === 0;
      });
      await annotate(walk, { 'serin.dev/approve': named });
      await untilEvent(walk, 'IntentIgnored');
      await annotate(walk, { 'serin.dev/approve': newer.status.target.revision });
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:4');
    });
  });
});

describeE2E('a hook that never answers', () => {
  test('delays no rollback', async () => {
    await journey(async (walk) => {
      walk.hooks.answer('/rollout', 'hang');
      const webhooks = [gate(walk, 'rollout', '10m')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await until('the hook called', () => walk.hooks.calls('/rollout').length > 0);
      walk.kubelet.behave(podsWith('web:2'), { kind: 'crash', afterMs: 1_000 });
      const { status } = await untilRolledBack(walk, { limitMs: 60_000 });
      expect(status.lastFailure?.reason).toBe('CanaryCrashed');
    });
  });

  test('delays no deletion', async () => {
    await journey(async (walk) => {
      walk.hooks.answer('/confirm-promotion', 'hang');
      const webhooks = [gate(walk, 'confirm-promotion', '10m')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      await until('the hook called', () => walk.hooks.calls('/confirm-promotion').length > 0);
      await walk.api.delete(`${canariesPath(walk)}/web`);
      await until(
        'the Canary gone',
        async () => (await walk.api.find(`${canariesPath(walk)}/web`)) === null,
        { limitMs: 60_000 },
      );
    });
  });

  test('does not hold another Canary', async () => {
    await journey(async (walk) => {
      walk.hooks.answer('/rollout', 'hang');
      const webhooks = [gate(walk, 'rollout', '10m')];
      await initialized(walk, {}, { analysis: { webhooks } });
      await initialized(walk, { name: 'api' }, { name: 'api' });
      await setImage(walk, 'web:2');
      await until('the hook called', () => walk.hooks.calls('/rollout').length > 0);
      await setImage(walk, 'api:2', 'api');
      await untilPhase(walk, 'Succeeded', { name: 'api' });
    });
  });
});
