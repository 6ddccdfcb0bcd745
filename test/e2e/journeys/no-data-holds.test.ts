// No answer is neither good nor bad: it holds the rollout where it is, counts as no failure and promotes nothing.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import type { PrometheusAnswer } from '../cluster/http-servers.ts';
import { until } from '../cluster/until.ts';
import {
  annotate,
  condition,
  deployment,
  initialized,
  journey,
  routedWeight,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

function successRate(interval = '1s') {
  return { name: 'request-success-rate', interval, thresholdRange: { min: 99 } };
}

const SILENCE: readonly (readonly [PrometheusAnswer, RegExp])[] = [
  ['empty', /the query gave no series/],
  [Number.NaN, /the query gave NaN/],
  ['outage', /the metrics server answered 503/],
  [
    [
      { labels: { pod: 'a' }, value: 100 },
      { labels: { pod: 'b' }, value: 100 },
    ],
    /the query gave 2 series where one is needed/,
  ],
  ['bad-query', /cannot parse the query/],
  ['hang', /did not answer|in time|deadline/],
];

describeE2E('a canary without data', () => {
  test('is held through every kind of silence, and promoted when the numbers come back', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: { threshold: 1, metrics: [successRate()] } });
      await setImage(walk, 'web:2');
      for (const [answer, words] of SILENCE) {
        walk.prometheus.answer(() => answer);
        const { status } = await untilCanary(walk, `unknown for ${words.source}`, (seen) => {
          const [newest] = seen.status.measurements;
          return newest?.verdict === 'unknown' && words.test(newest.message);
        });
        expect(status).toMatchObject({
          phase: 'Progressing',
          canaryWeight: 25,
          failedChecks: 0,
        });
        expect(status.rollout?.unknownSince).not.toBeNull();
      }
      await untilEvent(walk, 'NoVerdict');
      walk.prometheus.answer(() => 100);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.failedChecks).toBe(0);
    });
  });

  test('is paused at weight 0 after the limit, and goes on with its weight when it is resumed', async () => {
    await journey(async (walk) => {
      const analysis = { metrics: [successRate()], unknown: { limit: '2s' } };
      await initialized(walk, {}, { analysis });
      await setImage(walk, 'web:2');
      const paused = await untilCanary(
        walk,
        'the pause',
        (seen) => typeof seen.status.rollout?.paused === 'string',
      );
      expect(paused.status).toMatchObject({
        phase: 'Progressing',
        canaryWeight: 0,
        failedChecks: 0,
      });
      expect(paused.status.rollout?.resumeWeight).toBe(25);
      expect(condition(paused.status, 'Stalled')).toMatchObject({
        status: 'True',
        reason: 'Paused',
      });
      expect(condition(paused.status, 'Ready')?.status).toBe('True');
      await until('all traffic on the primary', async () => (await routedWeight(walk)) === 0);
      // Its pods stay, so that it can go on at once.
      expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
      walk.prometheus.answer(() => 100);
      await annotate(walk, { 'serin.dev/resume': paused.status.lastAppliedSpec });
      await untilCanary(walk, 'weight 25 again', ({ status }) => status.canaryWeight === 25);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(condition(status, 'Stalled')?.status).toBe('False');
    });
  });

  test('is rolled back after the limit where the spec says so', async () => {
    await journey(async (walk) => {
      const unknown = { limit: '2s', then: 'rollback' };
      await initialized(walk, {}, { analysis: { metrics: [successRate()], unknown } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('NoVerdict');
      expect(status.lastFailure?.message).toMatch(
        /no verdict for \d+ s: .*the query gave no series/,
      );
      expect(status.failedChecks).toBe(0);
    });
  });

  test('is not judged until a whole window lies after it got traffic', async () => {
    await journey(async (walk) => {
      const asked: number[] = [];
      walk.prometheus.answer(() => {
        asked.push(Date.now());
        return 100;
      });
      await initialized(walk, {}, { analysis: { metrics: [successRate('5s')] } });
      await setImage(walk, 'web:2');
      const { status } = await untilCanary(
        walk,
        'weight 50',
        (seen) => seen.status.canaryWeight === 50,
      );
      const since = status.rollout?.trafficSince ?? 0;
      expect((asked[0] ?? 0) - since).toBeGreaterThanOrEqual(5_000);
      expect(status.measurements.map(({ verdict }) => verdict)).toEqual(['pass']);
      expect(status.failedChecks).toBe(0);
      await untilPhase(walk, 'Succeeded');
    });
  });
});
