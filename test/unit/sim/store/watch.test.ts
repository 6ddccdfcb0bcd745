// What readers see: pages, selectors, watches, the informers of Serin itself, and gates.
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import type { WatchEvent, WatchOptions } from '../../../../src/client/client.ts';
import { isApiError } from '../../../../src/client/errors.ts';
import { createInformer } from '../../../../src/informers/informer.ts';
import { ModelClient } from '../../../../src/sim/store/model-client.ts';
import { changed, configMap, rig, USER } from './store-rig.ts';

const { configMaps } = RESOURCES;
const at = (name: string) => ({ namespace: 'shop', name });

function follow(told: ReturnType<typeof rig>, options: Partial<WatchOptions> = {}) {
  const events: string[] = [];
  const watch = told.client.watch(configMaps, {
    signal: told.signal,
    timeoutSeconds: 600,
    ...options,
  });
  const ended = (async () => {
    for await (const event of watch) events.push(spoken(event));
    return 'ended';
  })().catch((error: unknown) => (error === told.signal.reason ? 'aborted' : error));
  return { heard: () => events.splice(0), ended };
}

function spoken(event: WatchEvent): string {
  if (event.type === 'ERROR') return `ERROR ${event.status.code} ${event.status.reason}`;
  const { name, resourceVersion, annotations } = event.object.metadata;
  const end = annotations?.['k8s.io/initial-events-end'] === 'true' ? ' end' : '';
  return `${event.type} ${name}@${resourceVersion}${end}`;
}

test('a watch tells what is there, what changes, a bookmark a minute, and ends in time', async () => {
  const told = rig();
  const { store, clock } = told;
  store.create(configMaps, configMap('a'), USER);
  const plain = follow(told);
  const listed = follow(told, { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' });
  const later = follow(told, { resourceVersion: '1', timeoutSeconds: 90 });
  await clock.advance(0);
  expect(plain.heard()).toEqual(['ADDED a@1']);
  expect(listed.heard()).toEqual(['ADDED a@1', 'BOOKMARK @1 end']);
  store.create(configMaps, configMap('b'), USER);
  store.delete(configMaps, at('b'), USER);
  await clock.advance(60_000);
  expect(later.heard()).toEqual(['ADDED b@2', 'DELETED b@3', 'BOOKMARK @3']);
  await clock.advance(30_000);
  expect(await later.ended).toBe('ended');
  told.stop.abort();
  expect(await plain.ended).toBe('aborted');
  await listed.ended;
  expect(clock.armed).toBe(0);
});

test('what leaves a selection is deleted to its watch, what comes in is added', async () => {
  const told = rig();
  const { store, clock } = told;
  const a = store.create(configMaps, configMap('a', { labels: { tier: 'x' } }), USER);
  const selected = follow(told, { labelSelector: 'tier in (x, y),!off', metadataOnly: true });
  await clock.advance(0);
  const out = store.update(configMaps, changed(a, {}, { labels: { tier: 'z' } }), USER);
  store.update(configMaps, changed(out, {}, { labels: { tier: 'y' } }), USER);
  await clock.advance(0);
  expect(selected.heard()).toEqual(['ADDED a@1', 'DELETED a@2', 'ADDED a@3']);
  const list = (labelSelector: string) =>
    store.list(configMaps, { labelSelector }).map(({ metadata }) => metadata.name);
  store.create(configMaps, configMap('b'), USER);
  expect(list('tier')).toEqual(['a']);
  expect(list('tier!=y')).toEqual(['b']);
  expect(list('tier notin (z),tier==y')).toEqual(['a']);
  expect(() => list('tier ~ y')).toThrow('unable to parse requirement');
  told.stop.abort();
  await selected.ended;
});

test('pages show one revision; when that is compacted, pages and watches expire', async () => {
  const told = rig();
  const { store, client, signal, clock, stop } = told;
  for (const name of ['a', 'b', 'c']) store.create(configMaps, configMap(name), USER);
  const first = await client.list(configMaps, { signal, limit: 2 });
  store.delete(configMaps, at('c'), USER);
  const next = { signal, limit: 2, continue: first.continue };
  const second = await client.list(configMaps, next);
  expect(second).toMatchObject({ resourceVersion: '3', continue: '' });
  expect(second.items.map(({ metadata }) => metadata.name)).toEqual(['c']);
  store.compact(store.revision);
  await expect(client.list(configMaps, next)).rejects.toMatchObject({ kind: 'expired', code: 410 });
  const old = follow(told, { resourceVersion: '2' });
  await clock.advance(0);
  expect(old.heard()).toEqual(['ERROR 410 Expired']);
  expect(await old.ended).toBe('ended');
  const ahead = client.get(configMaps, at('a'), { signal, minResourceVersion: '99' });
  const refused = expect(ahead).rejects.toMatchObject({ kind: 'expired', code: 504 });
  await clock.advance(3000);
  await refused;
  stop.abort();
});

test('an informer follows the store, also across a compaction that its watch slept through', async () => {
  const { store, client, clock, stop, signal } = rig();
  let cut = false;
  const gate = {
    before: () => (cut ? new Promise<void>(() => undefined) : undefined),
    after: () => undefined,
  };
  const gated = new ModelClient({ store, clock, user: 'serin', gate });
  const warnings: string[] = [];
  const informer = createInformer({
    client: gated,
    resource: configMaps,
    clock,
    random: () => 0,
    deepFreeze: true,
    onWarning: (message) => warnings.push(message),
  });
  store.create(configMaps, configMap('a'), USER);
  const running = informer.run(signal);
  await clock.advance(0);
  expect(informer.hasSynced()).toBe(true);
  store.create(configMaps, configMap('b'), USER);
  await clock.advance(0);
  expect(informer.store.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  cut = true;
  await clock.advance(301_000); // the watch ended at 300 s, and no other is let in
  store.create(configMaps, configMap('c'), USER);
  store.delete(configMaps, at('a'), USER);
  store.compact(store.revision);
  cut = false;
  await clock.advance(120_000);
  expect(warnings.some((warning) => warning.includes('too old resource version'))).toBe(true);
  const { items } = await client.list(configMaps, { signal });
  expect(informer.store.list()).toEqual(items);
  expect(items).toHaveLength(2);
  expect(informer.status()).toEqual({ phase: 'synced', lastError: null });
  stop.abort();
  await running;
  expect(clock.armed).toBe(0);
});

test('a gate stops a call before its commit, hides the answer after it, or never opens', async () => {
  const { store, clock, signal } = rig();
  const verbs: string[] = [];
  let fault: 'before' | 'after' | 'never' | null = 'before';
  const gate = {
    before: ({ verb }: { verb: string }) => {
      verbs.push(verb);
      if (fault === 'before') throw new Error('cut');
      return fault === 'never' ? new Promise<void>(() => undefined) : undefined;
    },
    after: () => {
      if (fault === 'after') throw new Error('cut');
    },
  };
  const client = new ModelClient({ store, clock, user: 'serin', gate });
  await expect(client.create(configMaps, configMap('a'), { signal })).rejects.toThrow('cut');
  expect(store.revision).toBe(0);
  fault = 'after';
  await expect(client.create(configMaps, configMap('a'), { signal })).rejects.toThrow('cut');
  expect(store.get(configMaps, at('a'))?.metadata.managedFields?.[0]?.manager).toBe('serin');
  fault = 'never';
  const hung = client.deleteCollection(configMaps, { signal }).catch((error: unknown) => error);
  await clock.advance(30_000);
  expect(isApiError(await hung, 'transient')).toBe(true);
  fault = null;
  await client.deleteCollection(configMaps, { signal });
  expect(store.list(configMaps)).toEqual([]);
  expect(verbs).toEqual(['create', 'create', 'deletecollection', 'deletecollection']);
  await expect(client.exec(at('a'), { signal, command: ['x'] })).rejects.toMatchObject({
    kind: 'not-found',
  });
});
