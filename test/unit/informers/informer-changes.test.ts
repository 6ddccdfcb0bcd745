// What an informer asks for, what it stores, and what it tells whom.
import { describe, expect, test } from 'vitest';
import { at, filled, start } from './informer-rig.ts';
import * as say from './scripted-client.ts';

describe('filling', () => {
  test('WatchList asks for initial events, not older than now', async () => {
    const { cluster, settle } = start({ labelSelector: 'app=web', namespace: 'shop' });
    await settle();
    const { signal: _, onAlive: _calm, ...asked } = cluster.watch(1).options;
    expect(asked).toEqual({
      namespace: 'shop',
      labelSelector: 'app=web',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: 300,
      idleMs: 85_000,
    });
  });

  test('nothing is shown before the initial events have ended', async () => {
    const { cluster, informer, registration, heard, settle } = start();
    await settle();
    cluster.watch(1).send(say.added(at('a', '1')));
    await settle();
    expect([informer.store.size, informer.hasSynced(), informer.status().phase]).toEqual([
      0,
      false,
      'syncing',
    ]);
    cluster.watch(1).send(say.bookmark('10', true));
    await settle();
    expect([informer.store.size, informer.hasSynced(), registration.hasSynced()]).toEqual([
      1,
      true,
      true,
    ]);
    expect(informer.status()).toEqual({ phase: 'synced', lastError: null });
    expect(informer.store.resourceVersion).toBe('10');
    expect(heard()).toEqual(['initial add a@1']);
  });

  test('the stream of the initial events goes on as the watch', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('a', '11')));
    await settle();
    expect(heard()).toEqual(['update a@1>11']);
  });

  test('a refusal of WatchList is remembered, and pages are gathered', async () => {
    const { clock, cluster, heard, informer, settle } = start();
    await settle();
    cluster.watch(1).fail(say.apiError('invalid', 422));
    await settle();
    expect(cluster.list(1).options).toMatchObject({ limit: 500, deadlineMs: 60_000 });
    cluster.list(1).answer(say.pageOf([at('a', '1')], '10', 'more'));
    await settle();
    expect(cluster.list(2).options).toMatchObject({ limit: 500, continue: 'more' });
    cluster.list(2).answer(say.pageOf([at('b', '2')], '10'));
    await settle();
    expect(heard()).toEqual(['initial add a@1', 'initial add b@2']);
    expect(cluster.watch(2).options).toMatchObject({ resourceVersion: '10' });
    expect(cluster.watch(2).options.sendInitialEvents).toBeUndefined();
    cluster.watch(2).fail(say.apiError('expired', 410));
    await clock.advance(0);
    expect(cluster.lists).toHaveLength(3);
    expect(informer.status().lastError).toContain('410');
  });

  test('waiting for the first fill ends with it, or with the signal', async () => {
    const { cluster, informer, settle } = start();
    const stop = new AbortController();
    const given = expect(informer.synced(stop.signal)).rejects.toThrow('no patience');
    const waited = informer.synced(new AbortController().signal);
    stop.abort(new Error('no patience'));
    await given;
    await settle();
    cluster.watch(1).send(say.bookmark('10', true));
    await settle();
    await waited;
  });

  test('ten seconds without an initial event are worth a warning', async () => {
    const { clock, warnings } = start();
    await clock.advance(10_000);
    expect(warnings).toEqual(['no initial event within 10 s']);
  });
});

describe('changes', () => {
  test('an ADDED for a known key is an update', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.added(at('a', '11')));
    await settle();
    expect(heard()).toEqual(['update a@1>11']);
  });

  test('a MODIFIED for an unknown key is an add', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('c', '11')));
    await settle();
    expect(heard()).toEqual(['add c@11']);
  });

  test('another uid under the same name is a delete, then an add', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('a', '11', 'uid-other')));
    await settle();
    expect(heard()).toEqual(['missed delete a@1', 'add a@11']);
  });

  test('a deletion carries the last state, and one of an unknown key is not told', async () => {
    const { cluster, heard, settle, informer } = await filled();
    cluster.watch(1).send(say.deleted(at('a', '11')), say.deleted(at('z', '12')));
    await settle();
    expect(heard()).toEqual(['delete a@11']);
    expect(informer.store.resourceVersion).toBe('12');
  });

  test('the same version again is not told', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('a', '11')), say.modified(at('a', '11')));
    await settle();
    expect(heard()).toEqual(['update a@1>11']);
  });

  test('bookmarks move the version of the store', async () => {
    const { cluster, settle, informer } = await filled();
    cluster.watch(1).send(say.bookmark('99'));
    await settle();
    expect(informer.store.resourceVersion).toBe('99');
  });

  test('a new fill tells what was missed: deletes first, then the rest in order', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.errorEvent(410));
    await settle();
    expect(cluster.watches[0]?.returned).toBe(true);
    cluster
      .watch(2)
      .send(
        say.added(at('c', '21')),
        say.added(at('b', '22', 'uid-other')),
        say.bookmark('30', true),
      );
    await settle();
    expect(heard()).toEqual(['missed delete a@1', 'missed delete b@2', 'add c@21', 'add b@22']);
  });

  test('a new fill does not tell what did not change', async () => {
    const { cluster, heard, settle } = await filled();
    cluster.watch(1).send(say.errorEvent(410));
    await settle();
    cluster
      .watch(2)
      .send(say.added(at('a', '1')), say.added(at('b', '22')), say.bookmark('30', true));
    await settle();
    expect(heard()).toEqual(['update b@2>22']);
  });
});

describe('handlers', () => {
  test('a late handler is told of everything that is there', async () => {
    const { informer, listener, heard, settle } = await filled();
    const registration = informer.addHandler(listener);
    expect(registration.hasSynced()).toBe(false);
    await settle();
    expect(registration.hasSynced()).toBe(true);
    expect(heard()).toEqual(['initial add a@1', 'initial add b@2']);
  });

  test('a handler that throws is reported, and others are told', async () => {
    const rig = start();
    rig.informer.addHandler({
      onAdd: () => {
        throw new Error('no');
      },
    });
    await rig.settle();
    rig.cluster
      .watch(1)
      .send(say.added(at('a', '1')), say.added(at('b', '2')), say.bookmark('10', true));
    await rig.settle();
    expect(rig.heard()).toEqual(['initial add a@1', 'initial add b@2']);
    expect(rig.warnings).toEqual(['a handler failed on add: no', 'a handler failed on add: no']);
  });

  test('a handler that was removed is told nothing more', async () => {
    const { cluster, registration, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('a', '11')));
    registration.remove();
    await settle();
    expect(heard()).toEqual([]);
  });

  test('the store has changed before anybody is told', async () => {
    const { cluster, informer, settle } = await filled();
    const seen: unknown[] = [];
    informer.addHandler({
      onUpdate: (_old, { metadata }) =>
        void seen.push(
          informer.store.get('shop/a')?.metadata.resourceVersion === metadata.resourceVersion,
        ),
    });
    cluster.watch(1).send(say.modified(at('a', '11')));
    await settle();
    expect(seen).toEqual([true]);
  });
});
