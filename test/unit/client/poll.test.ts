// Waiting for the cluster: how often it is asked, when the wait ends, and what is thrown.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { DEFAULT_BACKOFF, pollImmediate, retryOnConflict } from '../../../src/client/poll.ts';
import { objectReference, ownerReference } from '../../../src/client/references.ts';

const { signal } = new AbortController();
const conflict = () =>
  new ApiError('update x', { kind: 'conflict', code: 409, status: null, retryAfterMs: null });

test('a poll asks at once and then every interval until the condition holds', async () => {
  const clock = new VirtualClock();
  const askedAt: number[] = [];
  const held = pollImmediate(
    clock,
    100,
    1000,
    async () => askedAt.push(clock.monotonicMs()) === 3,
    signal,
  );
  await clock.advance(1000);
  expect(await held).toBe(true);
  expect(askedAt).toEqual([0, 100, 200]);
  expect(clock.armed).toBe(0);
});

test('a poll is false at its timeout, also while the condition is being asked', async () => {
  const clock = new VirtualClock();
  const never = pollImmediate(clock, 100, 250, async () => false, signal);
  const stuck = pollImmediate(
    clock,
    100,
    250,
    (limit) => clock.sleep(9999, limit).then(() => true),
    signal,
  );
  await clock.advance(250);
  expect([await never, await stuck]).toEqual([false, false]);
  expect(clock.armed).toBe(0);
});

test('a poll ends with what its condition throws, or with the reason of its signal', async () => {
  const clock = new VirtualClock();
  const failing = pollImmediate(clock, 1, 9, () => Promise.reject(new Error('no')), signal);
  await expect(failing).rejects.toThrow('no');
  const stop = new AbortController();
  const stopped = pollImmediate(clock, 1, 9, async () => false, stop.signal);
  stop.abort('leaving');
  await expect(stopped).rejects.toBe('leaving');
});

test('an operation is tried five times on conflict, and the last conflict is thrown', async () => {
  const clock = new VirtualClock();
  let tries = 0;
  const done = retryOnConflict(clock, () => Promise.reject(++tries && conflict()), signal);
  const thrown = expect(done).rejects.toMatchObject({ kind: 'conflict' });
  await clock.advance(1000);
  await thrown;
  expect(tries).toBe(5);
});

test('the longer backoff waits 10, 50 and 250 ms, each up to a tenth longer', async () => {
  const clock = new VirtualClock();
  const triedAt: number[] = [];
  const operation = async () => {
    triedAt.push(clock.monotonicMs());
    if (triedAt.length < 4) throw conflict();
    return 'written';
  };
  const backoff = { ...DEFAULT_BACKOFF, random: () => 0.5 };
  const done = retryOnConflict(clock, operation, signal, backoff);
  await clock.advance(1000);
  expect(await done).toBe('written');
  expect(triedAt.map(Math.round)).toEqual([0, 11, 63, 326]);
});

test('anything but a conflict is thrown at once', async () => {
  let tries = 0;
  const failing = () => Promise.reject(new Error(`try ${++tries}`));
  await expect(retryOnConflict(new VirtualClock(), failing, signal)).rejects.toThrow('try 1');
});

const canary = {
  apiVersion: 'serin.dev/v1beta1',
  kind: 'Canary',
  metadata: { namespace: 'shop', name: 'web', uid: 'u1', resourceVersion: '7' },
};

test('an owner is named by uid, and one that was never stored owns nothing', () => {
  const ownership = { controller: true, blockOwnerDeletion: false };
  expect(ownerReference(canary, ownership)).toEqual({
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    name: 'web',
    uid: 'u1',
    controller: true,
    blockOwnerDeletion: false,
  });
  const unborn = { ...canary, metadata: { name: 'web' } };
  expect(() => ownerReference(unborn, ownership)).toThrow('an owner needs a uid');
});

test('a reference to an object does not change when the object does', () => {
  const later = { ...canary, metadata: { ...canary.metadata, resourceVersion: '8' } };
  expect(objectReference(later)).toEqual(objectReference(canary));
});
