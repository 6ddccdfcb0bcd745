// A version whose pods die under traffic: no window of any metric is waited for.
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { firstCrash } from './pod-logs.ts';
import { comeUsers, failed, lastSeen, story } from './users.ts';
import {
  backendsOf,
  checkedOver,
  initialized,
  release,
  untilOver,
  untilStatus,
  versionOf,
  walk,
} from './walk.ts';

const LIMIT_MS = 6_000;
const FAILED_MAX = 100;

describeNode('a version that crashes after a while', () => {
  test.concurrent.each([
    { after: '20s', windows: '10s' },
    { after: '13s', windows: '10s' },
    { after: '20s', windows: '60s' },
  ])(
    '($after, metrics over $windows) is rolled back at its first crash',
    async ({ after, windows }) => {
      await walk(async (on) => {
        await initialized(on, { metrics: checkedOver(windows) });
        await using users = await comeUsers({ host: on.host });
        await release(on, 'v2', { CRASH_AFTER: after });
        await untilStatus(on, 'the start of the rollout', ({ phase }) => phase === 'Progressing');
        const status = await untilOver(on);
        const summary = await users.leave();
        const crashedMs = firstCrash(on.namespace);
        const decidedMs = (status.lastFailure?.at ?? Infinity) - crashedMs;
        const atUsersMs = (lastSeen(summary, 'v2')?.atMs ?? 0) - crashedMs;
        console.info(
          `${after}, ${windows}: decided ${decidedMs} ms after the crash, last answer after ${atUsersMs} ms, ${story(summary)}: ${status.lastFailure?.message}`,
        );
        expect(status.phase).toBe('Failed');
        expect(status.lastFailure?.reason).toBe('CanaryCrashed');
        expect(decidedMs).toBeLessThan(LIMIT_MS);
        expect(atUsersMs).toBeLessThan(LIMIT_MS);
        expect(failed(summary)).toBeLessThanOrEqual(FAILED_MAX);
        expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
        expect(await versionOf(on, 'web-primary')).toBe('v1');
        expect(status.history[0]?.outcome).toBe('failed');
      });
    },
    240_000,
  );
});
