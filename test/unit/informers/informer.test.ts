// The driver against a scripted cluster: what is asked, what is stored, what is told, and when.
import { describe, expect, onTestFinished, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { createInformer, type InformerOptions } from '../../../src/informers/informer.ts';
import * as say from './scripted-client.ts';
import { ScriptedClient } from './scripted-client.ts';

type Options = Partial<InformerOptions<KubeObject>>;

function start(options: Options = {}) {
  const clock = new VirtualClock();
  const cluster = new ScriptedClient();
  const warnings: string[] = [];
  const told: string[] = [];
  const informer = createInformer({
    client: cluster.client,
    resource: say.configMaps,
    clock,
    random: () => 0,
    deepFreeze: true,
    onWarning: (message, { error }) =>
      warnings.push(error instanceof Error ? `${message}: ${error.message}` : message),
    ...options,
  });
  const listener = {
    onAdd: ({ metadata }: KubeObject, { initial }: { initial: boolean }) =>
      void told.push(
        `${initial ? 'initial ' : ''}add ${metadata.name}@${metadata.resourceVersion}`,
      ),
    onUpdate: (old: KubeObject, { metadata }: KubeObject) =>
      void told.push(
        `update ${metadata.name}@${old.metadata.resourceVersion}>${metadata.resourceVersion}`,
      ),
    onDelete: ({ metadata }: KubeObject, { tombstone }: { tombstone: boolean }) =>
      void told.push(
        `${tombstone ? 'missed ' : ''}delete ${metadata.name}@${metadata.resourceVersion}`,
      ),
  };
  const registration = informer.addHandler(listener);
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
    expect(clock.armed).toBe(0);
  });
  /** What was told since the last look. */
  const heard = (): string[] => told.splice(0);
  const settle = () => clock.advance(0);
  return {
    clock,
    cluster,
    informer,
    registration,
    warnings,
    stop,
    running,
    heard,
    settle,
    listener,
  };
}

/** Filled by WatchList with `a@1` and `b@2`, at version 10. */
async function filled(options: Options = {}) {
  const rig = start(options);
  await rig.settle();
  rig.cluster
    .watch(1)
    .send(
      say.added(say.configMap('a', { resourceVersion: '1' })),
      say.added(say.configMap('b', { resourceVersion: '2' })),
      say.bookmark('10', true),
    );
  await rig.settle();
  rig.heard();
  return rig;
}

const at = (name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject =>
  say.configMap(name, { resourceVersion, uid });

describe('filling', () => {
  test('WatchList asks for initial events, not older than now', async () => {
    const { cluster, settle } = start({ labelSelector: 'app=web', namespace: 'shop' });
    await settle();
    const { signal: _, ...asked } = cluster.watch(1).options;
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

  test('none, or one and several, is a mistake of the caller', () => {
    expect(() => start({ namespaces: [] })).toThrow(RangeError);
    expect(() => start({ namespaces: ['a'], namespace: 'b' })).toThrow(RangeError);
  });
});
