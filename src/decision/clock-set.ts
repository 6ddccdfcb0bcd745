// The wall clock was set in the middle of a rollout: the rollout's times move along, so nothing is hurried or waits for hours.
import type { Rollout } from '../api/canary.ts';
import { asInstant, type Instant } from '../clock/clock.ts';
import type { Decision } from './decision.ts';
import { recordRollout } from './record.ts';
import type { World } from './world.ts';

/** Less than this is a clock being kept, not set; the machines of two operators may differ by it. */
const SET_MS_MIN = 5_000;

const TIMES = [
  'stepSince',
  'checkedAt',
  'trafficSince',
  'unknownSince',
  'unreadySince',
  'waitingSince',
] as const satisfies readonly (keyof Rollout)[];

/**
 * By how much the clock was set is known while one process looks on. After a restart it shows only in times that are
 * still to come: those count from now.
 */
export function clockLine(world: World): Decision | null {
  const { canary, now, clockSetMs } = world;
  const { rollout } = canary.status;
  if (rollout === null) return null;
  const shiftMs = Math.abs(clockSetMs) < SET_MS_MIN ? 0 : clockSetMs;
  const times = TIMES.flatMap((name) => {
    const at = rollout[name];
    return at === null ? [] : [[name, at] as const];
  });
  const ahead = times.some(([, at]) => at + shiftMs > now + SET_MS_MIN);
  if (shiftMs === 0 && !ahead) return null;
  const moved = times.map(
    ([name, at]) => [name, asInstant(Math.max(0, Math.min(at + shiftMs, now)))] as const,
  );
  const why =
    shiftMs === 0
      ? 'the clock was set back'
      : `the clock was set ${shiftMs > 0 ? 'forward' : 'back'} by ${Math.round(Math.abs(shiftMs) / 1000)} s`;
  return recordRollout(world, Object.fromEntries(moved) as Partial<Record<string, Instant>>, why);
}
