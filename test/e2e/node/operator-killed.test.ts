// The operator dies in the middle of a rollout: users do not notice, and the one that comes after takes it to its end.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { comeUsers, failed, story } from './users.ts';
import {
  checkedOver,
  followRollout,
  initialized,
  lateness,
  release,
  untilStatus,
  walk,
} from './walk.ts';

const AWAY_MS = 5_000;
const INTERVAL_MS = 5_000;
/** For its start, and one check in which Prometheus has no series of the young pods yet; both on a crowded machine. */
const LATE_MS = 2 * INTERVAL_MS;

describeNode('an operator that is killed', () => {
  test.concurrent.each([{ at: 20 }, { at: 40 }])(
    'at weight $at and comes back after 5 s promotes, with no failed request',
    async ({ at }) => {
      await walk(async (on) => {
        await initialized(on, { interval: `${INTERVAL_MS}ms`, metrics: checkedOver('5s') });
        await using users = await comeUsers({ host: on.host });
        await release(on, 'v2');
        const rollout = followRollout(on);
        rollout.catch(() => undefined);
        await untilStatus(on, `weight ${at}`, ({ canaryWeight }) => canaryWeight === at);
        await on.operator.end('SIGKILL');
        await pause(AWAY_MS); // the fault itself
        await on.operator.start();
        const { status, steps } = await rollout;
        const summary = await users.leave();
        const lateMs = lateness(steps, INTERVAL_MS);
        console.info(`killed at ${at}: ${status.phase}, ${lateMs} ms late; ${story(summary)}`);
        expect(status.phase).toBe('Succeeded');
        expect(status.failedChecks).toBe(0);
        expect(summary.failures).toEqual({});
        expect(failed(summary)).toBe(0);
        // While it is away a step may be missed; the next one must not be waited for once more.
        expect(lateMs).toBeLessThan(AWAY_MS + LATE_MS);
      });
    },
    240_000,
  );
});
