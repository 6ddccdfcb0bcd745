// A weight counts once the gateway has it in force: until then nothing is measured, and a refusal does not last for ever.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import type { HttpRoute, Verdict } from '../cluster/gateway.ts';
import { until } from '../cluster/until.ts';
import { untilQuiet } from './chronicle.ts';
import {
  condition,
  initialized,
  journey,
  type Journey,
  routedWeight,
  routePath,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

const SUCCESS_RATE = {
  name: 'request-success-rate',
  interval: '1s',
  thresholdRange: { min: 99 },
};
const ANALYSIS = { metrics: [SUCCESS_RATE] };

describeE2E('a gateway', () => {
  test('that says nothing of a weight holds it there, unmeasured; the step counts from its word', async () => {
    await journey(async (walk) => {
      const asked = timesOfQueries(walk);
      await initialized(walk, {}, { analysis: ANALYSIS });
      judgeCanaryTraffic(walk, { kind: 'silent' });
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
      await untilQuiet(walk, 4_000);
      expect(await routedWeight(walk)).toBe(25);
      expect(asked).toEqual([]);
      const acceptedAt = Date.now();
      judgeCanaryTraffic(walk, { kind: 'accept' });
      await untilPhase(walk, 'Succeeded');
      expect(asked).toHaveLength(2);
      expect((asked[0] ?? 0) - acceptedAt).toBeGreaterThanOrEqual(1_000);
    });
  });

  test('that speaks while the operator is away is believed, and the weight counts from its write', async () => {
    await journey(async (walk) => {
      const asked = timesOfQueries(walk);
      await initialized(walk, {}, { analysis: ANALYSIS });
      judgeCanaryTraffic(walk, { kind: 'silent' });
      await setImage(walk, 'web:2');
      await until('weight 25', async () => (await routedWeight(walk)) === 25);
      const { metadata } = await walk.api.get(routePath(walk, 'web'));
      const writtenAt = Date.parse(metadata.annotations?.['serin.dev/written-at'] ?? '');
      await walk.operator.end('SIGKILL');
      expect(asked).toEqual([]);
      judgeCanaryTraffic(walk, { kind: 'accept' });
      walk.startOperator();
      await untilPhase(walk, 'Succeeded');
      expect(asked).toHaveLength(2);
      // A restart costs a step nothing, and cuts nothing off it.
      expect((asked[0] ?? 0) - writtenAt).toBeGreaterThanOrEqual(1_000);
      expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(1_000);
    });
  });

  test('that refuses a weight until the progress deadline ends the rollout, in its own words', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { spec: { progressDeadlineSeconds: 4 }, analysis: ANALYSIS });
      const asked = timesOfQueries(walk);
      judgeCanaryTraffic(walk, { kind: 'refuse', reason: 'NotAllowedByListeners' });
      await setImage(walk, 'web:2');
      const refused = await untilCanary(
        walk,
        'Stalled',
        ({ status }) => condition(status, 'Stalled')?.reason === 'RouteRefused',
      );
      expect(refused.status.phase).toBe('Progressing');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('RouteRefused');
      expect(status.lastFailure?.message).toContain('NotAllowedByListeners');
      expect(condition(status, 'Stalled')?.status).toBe('False');
      expect((await untilEvent(walk, 'RouteRefused')).note).toContain('Gateway gateway');
      expect(asked).toEqual([]);
    });
  });

  test('that refuses for a while only holds the step, which then goes on', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: ANALYSIS });
      timesOfQueries(walk);
      judgeCanaryTraffic(walk, { kind: 'refuse' });
      await setImage(walk, 'web:2');
      await untilCanary(
        walk,
        'Stalled',
        ({ status }) => condition(status, 'Stalled')?.reason === 'RouteRefused',
      );
      judgeCanaryTraffic(walk, { kind: 'accept' });
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(condition(status, 'Stalled')?.status).toBe('False');
    });
  });

  test('that is late with the way back keeps the canary up until nobody is on it', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 50);
      await initialized(walk, {}, { analysis: { ...ANALYSIS, threshold: 1 } });
      walk.gateway.judge((route) => ({ kind: canaryWeight(route) > 0 ? 'accept' : 'silent' }));
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Failed');
      await untilQuiet(walk, 3_000);
      expect(await routedWeight(walk)).toBe(0);
      const pods = `/api/v1/namespaces/${walk.namespace}/pods?labelSelector=app%3Dweb`;
      expect((await walk.api.get<{ items: unknown[] }>(pods)).items).toHaveLength(2);
      walk.gateway.judge(() => ({ kind: 'accept' }));
      await untilRolledBack(walk);
    });
  });
});

/** Answers all queries well, and notes when each came. */
function timesOfQueries(walk: Journey): readonly number[] {
  const times: number[] = [];
  walk.prometheus.answer(() => {
    times.push(Date.now());
    return 100;
  });
  return times;
}

/** What the gateway says of routes that send the canary something; all others it accepts. */
function judgeCanaryTraffic(walk: Journey, verdict: Verdict): void {
  walk.gateway.judge((route) => (canaryWeight(route) > 0 ? verdict : { kind: 'accept' }));
}

function canaryWeight(route: HttpRoute): number {
  const backends = route.spec.rules?.[0]?.backendRefs ?? [];
  return backends.find(({ name }) => name === 'web-canary')?.weight ?? 0;
}
