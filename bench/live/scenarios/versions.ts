// Versions that are good, that fail, that are slow and that never come up.
import { failed } from '../../../test/e2e/node/users.ts';
import {
  createCanary,
  deployTarget,
  initialized,
  untilStatus,
} from '../../../test/e2e/node/walk.ts';
import { type Ground, onGround } from '../ground.ts';
import {
  atUsersMs,
  figuresOf,
  inSeconds,
  promotedUnharmed,
  rollOut,
  type RolloutStory,
  seconds,
  toldShort,
} from '../rollout.ts';
import type { Measured, Scenario } from '../scenario.ts';

const DEADLINE_SECONDS = 60;
/** The operator looks at the deadline, and the status is looked at, a moment after it. */
const DEADLINE_SLACK_MS = 5_000;

export const good: Scenario = {
  name: 'good',
  row: 'good version, 5 steps',
  flagger: 'promoted in 84 s, 0 failed requests',
  goal: '≤ 60 s, 0 failed',
  alone: true,
  times: 1,
  run: (ground) =>
    onGround(ground, async (on) => {
      await initialized(on);
      const story = await rollOut(ground, on);
      if (story.status.phase === 'Succeeded')
        ground.undisturbed.tookMs = Promise.resolve(story.tookMs);
      return {
        reached: promotedUnharmed(story) && story.tookMs <= 60_000,
        says: toldShort(story),
        figures: figuresOf(story),
        journal: story.journal,
      };
    }),
};

/** From the release of a good version to its success. */
export function undisturbedMs(ground: Ground): Promise<number> {
  ground.undisturbed.tookMs ??= onGround(ground, async (on) => {
    await initialized(on);
    return (await rollOut(ground, on)).tookMs;
  });
  return ground.undisturbed.tookMs;
}

/** At users for three checks at most, whatever happened before the first answer. */
function rolledBack(story: RolloutStory, failedMax: number): Measured {
  const { status, summary, journal } = story;
  const usersMs = atUsersMs(story);
  return {
    reached: status.phase === 'Failed' && usersMs <= 31_000 && failed(summary) <= failedMax,
    says: `${status.phase}, ${seconds(usersMs)} at the users, ${failed(summary)} failed`,
    figures: { ...figuresOf(story), atUsersSeconds: inSeconds(usersMs) },
    journal,
  };
}

export const errors: Scenario = {
  name: 'errors',
  row: '30 % of the answers are errors',
  flagger: '40 s at the users, 136 failed',
  goal: '≤ 31 s (3 checks), ≤ 100 failed',
  alone: false,
  times: 1,
  run: (ground) =>
    onGround(ground, async (on) => {
      await initialized(on);
      return rolledBack(await rollOut(ground, on, { env: { ERROR_RATE: '0.3' } }), 100);
    }),
};

export const slow: Scenario = {
  name: 'slow',
  row: 'answers slower by a second',
  flagger: '40 s',
  goal: '≤ 31 s',
  alone: false,
  times: 1,
  run: (ground) =>
    onGround(ground, async (on) => {
      await initialized(on);
      return rolledBack(await rollOut(ground, on, { env: { LATENCY: '1s' } }), 0);
    }),
};

export const neverReady: Scenario = {
  name: 'never-ready',
  row: 'pods never ready',
  flagger: 'rolled back at the deadline, 0 served',
  goal: 'same, said why',
  alone: false,
  times: 1,
  run: (ground) =>
    onGround(ground, async (on) => {
      await deployTarget(on);
      await createCanary(on, {}, { progressDeadlineSeconds: DEADLINE_SECONDS });
      await untilStatus(on, 'the first version', ({ phase }) => phase === 'Initialized');
      const story = await rollOut(ground, on, { env: { READY_AFTER: '1h' } });
      const { status, summary, tookMs, journal } = story;
      const served = Object.values(summary.answers['v2'] ?? {}).reduce((sum, n) => sum + n, 0);
      const atDeadline =
        tookMs >= DEADLINE_SECONDS * 1_000 &&
        tookMs <= DEADLINE_SECONDS * 1_000 + DEADLINE_SLACK_MS;
      const why = status.lastFailure?.message ?? '';
      return {
        reached:
          status.phase === 'Failed' &&
          atDeadline &&
          served === 0 &&
          failed(summary) === 0 &&
          why !== '',
        says: `${status.phase} after ${seconds(tookMs)} (deadline ${DEADLINE_SECONDS} s), ${served} served, ${failed(summary)} failed, because “${why}”`,
        figures: { ...figuresOf(story), served, deadlineSeconds: DEADLINE_SECONDS },
        journal,
      };
    }),
};
