// Retries: on the Clock, as many as allowed, and ended by the signal.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { retryOnClock } from '../../../src/egress/retry.ts';
import { forever } from './calls.ts';

function doubling(retriesMax: number, clock: VirtualClock) {
  return {
    clock,
    retriesMax,
    delayMs: (outcome: string, tries: number) => (outcome === 'ok' ? null : 100 * 2 ** (tries - 1)),
  };
}

test('waits as long as it is told, and gives the first outcome that stands', async () => {
  const clock = new VirtualClock();
  const at: number[] = [];
  const attempt = async () => {
    at.push(clock.monotonicMs());
    return at.length < 4 ? 'no' : 'ok';
  };
  const outcome = retryOnClock(attempt, doubling(5, clock), forever);
  await clock.advance(10_000);
  expect(await outcome).toBe('ok');
  expect(at).toEqual([0, 100, 300, 700]);
});

test('gives the last outcome when there are no tries left, without a wait after it', async () => {
  const clock = new VirtualClock();
  let tries = 0;
  const attempt = async () => `no ${++tries}`;
  const outcome = retryOnClock(attempt, doubling(2, clock), forever);
  await clock.advance(300);
  expect(await outcome).toBe('no 3');
  expect(clock.armed).toBe(0);
});

test('what the attempt throws is thrown at once', async () => {
  const clock = new VirtualClock();
  const fault = new Error('a mistake of ours');
  let tries = 0;
  const attempt = async () => {
    tries += 1;
    throw fault;
  };
  await expect(retryOnClock(attempt, doubling(5, clock), forever)).rejects.toBe(fault);
  expect(tries).toBe(1);
});

test('the signal ends a wait with its own reason', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const reason = new Error('shutting down');
  const outcome = retryOnClock(async () => 'no', doubling(5, clock), controller.signal);
  const rejected = expect(outcome).rejects.toBe(reason);
  await clock.advance(50);
  controller.abort(reason);
  await rejected;
  expect(clock.armed).toBe(0);
});
