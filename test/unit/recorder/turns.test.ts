import { expect, test } from 'vitest';
import { Turns } from '../../../src/recorder/turns.ts';

test('lets so many in at a time, in the order of their coming', async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const come = (name: string) => turns.begin().then(() => begun.push(name));
  await Promise.all([come('a'), come('b')]);
  const third = come('c');
  const fourth = come('d');
  await Promise.resolve();
  expect(begun).toEqual(['a', 'b']);
  turns.end();
  await third;
  expect(begun).toEqual(['a', 'b', 'c']);
  turns.end();
  await fourth;
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('is free again once all have ended', async () => {
  const turns = new Turns(1);
  await turns.begin();
  turns.end();
  await expect(turns.begin()).resolves.toBeUndefined();
});
