// The virtual clock keeps the order of time: what the rest of the tests rest on.
import { expect, test } from 'vitest';
import { asInstant } from '../../../src/clock/clock.ts';
import { DeadlineExceeded, startDeadline } from '../../../src/clock/deadline.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';

const never = new AbortController().signal;

test('time stands still until it is advanced', async () => {
  const clock = new VirtualClock(asInstant(1000));
  await clock.advance(0);
  expect([clock.now(), clock.monotonicMs()]).toEqual([1000, 0]);
  await clock.advance(250);
  expect([clock.now(), clock.monotonicMs(), clock.since(50)]).toEqual([1250, 250, 200]);
});

test('shots fire in order of their time, then of their arming, each at its own moment', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name}@${clock.monotonicMs()}`);
  clock.newTimer(20, note('c'));
  clock.newTimer(10, note('a'));
  clock.newTimer(10, note('b'));
  clock.newTimer(31, note('late'));
  await clock.advance(30);
  expect(seen).toEqual(['a@10', 'b@10', 'c@20']);
  expect(clock.armed).toBe(1);
});

test('a sleeper that sleeps again inside one advance wakes at the right moments', async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const loop = (async () => {
    for (let round = 0; round < 3; round++) {
      await clock.sleep(10, never);
      await Promise.resolve();
      seen.push(clock.monotonicMs());
    }
  })();
  await clock.advance(100);
  await loop;
  expect(seen).toEqual([10, 20, 30]);
});

test('an aborted sleep rejects with the reason and leaves nothing armed', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const sleeping = clock.sleep(10, controller.signal);
  controller.abort('enough');
  await expect(sleeping).rejects.toBe('enough');
  await expect(clock.sleep(10, controller.signal)).rejects.toBe('enough');
  expect(clock.armed).toBe(0);
});

test('a timer tells whether it was still pending when stopped or moved', async () => {
  const clock = new VirtualClock();
  let fired = 0;
  const timer = clock.newTimer(10, () => fired++);
  expect(timer.reset(20)).toBe(true);
  await clock.advance(15);
  expect(fired).toBe(0);
  await clock.advance(5);
  expect([fired, timer.stop(), timer.reset(5)]).toEqual([1, false, false]);
  expect(timer.stop()).toBe(true);
  await clock.advance(100);
  expect(fired).toBe(1);
});

test('a ticker ticks until it is stopped, also from inside its own tick', async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const ticker = clock.newTicker(10, () => {
    seen.push(clock.monotonicMs());
    if (seen.length === 3) ticker.stop();
  });
  await clock.advance(100);
  expect(seen).toEqual([10, 20, 30]);
  expect(clock.armed).toBe(0);
});

test('a jump of the wall clock moves neither monotonic time nor shots', async () => {
  const clock = new VirtualClock(asInstant(0));
  let firedAt = -1;
  clock.newTimer(10, () => {
    firedAt = clock.monotonicMs();
  });
  clock.setWall(asInstant(9_000_000));
  expect(clock.now()).toBe(9_000_000);
  await clock.advance(10);
  expect([firedAt, clock.now()]).toEqual([10, 9_000_010]);
});

test('advancing to the next shot stops there and stays within its limit', async () => {
  const clock = new VirtualClock();
  clock.newTimer(50, () => {});
  expect(await clock.advanceToNext(40)).toBe(false);
  expect(await clock.advanceToNext(60)).toBe(true);
  expect([clock.monotonicMs(), clock.nextShotInMs()]).toEqual([50, null]);
});

test('a delay that is not a number and a period of zero are refused', () => {
  const clock = new VirtualClock();
  expect(() => clock.newTimer(Number.NaN, () => {})).toThrow(RangeError);
  expect(() => clock.newTicker(0, () => {})).toThrow(RangeError);
  expect(clock.armed).toBe(0);
});

test('a deadline ends by time or with its parent, and leaves nothing behind', async () => {
  const clock = new VirtualClock();
  const parent = new AbortController();
  {
    using late = startDeadline(clock, 100, parent.signal);
    await clock.advance(60);
    expect([late.leftMs(), late.exceeded, late.signal.aborted]).toEqual([40, false, false]);
    await clock.advance(40);
    expect([late.exceeded, late.signal.aborted]).toEqual([true, true]);
    expect(late.signal.reason).toBeInstanceOf(DeadlineExceeded);
  }
  {
    using called = startDeadline(clock, 100, parent.signal);
    parent.abort('stop');
    expect([called.exceeded, called.signal.reason]).toEqual([false, 'stop']);
  }
  expect(clock.armed).toBe(0);
});
