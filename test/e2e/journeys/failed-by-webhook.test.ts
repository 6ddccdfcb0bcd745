// Hooks that say no, or ask for a rollback, end a rollout; what they are told is what Flagger would tell them.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { Chronicle } from './chronicle.ts';
import {
  condition,
  events,
  initialized,
  journey,
  type Journey,
  routePath,
  setImage,
  untilCanary,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

function hook(walk: Journey, type: string, extra: Readonly<Record<string, unknown>> = {}) {
  return { name: type, type, url: `${walk.hooks.url}/${type}`, timeout: '5s', ...extra };
}

interface Payload {
  readonly name: string;
  readonly namespace: string;
  readonly phase: string;
  readonly checksum: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function payloads(walk: Journey, path: string): readonly Payload[] {
  return walk.hooks.calls(path).map(({ body }) => body as Payload);
}

describeE2E('a hook', () => {
  test('of type rollout that says no fails the check, and at the threshold the rollout', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/rollout');
      const metadata = { cmd: 'hey -z 1m', type: 'cmd' };
      const webhooks = [hook(walk, 'rollout', { metadata })];
      const { object } = await initialized(walk, {}, { analysis: { threshold: 2, webhooks } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.failedChecks).toBe(2);
      expect(status.lastFailure?.reason).toBe('AnalysisFailed');
      expect(status.lastFailure?.message).toContain('rollout answered 403');
      // No byte of an answer is passed on.
      expect(JSON.stringify(status)).not.toContain('not yet');
      const told = payloads(walk, '/rollout');
      expect(told).toHaveLength(2);
      expect(told[0]).toEqual({
        name: 'web',
        namespace: object.metadata.namespace,
        phase: 'Progressing',
        checksum: expect.stringMatching(/^[0-9a-f]+$/),
        metadata,
      });
      expect(told[1]?.checksum).toBe(told[0]?.checksum);
    });
  });

  test('of type pre-rollout that says no keeps the version from any traffic', async () => {
    await journey(async (walk) => {
      walk.hooks.answer('/pre-rollout', { status: 500 });
      const webhooks = [hook(walk, 'pre-rollout')];
      await initialized(walk, {}, { analysis: { threshold: 3, webhooks } });
      await using seen = new Chronicle(walk, routePath(walk, '').slice(0, -1));
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('PreRolloutFailed');
      expect(payloads(walk, '/pre-rollout')).toHaveLength(3);
      const weights = new Set(
        seen
          .of('HTTPRoute', 'web')
          .map(
            (route) => JSON.stringify(route['spec']).match(/web-canary[^}]*?"weight":(\d+)/)?.[1],
          ),
      );
      expect([...weights]).toEqual(['0']);
    });
  });

  test('of type rollback that says yes ends the rollout though every check passes', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/rollback');
      walk.prometheus.answer(() => 1);
      const webhooks = [hook(walk, 'rollback')];
      await initialized(
        walk,
        {},
        { analysis: { stepWeights: [5, 10, 15, 20, 25, 30, 35], webhooks } },
      );
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 10', ({ status }) => status.canaryWeight >= 10);
      walk.hooks.open('/rollback');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('RollbackRequested');
      expect(status.failedChecks).toBe(0);
    });
  });

  test('of type post-rollout is called once after the end, with how it ended', async () => {
    await journey(async (walk) => {
      const webhooks = [hook(walk, 'post-rollout'), hook(walk, 'rollout')];
      await initialized(walk, {}, { analysis: { threshold: 1, webhooks } });
      expect(payloads(walk, '/post-rollout')).toEqual([]);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      const owed = ({ status }: Awaited<ReturnType<typeof untilPhase>>) => status.owed.length === 0;
      await untilCanary(walk, 'post-rollout called', owed);
      expect(payloads(walk, '/post-rollout').map(({ phase }) => phase)).toEqual(['Succeeded']);
      walk.hooks.close('/rollout');
      // That it fails changes nothing.
      walk.hooks.answer('/post-rollout', { status: 500 });
      await setImage(walk, 'web:3');
      await untilRolledBack(walk, { image: 'web:2' });
      await untilCanary(walk, 'post-rollout called', owed);
      expect(payloads(walk, '/post-rollout').map(({ phase }) => phase)).toEqual([
        'Succeeded',
        'Failed',
      ]);
    });
  });

  test('of type event is told everything that the Canary’s Events tell', async () => {
    await journey(async (walk) => {
      const webhooks = [hook(walk, 'event', { metadata: { team: 'red' } })];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(condition(status, 'Promoted')?.status).toBe('True');
      await until('every Event at the hook', async () => {
        const notes = (await events(walk)).map(({ note }) => note).toSorted();
        const told = payloads(walk, '/event').map(
          ({ metadata }) => metadata?.['eventMessage'] ?? '',
        );
        return notes.length >= 6 && told.toSorted().join('|') === notes.join('|');
      });
      for (const { metadata } of payloads(walk, '/event')) {
        expect(metadata).toMatchObject({ team: 'red' });
        expect(metadata?.['eventType']).toMatch(/^(Normal|Warning)$/);
        expect(Number(metadata?.['timestamp'])).toBeGreaterThan(1_500_000_000_000);
      }
    });
  });
});
