// How an informer gets over each fault, how it stops, and how several namespaces share a store.
import { describe, expect, test } from 'vitest';
import { at, filled, start } from './informer-rig.ts';
import * as say from './scripted-client.ts';

describe('faults', () => {
  test('an ended watch goes on from the last version', async () => {
    const { clock, cluster } = await filled();
    cluster.watch(1).send(say.bookmark('12'));
    await clock.advance(2000);
    cluster.watch(1).end();
    await clock.advance(0);
    expect(cluster.watch(2).options.resourceVersion).toBe('12');
  });

  test('rests are doubled and spread', async () => {
    const { clock, cluster } = await filled({ random: () => 0.5 });
    const refuse = async (count: number) => {
      cluster.watch(count).fail(say.apiError('transient', 0));
      await clock.advance(0);
    };
    await refuse(1);
    expect(clock.nextShotInMs()).toBe(1200);
    await clock.advance(1200);
    await refuse(2);
    expect(clock.nextShotInMs()).toBe(2400);
  });

  test('a watch that its client lets hang is noticed within 90 s', async () => {
    const { clock, cluster, warnings } = await filled();
    await clock.advance(89_999);
    expect(cluster.watches).toHaveLength(1);
    await clock.advance(1);
    expect(cluster.watch(2).options.sendInitialEvents).toBe(true);
    expect(cluster.watches[0]?.options.signal.aborted).toBe(true);
    expect(warnings).toEqual(['the watch fell silent, reading anew']);
  });

  test('bookmarks are not silence', async () => {
    const { clock, cluster } = await filled();
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000);
      cluster.watch(1).send(say.bookmark('10'));
    }
    await clock.advance(60_000);
    expect(cluster.watches).toHaveLength(1);
  });

  test('a list that its client lets hang is given up after 90 s', async () => {
    const { clock, cluster, settle } = start();
    await settle();
    cluster.watch(1).fail(say.apiError('invalid', 422));
    await clock.advance(90_000);
    expect(cluster.list(1).options.signal.aborted).toBe(true);
    await clock.advance(800);
    expect(cluster.lists).toHaveLength(2);
  });

  test('a kind that is removed empties the store, and comes back', async () => {
    const { clock, cluster, informer, heard } = await filled();
    cluster.watch(1).fail(say.apiError('not-found', 404));
    await clock.advance(0);
    expect([informer.status().phase, informer.store.size]).toEqual(['unserved', 2]);
    await clock.advance(800);
    cluster.watch(2).fail(say.apiError('not-found', 404));
    await clock.advance(0);
    expect([informer.status().phase, informer.store.size, informer.store.resourceVersion]).toEqual([
      'unserved',
      0,
      '',
    ]);
    expect(heard()).toEqual(['missed delete a@1', 'missed delete b@2']);
    await clock.advance(1600);
    cluster.watch(3).send(say.added(at('c', '50')), say.bookmark('51', true));
    await clock.advance(0);
    expect(informer.status()).toEqual({ phase: 'synced', lastError: null });
    expect(heard()).toEqual(['add c@50']);
  });

  test('a kind that is not served from the start settles, but is not synced', async () => {
    const { cluster, informer, settle } = start();
    const settled = informer.settled(new AbortController().signal);
    await settle();
    cluster.watch(1).fail(say.apiError('not-found', 404));
    await settle();
    expect(await settled).toEqual({ phase: 'unserved', lastError: 'list configmaps: code 404' });
    expect(informer.hasSynced()).toBe(false);
  });

  test('a 403 keeps the store and tries again', async () => {
    const { clock, cluster, informer } = await filled();
    cluster.watch(1).fail(say.apiError('forbidden', 403));
    await clock.advance(800);
    cluster.watch(2).fail(say.apiError('forbidden', 403));
    await clock.advance(0);
    cluster.list(1).fail(say.apiError('forbidden', 403));
    await clock.advance(0);
    expect([informer.status().phase, informer.store.size]).toEqual(['forbidden', 2]);
    await clock.advance(1600);
    cluster.watch(3).send(say.added(at('a', '1')), say.bookmark('51', true));
    await clock.advance(0);
    expect([informer.status().phase, informer.store.size]).toEqual(['synced', 1]);
  });

  test('a restore from a backup is read anew, at the lower version', async () => {
    const { cluster, informer, heard, settle } = await filled();
    cluster.watch(1).send(say.modified(at('a', '900')), say.modified(at('a', '11')));
    await settle();
    cluster.watch(2).send(say.added(at('a', '11')), say.bookmark('20', true));
    await settle();
    expect(informer.store.resourceVersion).toBe('20');
    expect(heard()).toEqual(['update a@1>900', 'missed delete b@2', 'update a@900>11']);
  });

  test('an object that the transform cannot take keeps the store, and is asked for again', async () => {
    let broken = true;
    const { clock, cluster, informer } = await filled({
      transform: (object) => {
        if (broken && object.metadata.name === 'bad') throw new Error('cannot take it');
        return object;
      },
    });
    cluster.watch(1).send(say.added(at('bad', '11')));
    await clock.advance(0);
    expect(informer.status()).toEqual({ phase: 'synced', lastError: 'cannot take it' });
    expect(informer.store.size).toBe(2);
    broken = false;
    await clock.advance(800);
    cluster.watch(2).send(say.added(at('bad', '11')), say.bookmark('11', true));
    await clock.advance(0);
    expect(informer.store.list().map(({ metadata }) => metadata.name)).toEqual(['bad']);
  });

  test('a client that breaks its contract is endured', async () => {
    const { clock, cluster, informer } = await filled();
    cluster.watch(1).send({ type: 'ADDED', object: {} } as never);
    await clock.advance(800);
    cluster.watch(2).send(say.bookmark('11', true));
    await clock.advance(0);
    expect(informer.status()).toEqual({ phase: 'synced', lastError: null });
  });

  test('a warning that cannot be written changes nothing', async () => {
    const { clock, cluster } = await filled({
      onWarning: () => {
        throw new Error('the log is full');
      },
    });
    cluster.watch(1).fail(say.apiError('transient', 503));
    await clock.advance(800);
    expect(cluster.watches).toHaveLength(2);
  });
});

describe('stopping', () => {
  test('a stopped informer lets go of its watch and tells nothing more', async () => {
    const { cluster, stop, running, settle, heard, informer, listener } = await filled();
    stop.abort();
    await running;
    expect(cluster.watch(1).options.signal.aborted).toBe(true);
    expect(cluster.watch(1).returned).toBe(true);
    cluster.watch(1).send(say.modified(at('a', '11')));
    informer.addHandler(listener);
    await settle();
    expect(heard()).toEqual([]);
  });

  test.each([
    ['a list', say.apiError('invalid', 422)],
    ['a rest', say.apiError('transient', 0)],
  ])('the signal ends %s', async (_what, error) => {
    const { cluster, stop, running, settle } = start();
    await settle();
    cluster.watch(1).fail(error);
    await settle();
    stop.abort();
    await running;
  });

  test('an informer runs once', async () => {
    const { informer } = await filled();
    await expect(informer.run(new AbortController().signal)).rejects.toThrow('started before');
  });
});

describe('several namespaces', () => {
  const inNamespace = (namespace: string, name: string, resourceVersion: string) =>
    say.configMap(name, { namespace, resourceVersion });

  test('have a watch each and one store, synced when all are filled', async () => {
    const { cluster, informer, heard, settle } = start({ namespaces: ['shop', 'bank'] });
    await settle();
    expect(cluster.watches.map(({ options }) => options.namespace)).toEqual(['shop', 'bank']);
    cluster.watches[0]?.send(say.added(inNamespace('shop', 'a', '1')), say.bookmark('10', true));
    await settle();
    expect([informer.hasSynced(), informer.store.resourceVersion]).toEqual([false, '']);
    cluster.watches[1]?.send(say.added(inNamespace('bank', 'a', '2')), say.bookmark('9', true));
    await settle();
    expect([informer.hasSynced(), informer.store.resourceVersion]).toEqual([true, '9']);
    expect(informer.store.resourceVersionIn('shop')).toBe('10');
    expect(informer.store.list('bank')).toHaveLength(1);
    expect(informer.store.get('shop/a')?.metadata.resourceVersion).toBe('1');
    expect(heard()).toEqual(['initial add a@1', 'initial add a@2']);
  });

  test('a new fill of one leaves the others alone', async () => {
    const { cluster, informer, heard, settle } = start({ namespaces: ['shop', 'bank'] });
    await settle();
    cluster.watches[0]?.send(say.added(inNamespace('shop', 'a', '1')), say.bookmark('10', true));
    cluster.watches[1]?.send(say.added(inNamespace('bank', 'a', '2')), say.bookmark('9', true));
    await settle();
    heard();
    cluster.watches[0]?.send(say.errorEvent(410));
    await settle();
    cluster.watch(3).send(say.bookmark('30', true));
    await settle();
    expect(heard()).toEqual(['missed delete a@1']);
    expect(informer.store.list().map(({ metadata }) => metadata.namespace)).toEqual(['bank']);
  });

  test('one that may not be read takes nothing from the others', async () => {
    const { cluster, informer, settle } = start({ namespaces: ['shop', 'bank'] });
    await settle();
    cluster.watches[0]?.send(say.bookmark('10', true));
    cluster.watches[1]?.fail(say.apiError('forbidden', 403));
    await settle();
    cluster.list(1).fail(say.apiError('forbidden', 403));
    await settle();
    expect(informer.status().phase).toBe('forbidden');
    expect(informer.status('shop').phase).toBe('synced');
    expect(informer.status('bank').phase).toBe('forbidden');
  });

  test('none, or one and several, is a mistake of the caller', () => {
    expect(() => start({ namespaces: [] })).toThrow(RangeError);
    expect(() => start({ namespaces: ['a'], namespace: 'b' })).toThrow(RangeError);
  });
});
