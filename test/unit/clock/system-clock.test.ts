// The real clock on faked timers: long delays are kept, early wake-ups are not passed on.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/clock/system-clock.ts';

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a delay above 24.8 days is kept, not cut', () => {
  const fire = vi.fn();
  systemClock().newTimer(60 * DAY_MS, fire);
  vi.advanceTimersByTime(60 * DAY_MS - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledTimes(1);
});

test('a timer that was moved fires once, at the new time', () => {
  const fire = vi.fn();
  const timer = systemClock().newTimer(10, fire);
  vi.advanceTimersByTime(9);
  expect(timer.reset(10)).toBe(true);
  vi.advanceTimersByTime(9);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(timer.stop()).toBe(false);
  vi.advanceTimersByTime(100);
  expect(fire).toHaveBeenCalledTimes(1);
});

test('a ticker drops the ticks that a stall swallowed and keeps its beat', () => {
  const clock = systemClock();
  const seen: number[] = [];
  const startMs = clock.monotonicMs();
  let stallMs = 25;
  const monotonic = performance.now.bind(performance);
  let lostMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => monotonic() + lostMs);
  const ticker = clock.newTicker(10, () => {
    seen.push(Math.round(clock.since(startMs)));
    lostMs += stallMs; // the first tick blocks the loop for two and a half periods
    stallMs = 0;
  });
  vi.advanceTimersByTime(30);
  ticker.stop();
  vi.advanceTimersByTime(50);
  expect(seen).toEqual([10, 45, 50]);
});

test('a sleep ends at once with the reason of its signal', async () => {
  const controller = new AbortController();
  const sleeping = systemClock().sleep(DAY_MS, controller.signal);
  controller.abort('stop');
  await expect(sleeping).rejects.toBe('stop');
  expect(vi.getTimerCount()).toBe(0);
});
