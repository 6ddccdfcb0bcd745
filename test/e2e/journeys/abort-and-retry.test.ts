// What people ask for by annotation: taken once, recorded with who and when, and cleared; what does not fit is told.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { untilQuiet } from './chronicle.ts';
import {
  annotate,
  canariesPath,
  canaryOf,
  condition,
  imageOf,
  initialized,
  journey,
  type Journey,
  routedWeight,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

const LONG = { stepWeights: [10, 20, 30, 40, 50, 60, 70, 80, 90], interval: '2s' };

/** As `kubectl annotate` by a named person does it. */
async function ask(walk: Journey, verb: string, value: string, who = 'ann'): Promise<void> {
  const path = `${canariesPath(walk)}/web?fieldManager=${who}`;
  await walk.api.patch(path, { metadata: { annotations: { [`serin.dev/${verb}`]: value } } });
}

async function untilCleared(walk: Journey): Promise<void> {
  await until('the annotation gone', async () => {
    const { object, status } = await canaryOf(walk);
    const left = Object.keys(object.metadata.annotations ?? {});
    return !left.some((key) => key.startsWith('serin.dev/')) && status.intents[0]?.cleared === true;
  });
}

describeE2E('a person', () => {
  test('aborts a rollout, and has it tried again', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: LONG });
      await setImage(walk, 'web:2');
      const rolling = await untilCanary(
        walk,
        'weight 20',
        ({ status }) => status.canaryWeight === 20,
      );
      const revision = rolling.status.lastAppliedSpec;
      await ask(walk, 'abort', revision);
      const { status } = await untilRolledBack(walk);
      expect(status.history[0]?.outcome).toBe('aborted');
      expect(status.lastFailure).toMatchObject({ reason: 'Aborted', message: 'aborted by ann' });
      expect(status.intents[0]).toMatchObject({ verb: 'abort', value: revision, manager: 'ann' });
      await untilCleared(walk);
      await untilEvent(walk, 'Aborted');
      // It is not taken up again by itself.
      await untilQuiet(walk, 2_000);
      expect((await canaryOf(walk)).status.phase).toBe('Failed');
      await ask(walk, 'retry', revision.slice(0, 12), 'bob');
      await untilPhase(walk, 'Progressing');
      const again = await untilCanary(walk, 'weight 10', (seen) => seen.status.canaryWeight === 10);
      expect(again.status.failedChecks).toBe(0);
      expect(again.status.intents[0]).toMatchObject({ verb: 'retry', manager: 'bob' });
      const { status: done } = await untilPhase(walk, 'Succeeded', { limitMs: 60_000 });
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect(done.history).toHaveLength(1);
      expect(done.history[0]?.outcome).toBe('promoted');
      expect(condition(done, 'Promoted')?.status).toBe('True');
    });
  });

  test('pauses a rollout where it is, and lets it go on', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await setImage(walk, 'web:2');
      const rolling = await untilCanary(
        walk,
        'weight 25',
        ({ status }) => status.canaryWeight === 25,
      );
      const revision = rolling.status.lastAppliedSpec;
      await ask(walk, 'pause', revision);
      const paused = await untilCanary(
        walk,
        'the pause',
        (seen) => typeof seen.status.rollout?.paused === 'string',
      );
      expect(paused.status.rollout?.paused).toBe('paused by ann');
      expect(condition(paused.status, 'Stalled')).toMatchObject({
        status: 'True',
        reason: 'Paused',
      });
      const { canaryWeight, rollout } = paused.status;
      await untilCanary(walk, 'more checks', (seen) => {
        return (seen.status.rollout?.checks ?? 0) >= (rollout?.checks ?? 0) + 2;
      });
      const still = await canaryOf(walk);
      expect(still.status.canaryWeight).toBe(canaryWeight);
      expect(await routedWeight(walk)).toBe(canaryWeight);
      await untilCleared(walk);
      await ask(walk, 'resume', revision);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.intents.map(({ verb }) => verb)).toEqual(['resume', 'pause']);
    });
  });

  test('who speaks of another version, step or phase is told that it has no effect', async () => {
    await journey(async (walk) => {
      walk.hooks.close('/gate');
      const webhooks = [{ name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` }];
      await initialized(walk, {}, { analysis: { webhooks } });
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'WaitingPromotion');
      const ignored: readonly (readonly [string, string, RegExp])[] = [
        ['approve', 'deadbeef', /the current revision is/],
        ['abort', `${status.lastAppliedSpec}/17`, /the current step is/],
        ['retry', status.lastAppliedSpec, /the Canary is WaitingPromotion/],
        ['resume', status.lastAppliedSpec, /the rollout is not paused/],
      ];
      for (const [verb, value, words] of ignored) {
        await ask(walk, verb, value);
        await until(`${verb} told as ignored`, async () => {
          const { items } = await walk.api.get<{ items: { reason: string; note: string }[] }>(
            `/apis/events.k8s.io/v1/namespaces/${walk.namespace}/events`,
          );
          return items.some(({ reason, note }) => {
            return reason === 'IntentIgnored' && note.startsWith(verb) && words.test(note);
          });
        });
        await untilCleared(walk);
      }
      expect((await canaryOf(walk)).status.phase).toBe('WaitingPromotion');
      // What cannot be read is left where it is, and a condition says so.
      await annotate(walk, { 'serin.dev/approve': 'yes please' });
      await untilCanary(walk, 'the warning', (seen) => {
        return (condition(seen.status, 'Accepted')?.message ?? '').includes('serin.dev/approve');
      });
      // The same words may be said again, and count anew.
      await ask(walk, 'approve', status.lastAppliedSpec);
      await untilPhase(walk, 'Succeeded');
    });
  });
});
