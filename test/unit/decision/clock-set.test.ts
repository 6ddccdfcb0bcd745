// A wall clock that is set in the middle of a rollout neither hurries it nor holds it up.
import { expect, test } from 'vitest';
import { asInstant } from '../../../src/clock/clock.ts';
import { decide } from '../../../src/decision/decide.ts';
import { freshRollout } from '../../../src/decision/record.ts';
import type { World } from '../../../src/decision/world.ts';
import { at, rolling, SECOND } from './worlds.ts';

const HOUR_MS = 3_600 * SECOND;

/** At second 100, 3 s into the first step. */
const looked: World = rolling(1, 20, {
  now: at(100),
});

function withTimes(world: World, change: object): World {
  const { canary } = world;
  const rollout = { ...(canary.status.rollout ?? freshRollout(world.now)), ...change };
  return { ...world, canary: { ...canary, status: { ...canary.status, rollout } } };
}

const times = {
  stepSince: at(97),
  waitingSince: at(90),
  trafficSince: at(97),
  checkedAt: at(99),
};

test.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('a clock that is set %s by an hour moves the times of the rollout along', (way, setMs) => {
  const now = asInstant(at(100) + setMs);
  const decision = decide({ ...withTimes(looked, times), now, clockSetMs: setMs });
  expect(decision).toMatchObject({
    kind: 'record',
    why: `the clock was set ${way} by 3600 s`,
    status: {
      rollout: {
        stepSince: at(97) + setMs,
        waitingSince: at(90) + setMs,
        trafficSince: at(97) + setMs,
        checkedAt: at(99) + setMs,
        unknownSince: null,
      },
    },
  });
});

test('times to come that an earlier process noted count from now', () => {
  const decision = decide({
    ...withTimes(looked, { ...times, stepSince: at(4_000) }),
    now: at(100),
  });
  expect(decision).toMatchObject({
    kind: 'record',
    why: 'the clock was set back',
    status: { rollout: { stepSince: at(100), waitingSince: at(90), checkedAt: at(99) } },
  });
});

test('a clock that is kept by some seconds moves nothing', () => {
  const kept = { ...withTimes(looked, times), clockSetMs: 4_900 };
  expect(decide(kept).why).toBe(decide({ ...kept, clockSetMs: 0 }).why);
  expect(decide(kept).why).not.toContain('clock');
});

test('no rollout, no times to move', () => {
  const { canary } = looked;
  const idle = { ...looked, canary: { ...canary, status: { ...canary.status, rollout: null } } };
  expect(decide({ ...idle, clockSetMs: HOUR_MS }).why).not.toContain('clock');
});
