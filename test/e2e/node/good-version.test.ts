// A good version on a real data plane: nobody notices, and each weight is what it says.
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { comeUsers, counted, failed, story } from './users.ts';
import {
  backendsOf,
  followRollout,
  initialized,
  lateness,
  release,
  versionOf,
  walk,
} from './walk.ts';

/** A gateway that said yes needs a moment to tell its proxy; 30 ms were measured at most. */
const SETTLES_MS = 500;
const DEVIATIONS = 5;

describeNode('a good version', () => {
  test('is promoted with no failed request, and every weight is the share that users see', async () => {
    await walk(async (on) => {
      await initialized(on);
      await using users = await comeUsers({ host: on.host });
      const releasedMs = await release(on, 'v2');
      const { status, steps } = await followRollout(on);
      const tookMs = Date.now() - releasedMs;
      const summary = await users.leave();
      const lateMs = lateness(steps, 10_000);
      console.info(`${status.phase} in ${tookMs} ms, steps ${lateMs} ms late; ${story(summary)}`);
      expect(status.phase).toBe('Succeeded');
      expect(summary.failures).toEqual({});
      expect(failed(summary)).toBe(0);
      expect(Object.keys(summary.answers['v2'] ?? {})).toEqual(['200']);
      expect(steps.map(({ weight }) => weight)).toEqual([0, 10, 20, 30, 40, 50, 50]);
      for (const [index, { weight, sinceMs }] of steps.slice(0, 6).entries())
        checkSplit(counted(summary, sinceMs + SETTLES_MS, steps[index + 1]?.sinceMs ?? 0), weight);
      expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
      expect(await versionOf(on, 'web-primary')).toBe('v2');
      for (const name of ['request-success-rate', 'request-duration']) {
        const last = status.measurements.find((measurement) => measurement.name === name);
        expect(last).toMatchObject({ verdict: 'pass', value: expect.any(Number) as unknown });
      }
      // On a calm machine less than one second in all.
      expect(lateMs).toBeLessThan(10_000);
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
