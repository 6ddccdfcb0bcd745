// When a store counts as having seen our own write.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { compareResourceVersions } from '../../../src/informers/resource-version.ts';
import { SeenWrites } from '../../../src/informers/seen-writes.ts';
import { ObjectStore } from '../../../src/informers/store.ts';
import { configMap } from './scripted-client.ts';

function rig() {
  const clock = new VirtualClock();
  const store = new ObjectStore({
    scopes: [null],
    indexers: {},
    transform: (object) => object,
    deepFreeze: true,
    onChanges: () => undefined,
  });
  store.replace(null, store.newShelf(), '10');
  const seen = new SeenWrites(clock);
  const object = (resourceVersion: string, uid = 'u1', more = {}) =>
    configMap('a', { resourceVersion, uid, ...more });
  const write = { owner: 'shop/web', store, key: 'shop/a', uid: 'u1', resourceVersion: '12' };
  return { clock, store, seen, object, write };
}

const waiting = { kind: 'waiting', keys: ['shop/a'], remainingMs: 5000 };

describe('a write is seen', () => {
  test('when the object has its version or a newer one', () => {
    const { store, seen, object, write } = rig();
    store.apply(null, 'ADDED', object('11'));
    seen.wrote(write);
    expect(seen.pending('shop/web')).toEqual(waiting);
    store.apply(null, 'MODIFIED', object('12'));
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
    expect(seen.size).toBe(0);
  });

  test('when the object is not stored but the store is as new: deleted since, or not selected', () => {
    const { store, seen, write } = rig();
    seen.wrote(write);
    expect(seen.pending('shop/web')).toEqual(waiting);
    store.advance(null, '12');
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });

  test('when versions cannot be compared', () => {
    const { seen, write } = rig();
    seen.wrote({ ...write, resourceVersion: 'opaque' });
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });

  test('not by a store that was never filled', () => {
    const { store, seen, write } = rig();
    store.empty(null);
    seen.wrote({ ...write, resourceVersion: 'opaque' });
    expect(seen.pending('shop/web').kind).toBe('waiting');
  });
});

describe('a delete is seen', () => {
  const removal = { resourceVersion: null };

  test('when the object is gone', () => {
    const { store, seen, object, write } = rig();
    store.apply(null, 'ADDED', object('11'));
    seen.wrote({ ...write, ...removal });
    expect(seen.pending('shop/web')).toEqual(waiting);
    store.apply(null, 'DELETED', object('12'));
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });

  test('when another object has its name', () => {
    const { store, seen, object, write } = rig();
    store.apply(null, 'ADDED', object('11', 'u2'));
    seen.wrote({ ...write, ...removal });
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });

  test('when finalizers keep the object, but it is going', () => {
    const { store, seen, object, write } = rig();
    store.apply(null, 'ADDED', object('11', 'u1', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    seen.wrote({ ...write, ...removal });
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });

  test('not because the create before it was not seen either', () => {
    const { store, seen, object, write } = rig();
    seen.wrote(write);
    seen.wrote({ ...write, ...removal });
    expect(seen.pending('shop/web').kind).toBe('waiting');
    store.apply(null, 'ADDED', object('12'));
    seen.wrote({ ...write, ...removal });
    expect(seen.pending('shop/web').kind).toBe('waiting');
    store.apply(null, 'DELETED', object('13'));
    expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
  });
});

test('of several writes to one object the newest counts', () => {
  const { store, seen, object, write } = rig();
  seen.wrote(write);
  seen.wrote({ ...write, resourceVersion: '15' });
  store.apply(null, 'ADDED', object('12'));
  expect(seen.pending('shop/web').kind).toBe('waiting');
});

test('a write that is not seen for 5 s is overdue until it is seen or forgotten', async () => {
  const { clock, seen, write } = rig();
  seen.wrote(write);
  await clock.advance(4999);
  expect(seen.pending('shop/web')).toEqual({ ...waiting, remainingMs: 1 });
  await clock.advance(1);
  expect(seen.pending('shop/web')).toEqual({ kind: 'overdue', keys: ['shop/a'] });
  seen.forget('shop/web');
  expect(seen.pending('shop/web')).toEqual({ kind: 'seen' });
});

test('owners do not wait for one another', () => {
  const { seen, write } = rig();
  seen.wrote(write);
  expect(seen.pending('shop/api')).toEqual({ kind: 'seen' });
});

describe('resourceVersions', () => {
  test.each([
    ['9', '10', -1],
    ['10', '9', 1],
    ['18446744073709551615', '18446744073709551614', 1],
    ['7', '7', 0],
    ['same', 'same', 0],
  ])('%s against %s', (a, b, order) => {
    expect(Math.sign(compareResourceVersions(a, b) ?? NaN)).toBe(order);
  });

  test.each([
    ['', '1'],
    ['01', '1'],
    ['a', '1'],
    ['-1', '1'],
  ])('%j and %j cannot be compared', (a, b) => {
    expect(compareResourceVersions(a, b)).toBeNull();
  });
});
