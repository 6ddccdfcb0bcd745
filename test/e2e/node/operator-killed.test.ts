// The operator dies in the middle of a rollout: users do not notice, and the one that comes after takes it to its end.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { comeUsers, failed, story } from './users.ts';
import { checkedOver, initialized, release, untilOver, untilStatus, walk } from './walk.ts';

const AWAY_MS = 5_000;
const INTERVAL_MS = 5_000;

describeNode('an operator that is killed', () => {
  test.concurrent.each([{ at: 20 }, { at: 40 }])(
    'at weight $at and comes back after 5 s promotes, with no failed request',
    async ({ at }) => {
      await walk(async (on) => {
        await initialized(on, { interval: `${INTERVAL_MS}ms`, metrics: checkedOver('5s') });
        await using users = await comeUsers({ host: on.host });
        const releasedMs = await release(on, 'v2');
        await untilStatus(on, `weight ${at}`, ({ canaryWeight }) => canaryWeight === at);
        await on.operator.end('SIGKILL');
        await pause(AWAY_MS); // the fault itself
        await on.operator.start();
        const status = await untilOver(on);
        const tookMs = Date.now() - releasedMs;
        const summary = await users.leave();
        console.info(`killed at ${at}: ${status.phase} in ${tookMs} ms, ${story(summary)}`);
        expect(status.phase).toBe('Succeeded');
        expect(status.failedChecks).toBe(0);
        expect(summary.failures).toEqual({});
        expect(failed(summary)).toBe(0);
        // Five steps, as long as it was away and one second more, and the pods' own start, twice.
        expect(tookMs).toBeLessThan(5 * INTERVAL_MS + AWAY_MS + 1_000 + 20_000);
      });
    },
    240_000,
  );
});
