// A wall clock that is set is told from one that runs.
import { expect, test } from 'vitest';
import { asInstant, type Clock } from '../../../src/clock/clock.ts';
import { ClockSets } from '../../../src/reconcilers/clock-sets.ts';

/** Two clocks that a test moves as it likes. */
function clocks() {
  const times = { wall: 1_000_000, monotonic: 50 };
  const clock = {
    now: () => asInstant(times.wall),
    monotonicMs: () => times.monotonic,
  } as Clock;
  const pass = (ms: number) => {
    times.wall += ms;
    times.monotonic += ms;
  };
  return { times, pass, sets: new ClockSets(clock) };
}

test('time that passes is no set clock', () => {
  const { pass, sets } = clocks();
  expect(sets.setMs('a')).toBe(0);
  pass(3_600_000);
  expect(sets.setMs('a')).toBe(0);
});

test('a set clock is told until it was noted, to each Canary on its own', () => {
  const { times, pass, sets } = clocks();
  sets.setMs('a');
  sets.setMs('b');
  times.wall -= 60_000;
  expect(sets.setMs('a')).toBe(-60_000);
  pass(1_000);
  expect(sets.setMs('a')).toBe(-60_000);
  sets.note('a');
  expect(sets.setMs('a')).toBe(0);
  expect(sets.setMs('b')).toBe(-60_000);
  sets.forget('b');
  expect(sets.setMs('b')).toBe(0);
});
