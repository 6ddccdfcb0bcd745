// A good version on a real data plane: nobody notices, and each weight is what it says.
import { expect, test } from 'vitest';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import { describeNode } from './node.ts';
import { counted, comeUsers, failed } from './users.ts';
import { backendsOf, initialized, release, statusOf, versionOf, walk } from './walk.ts';
import { until } from '../cluster/until.ts';

/** A gateway that said yes needs a moment to tell its proxy; 30 ms were measured at most. */
const SETTLES_MS = 500;
const DEVIATIONS = 5;

interface Step {
  readonly weight: number;
  readonly sinceMs: number;
}

describeNode('a good version', () => {
  test('is promoted with no failed request, and every weight is the share that users see', async () => {
    await walk(async (on) => {
      await initialized(on);
      await using users = await comeUsers({ host: on.host });
      const releasedMs = await release(on, 'v2');
      const steps: Step[] = [];
      const seen: CanaryStatus[] = [];
      const { phase } = await until(
        'the promotion',
        async () => {
          const status = await statusOf(on);
          const { canaryWeight: weight, rollout } = status;
          if (rollout !== null && steps.at(-1)?.sinceMs !== rollout.stepSince)
            steps.push({ weight, sinceMs: rollout.stepSince });
          if (status.measurements.length > 0) seen.push(status);
          return status.phase === 'Succeeded' || status.phase === 'Failed' ? status : null;
        },
        { limitMs: 120_000 },
      );
      const tookMs = Date.now() - releasedMs;
      const summary = await users.leave();
      console.info(`promoted in ${tookMs} ms, ${summary.requests} requests`);
      expect(phase).toBe('Succeeded');
      expect(summary.failures).toEqual({});
      expect(failed(summary)).toBe(0);
      expect(Object.keys(summary.answers['v2'] ?? {})).toEqual(['200']);
      expect(steps.map(({ weight }) => weight)).toEqual([0, 10, 20, 30, 40, 50, 50]);
      for (const [index, { weight, sinceMs }] of steps.slice(0, 6).entries())
        checkSplit(counted(summary, sinceMs + SETTLES_MS, steps[index + 1]?.sinceMs ?? 0), weight);
      expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
      expect(await versionOf(on, 'web-primary')).toBe('v2');
      for (const name of ['request-success-rate', 'request-duration']) {
        const last = seen.at(-1)?.measurements.find((measurement) => measurement.name === name);
        expect(last).toMatchObject({ verdict: 'pass', value: expect.any(Number) as unknown });
      }
      // Five steps of 10 s; the rest is the pods' own start, twice, and the operator.
      expect(tookMs).toBeLessThan(70_000);
    });
  }, 240_000);
});

/** The split is drawn request by request: a binomial distribution. */
function checkSplit(counts: Readonly<Record<string, number>>, weight: number): void {
  const { v1 = 0, v2 = 0 } = counts;
  const share = weight / 100;
  const allowed = DEVIATIONS * Math.sqrt((v1 + v2) * share * (1 - share));
  console.info(`weight ${weight}: ${v2} of ${v1 + v2}`);
  if (weight > 0) expect(v1 + v2).toBeGreaterThan(700);
  expect(Math.abs(v2 - (v1 + v2) * share)).toBeLessThanOrEqual(allowed);
}
