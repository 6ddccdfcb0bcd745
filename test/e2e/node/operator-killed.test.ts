// The operator dies in the middle of a rollout: users do not notice, and the one that comes after takes it to its end.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import { describeNode } from './node.ts';
import { comeUsers, failed, story } from './users.ts';
import {
  checkedOver,
  followRollout,
  initialized,
  lateness,
  release,
  type Step,
  untilStatus,
  walk,
} from './walk.ts';

const AWAY_MS = 5_000;
const INTERVAL_MS = 5_000;
/** Beyond its absence, its own start, and what a check takes on this machine at this time. */
const SLACK_MS = 1_000;

/** When to kill: right after a weight was recorded, before its route is written; in the middle; when a check is due. */
const MOMENTS: readonly Moment[] = [
  { name: 'as weight 10 is recorded', so: ({ canaryWeight }) => canaryWeight === 10, waitMs: 0 },
  {
    name: 'at any time',
    so: ({ canaryWeight }) => canaryWeight === 20,
    waitMs: 2 * INTERVAL_MS * Math.random(),
  },
  {
    name: 'just before a check',
    so: ({ canaryWeight }) => canaryWeight === 40,
    waitMs: INTERVAL_MS - 500,
  },
  { name: 'as the promotion is recorded', so: ({ phase }) => phase === 'Promoting', waitMs: 0 },
];

interface Moment {
  readonly name: string;
  readonly so: (status: CanaryStatus) => boolean;
  readonly waitMs: number;
}

describeNode('an operator that is killed', () => {
  test.concurrent.each(MOMENTS)(
    '$name and comes back after 5 s promotes, with no failed request, late by its absence',
    async ({ name, so, waitMs }) => {
      await walk(async (on) => {
        await initialized(on, { interval: `${INTERVAL_MS}ms`, metrics: checkedOver('5s') });
        await using users = await comeUsers({ host: on.host });
        await release(on, 'v2');
        const rollout = followRollout(on);
        rollout.catch(() => undefined);
        await untilStatus(on, name, so);
        await pause(waitMs); // the moment of the fault
        await on.operator.end('SIGKILL');
        await pause(AWAY_MS); // the fault itself
        const startedMs = performance.now();
        await on.operator.start();
        const startMs = performance.now() - startedMs;
        const { status, steps } = await rollout;
        const summary = await users.leave();
        const lateMs = lateness(steps, INTERVAL_MS);
        console.info(
          `killed ${name}, ${Math.round(waitMs)} ms after: ${status.phase}, ${lateMs} ms late, ${Math.round(startMs)} ms of them to start; ${story(summary)}`,
        );
        expect(status.phase).toBe('Succeeded');
        expect(status.failedChecks).toBe(0);
        expect(summary.failures).toEqual({});
        expect(failed(summary)).toBe(0);
        expect(lateMs).toBeLessThan(AWAY_MS + startMs + checksMs(steps) + SLACK_MS);
      });
    },
    240_000,
  );
});

/** What all checks of a rollout take at the pace of most of them: 300 ms on a calm machine, seconds on a crowded one. */
function checksMs(steps: readonly Step[]): number {
  const times = steps.slice(1, -1).map((step, index) => {
    const next = steps[index + 2]?.sinceMs ?? step.sinceMs;
    return next - step.sinceMs - INTERVAL_MS;
  });
  const middle = times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
  return Math.max(0, middle) * times.length;
}
