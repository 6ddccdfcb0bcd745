// Indexes, freezing and transforms; that a store always agrees with a plain map.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { type Change, ObjectStore, type StoreOptions } from '../../../src/informers/store.ts';
import {
  keepManagers,
  keepManagersOf,
  stripManagedFields,
} from '../../../src/informers/transforms.ts';
import { configMap } from './scripted-client.ts';

const byApp = ({ metadata }: KubeObject): readonly string[] =>
  metadata.labels?.['app']?.split('+') ?? [];

function newStore(options: Partial<StoreOptions<KubeObject>> = {}) {
  const changes: Change<KubeObject>[] = [];
  const store = new ObjectStore({
    scopes: [null],
    indexers: { app: byApp },
    transform: (object) => object,
    deepFreeze: false,
    onChanges: (more) => void changes.push(...more),
    ...options,
  });
  return { store, changes };
}

const labelled = (name: string, app: string, resourceVersion: string) =>
  configMap(name, { resourceVersion, labels: { app } });

describe('indexes', () => {
  test('follow an object from value to value', () => {
    const { store } = newStore();
    store.apply(null, 'ADDED', labelled('a', 'web+api', '1'));
    expect(store.indexKeys('app', 'api')).toEqual(['shop/a']);
    store.apply(null, 'MODIFIED', labelled('a', 'web', '2'));
    expect(store.indexKeys('app', 'api')).toEqual([]);
    expect(store.byIndex('app', 'web').map(({ metadata }) => metadata.resourceVersion)).toEqual([
      '2',
    ]);
    store.apply(null, 'DELETED', labelled('a', 'web', '3'));
    expect(store.byIndex('app', 'web')).toEqual([]);
  });

  test('that were not declared are a mistake of the caller', () => {
    expect(() => newStore().store.byIndex('owner', 'x')).toThrow('no index is named owner');
  });

  test('agree with the objects after any changes', () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      app: fc.constantFrom('web', 'api', 'web+api', 'web+web'),
      what: fc.constantFrom('put' as const, 'delete' as const, 'replace' as const),
    });
    fc.assert(
      fc.property(fc.array(change), (events) => {
        const { store } = newStore();
        const model = new Map<string, KubeObject>();
        events.forEach(({ name, app, what }, i) => {
          const object = labelled(name, app, String(i + 1));
          if (what === 'replace') model.clear();
          if (what === 'delete') model.delete(name);
          else model.set(name, object);
          if (what !== 'replace') {
            store.apply(null, what === 'put' ? 'MODIFIED' : 'DELETED', object);
            return;
          }
          const shelf = store.newShelf();
          shelf.put(shelf.prepare(object));
          store.replace(null, shelf, String(i + 1));
        });
        expect(new Set(store.list())).toEqual(new Set(model.values()));
        for (const app of ['web', 'api']) {
          const wanted = [...model.values()].filter((object) => byApp(object).includes(app));
          expect(new Set(store.byIndex('app', app))).toEqual(new Set(wanted));
          expect(store.byIndex('app', app)).toHaveLength(wanted.length);
        }
      }),
    );
  });
});

describe('stored objects', () => {
  test('cannot be changed at the top and in their metadata', () => {
    const { store } = newStore();
    store.apply(null, 'ADDED', { ...configMap('a'), spec: { replicas: 1 } });
    const stored = store.get('shop/a');
    expect([Object.isFrozen(stored), Object.isFrozen(stored?.metadata)]).toEqual([true, true]);
    expect(Object.isFrozen(stored?.['spec'])).toBe(false);
  });

  test('cannot be changed anywhere, on demand', () => {
    const { store } = newStore({ deepFreeze: true });
    store.apply(null, 'ADDED', { ...configMap('a'), spec: { list: [{ deep: 1 }] } });
    const spec = store.get('shop/a')?.['spec'] as { list: readonly object[] };
    expect([Object.isFrozen(spec.list), Object.isFrozen(spec.list[0])]).toEqual([true, true]);
  });

  test('are transformed once, in what is told too', () => {
    const seen: string[] = [];
    const { store, changes } = newStore({
      transform: (object) => {
        seen.push(object.metadata.resourceVersion ?? '');
        return { ...object, transformed: true };
      },
    });
    store.apply(null, 'ADDED', configMap('a', { resourceVersion: '1' }));
    store.apply(null, 'DELETED', configMap('a', { resourceVersion: '2' }));
    expect(seen).toEqual(['1', '2']);
    expect(changes.every(({ object }) => object['transformed'] === true)).toBe(true);
  });

  test('stay as they were if an indexer throws', () => {
    const { store, changes } = newStore({
      indexers: {
        app: (object) => {
          if (object.metadata.resourceVersion === '2') throw new Error('no');
          return byApp(object);
        },
      },
    });
    store.apply(null, 'ADDED', labelled('a', 'web', '1'));
    expect(() => store.apply(null, 'MODIFIED', labelled('a', 'api', '2'))).toThrow('no');
    expect(store.indexKeys('app', 'web')).toEqual(['shop/a']);
    expect([store.get('shop/a')?.metadata.resourceVersion, changes.length]).toEqual(['1', 1]);
  });
});

test('cluster-scoped objects have their name as key', () => {
  const { store } = newStore();
  const { namespace: _, ...metadata } = configMap('node-1').metadata;
  store.apply(null, 'ADDED', { ...configMap('node-1'), metadata });
  expect(store.get('node-1')?.metadata.name).toBe('node-1');
  expect(store.resourceVersionIn(undefined)).toBe('1');
});

test('a list of one namespace leaves out the others', () => {
  const { store } = newStore();
  store.apply(null, 'ADDED', configMap('a'));
  store.apply(null, 'ADDED', configMap('a', { namespace: 'bank' }));
  expect(store.list('bank').map(({ metadata }) => metadata.namespace)).toEqual(['bank']);
  expect(store.size).toBe(2);
});

describe('managed fields', () => {
  const entry = (manager: string, fieldsV1: Record<string, object>) => ({
    manager,
    operation: 'Apply',
    fieldsV1,
  });
  const object = configMap('a', {
    managedFields: [
      entry('argocd', { 'f:spec': { 'f:replicas': {}, 'f:template': {} } }),
      entry('kubectl', { 'f:metadata': { 'f:labels': {} } }),
    ],
  } as object);

  test('are dropped, and the object that came is left alone', () => {
    expect(stripManagedFields(object).metadata).not.toHaveProperty('managedFields');
    expect(object.metadata.managedFields).toHaveLength(2);
    expect(stripManagedFields(configMap('b'))).toEqual(configMap('b'));
  });

  test('are kept of named managers', () => {
    expect(keepManagers(['kubectl'])(object).metadata.managedFields).toEqual([
      entry('kubectl', { 'f:metadata': { 'f:labels': {} } }),
    ]);
    expect(keepManagers(['helm'])(object).metadata).not.toHaveProperty('managedFields');
  });

  test('are kept as far as they say who manages given fields', () => {
    const keep = keepManagersOf([
      ['spec', 'replicas'],
      ['spec', 'selector'],
    ]);
    expect(keep(object).metadata.managedFields).toEqual([
      entry('argocd', { 'f:spec': { 'f:replicas': {} } }),
    ]);
  });
});
