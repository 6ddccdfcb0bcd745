// Bad versions on a real data plane: given up by what Prometheus measured of real requests.
import { expect, test } from 'vitest';
import type { LoadSummary } from './node.ts';
import { describeNode } from './node.ts';
import { comeUsers, failed, lastSeen, story } from './users.ts';
import {
  backendsOf,
  initialized,
  release,
  statusOf,
  untilOver,
  untilStatus,
  versionOf,
  type Walk,
  walk,
} from './walk.ts';
import type { CanaryStatus } from '../../../src/api/canary.ts';

/** Three checks of 10 s, from the first answer of the bad version on; some seconds for a busy machine. */
const LIMIT_MS = 34_000;

interface Story {
  readonly status: CanaryStatus;
  readonly summary: LoadSummary;
  /** How long users met the bad version. */
  readonly atUsersMs: number;
}

async function rolledBack(on: Walk, env: Readonly<Record<string, string>>): Promise<Story> {
  await initialized(on);
  await using users = await comeUsers({ host: on.host });
  await release(on, 'v2', env);
  await untilStatus(on, 'the start of the rollout', ({ phase }) => phase === 'Progressing');
  await untilOver(on);
  const status = await statusOf(on);
  const summary = await users.leave();
  const first = summary.spans?.find((span) => span.answers['v2'] !== undefined);
  const last = lastSeen(summary, 'v2');
  const atUsersMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  console.info(`at users for ${atUsersMs} ms, ${story(summary)}: ${status.lastFailure?.message}`);
  expect(status.phase).toBe('Failed');
  expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
  expect(await versionOf(on, 'web-primary')).toBe('v1');
  expect(summary.failures).toEqual({});
  expect(Object.keys(summary.answers['v1'] ?? {})).toEqual(['200']);
  expect(atUsersMs).toBeLessThan(LIMIT_MS);
  return { status, summary, atUsersMs };
}

function valueOf(status: CanaryStatus, metric: string): number {
  const found = status.measurements.find(({ name }) => name === metric);
  expect(found?.verdict).toBe('fail');
  return found?.value ?? Number.NaN;
}

describeNode('a bad version', () => {
  test.concurrent('with 30 % errors is rolled back, and the status says what was measured', async () => {
    await walk(async (on) => {
      const { status, summary } = await rolledBack(on, { ERROR_RATE: '0.3' });
      const percent = valueOf(status, 'request-success-rate');
      expect(percent).toBeGreaterThan(45);
      expect(percent).toBeLessThan(90);
      expect(status.lastFailure?.reason).toBe('AnalysisFailed');
      expect(status.lastFailure?.message).toContain(
        `request-success-rate ${percent.toFixed(2)} is below the minimum 99`,
      );
      // A tenth of 100 requests a second for 30 s, of which three tenths fail.
      expect(failed(summary)).toBeGreaterThan(45);
      expect(failed(summary)).toBeLessThanOrEqual(140);
    });
  }, 240_000);

  test.concurrent('that is slower by a second is rolled back by the duration', async () => {
    await walk(async (on) => {
      const { status, summary } = await rolledBack(on, { LATENCY: '1s' });
      const milliseconds = valueOf(status, 'request-duration');
      expect(milliseconds).toBeGreaterThan(1_000);
      expect(status.lastFailure?.message).toContain('request-duration');
      expect(failed(summary)).toBe(0);
    });
  }, 240_000);
});
