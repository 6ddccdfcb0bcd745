// A version whose pods die under traffic: no window of any metric is waited for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeNode, nodeDir } from './node.ts';
import { comeUsers, failed, lastSeen, story } from './users.ts';
import {
  backendsOf,
  checkedOver,
  initialized,
  release,
  untilOver,
  untilStatus,
  versionOf,
  type Walk,
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
        const crashedMs = firstCrash(on);
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

/** When the first pod said that it crashes, by the time that the container runtime put to its words. Since 1970. */
function firstCrash({ namespace }: Walk): number {
  const root = join(nodeDir(), 'pod-logs/pods');
  const lines = readdirSync(root)
    .filter((pod) => pod.startsWith(`${namespace}_`))
    .flatMap((pod) =>
      readdirSync(join(root, pod, 'app')).map((file) => join(root, pod, 'app', file)),
    )
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.includes('crashes, as told'));
  return Math.min(...lines.map((line) => Date.parse(line.split(' ')[0] ?? '')));
}
