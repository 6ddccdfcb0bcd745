// A promise is waited for as long as the signal allows, and what comes too late is not lost sight of.
import { expect, test } from 'vitest';
import { orAborted } from '../../../src/clock/or-aborted.ts';

test('what was promised is handed on, and nothing is unwanted', async () => {
  const late: number[] = [];
  const { signal } = new AbortController();
  expect(await orAborted(Promise.resolve(1), signal, (value) => late.push(value))).toBe(1);
  await expect(orAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(late).toEqual([]);
});

test('the end of the signal is not waited beyond, and what comes after it is unwanted', async () => {
  const late: number[] = [];
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<number>();
  const waiting = orAborted(promise, stop.signal, (value) => late.push(value));
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  resolve(2);
  await promise;
  expect(late).toEqual([2]);
});

test("a failure after the end of the signal is nobody's any more", async () => {
  const { promise, reject } = Promise.withResolvers<number>();
  await expect(orAborted(promise, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  reject(new Error('late'));
  await expect(promise).rejects.toThrow('late');
});
