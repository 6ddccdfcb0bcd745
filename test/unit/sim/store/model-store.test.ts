// The rules of writes: versions, generations, subresources, preconditions, and the words of refusals.
import { describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import {
  canary,
  changed,
  configMap,
  deployment,
  namespace,
  refusal,
  rig,
  USER,
} from './store-rig.ts';

const { deployments, canaries, configMaps, namespaces, services } = RESOURCES;
const web = { namespace: 'shop', name: 'web' };

describe('create', () => {
  test('sets what is the server’s, leaves status out and freezes a copy', () => {
    const { store } = rig();
    const given = deployment('web', { uid: 'mine', generation: 7 }, {});
    const made = store.create(deployments, { ...given, status: { replicas: 9 } }, USER);
    expect(made.metadata).toMatchObject({
      uid: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    expect(made).not.toHaveProperty('status');
    expect(Object.isFrozen(made['spec'])).toBe(true);
    expect(Object.isFrozen(given)).toBe(false);
    expect(store.get(deployments, web)).toBe(made);
  });

  test('refuses what is there already, and makes names of their beginning', () => {
    const { store } = rig();
    store.create(deployments, deployment('web'), USER);
    expect(refusal(() => store.create(deployments, deployment('web'), USER))).toMatchObject({
      kind: 'already-exists',
      reason: 'AlreadyExists',
      message: 'deployments.apps "web" already exists',
    });
    const made = store.create(configMaps, configMap('', { generateName: 'c-' }), USER);
    expect(made.metadata.name).toMatch(/^c-[a-z0-9]{5}$/);
    expect(made.metadata.generation).toBeUndefined();
  });

  test('needs a Namespace that stays, once there are any', () => {
    const { store } = rig();
    store.create(namespaces, namespace('shop'), USER);
    store.create(configMaps, configMap('a', { finalizers: ['x.io/y'] }), USER);
    store.delete(namespaces, { name: 'shop' }, USER);
    expect(refusal(() => store.create(deployments, deployment('web'), USER))).toMatchObject({
      kind: 'forbidden',
      code: 403,
      causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }],
    });
    const a = store.get(configMaps, { namespace: 'shop', name: 'a' });
    expect(a?.metadata.deletionTimestamp).toBeDefined();
    store.update(configMaps, changed(a ?? configMap(''), {}, { finalizers: [] }), USER);
    expect(store.get(namespaces, { name: 'shop' })).toBeNull();
    expect(refusal(() => store.create(deployments, deployment('web'), USER)).message).toBe(
      'namespaces "shop" not found',
    );
  });
});

describe('update', () => {
  test('commits nothing where nothing changes', () => {
    const { store, heard } = rig();
    const made = store.create(deployments, deployment('web'), USER);
    heard();
    expect(store.update(deployments, changed(made, {}), USER)).toBe(made);
    expect(store.revision).toBe(1);
    expect(heard()).toEqual([]);
  });

  test('refuses what rests on an older state, and custom resources without a version', () => {
    const { store } = rig();
    const old = store.create(deployments, deployment('web'), USER);
    store.update(deployments, changed(old, {}, { labels: { a: 'b' } }), USER);
    expect(
      refusal(() => store.update(deployments, changed(old, { spec: {} }), USER)),
    ).toMatchObject({
      kind: 'conflict',
      code: 409,
      message:
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
    });
    store.update(deployments, deployment('web', {}, { replicas: 5 }), USER);
    store.create(canaries, canary('web'), USER);
    expect(refusal(() => store.update(canaries, canary('web'), USER))).toMatchObject({
      kind: 'invalid',
      code: 422,
      message:
        'canaries.serin.dev "web" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    });
  });

  test('of what is gone is not found, a conflict where a uid is named, or a birth for some kinds', () => {
    const { store } = rig();
    expect(refusal(() => store.update(deployments, deployment('web'), USER)).kind).toBe(
      'not-found',
    );
    const known = deployment('web', { uid: 'u' });
    expect(refusal(() => store.update(deployments, known, USER)).kind).toBe('conflict');
    const service = { ...configMap('web'), kind: 'Service' };
    expect(store.update(services, service, USER).metadata.generation).toBeUndefined();
  });

  test('counts a generation for what is wanted, never for status; status and the rest keep apart', () => {
    const { store } = rig();
    const made = store.create(canaries, canary('web'), USER);
    const told = store.update(
      canaries,
      changed(made, { status: { phase: 'x' }, spec: { a: 2 } }, { labels: { l: '1' } }),
      USER,
      { subresource: 'status' },
    );
    expect(told).toMatchObject({ spec: { a: 1 }, status: { phase: 'x' } });
    expect(told.metadata.generation).toBe(1);
    expect(told.metadata.labels).toBeUndefined();
    const labelled = store.update(
      canaries,
      changed(told, { status: {} }, { labels: { l: '1' } }),
      USER,
    );
    expect(labelled).toMatchObject({ metadata: { generation: 1 }, status: { phase: 'x' } });
    const wanted = store.update(canaries, changed(labelled, { spec: { a: 2 } }), USER);
    expect(wanted.metadata.generation).toBe(2);
  });

  test('counts the annotations of a Deployment as wanted too', () => {
    const { store } = rig();
    const made = store.create(deployments, deployment('web'), USER);
    const noted = store.update(deployments, changed(made, {}, { annotations: { a: '1' } }), USER);
    expect(noted.metadata.generation).toBe(2);
  });
});

describe('patch', () => {
  test('whose test fails is a conflict, one that does not fit is invalid', () => {
    const { store } = rig();
    store.create(deployments, deployment('web'), USER);
    const operation = { op: 'test', path: '/spec/replicas', value: 3 } as const;
    const tested = { type: 'json', operations: [operation] } as const;
    expect(refusal(() => store.patch(deployments, web, tested, USER))).toMatchObject({
      kind: 'conflict',
      code: 422,
      reason: 'Invalid',
    });
    const gone = { type: 'json', operations: [{ op: 'remove', path: '/spec/x' }] } as const;
    expect(refusal(() => store.patch(deployments, web, gone, USER)).kind).toBe('invalid');
  });

  test('may carry a version as its precondition', () => {
    const { store } = rig();
    store.create(canaries, canary('web'), USER);
    const body = { metadata: { resourceVersion: '99' }, spec: { a: 3 } };
    const patch = { type: 'merge', body } as const;
    expect(refusal(() => store.patch(canaries, web, patch, USER)).kind).toBe('conflict');
    const free = { type: 'merge', body: { status: { phase: 'x' }, spec: { a: 3 } } } as const;
    const patched = store.patch(canaries, web, free, USER, { subresource: 'status' });
    expect(patched).toMatchObject({ spec: { a: 1 }, status: { phase: 'x' } });
  });

  test('applied creates, and applied again changes nothing', async () => {
    const { store, clock } = rig();
    const { apiVersion, kind, spec } = deployment('web');
    const body = { apiVersion, kind, spec };
    const made = store.patch(deployments, web, { type: 'apply', body }, USER);
    expect(made.metadata).toMatchObject({ name: 'web', namespace: 'shop', generation: 1 });
    await clock.advance(5000);
    expect(store.patch(deployments, web, { type: 'apply', body }, USER)).toBe(made);
  });

  test('says with dryRun what it would do', () => {
    const { store, heard } = rig();
    const made = store.create(deployments, deployment('web'), USER);
    heard();
    const patch = { type: 'merge', body: { spec: { replicas: 9 } } } as const;
    const said = store.patch(deployments, web, patch, USER, { dryRun: true });
    expect(said).toMatchObject({ spec: { replicas: 9 }, metadata: { generation: 2 } });
    expect(store.get(deployments, web)).toBe(made);
    expect(heard()).toEqual([]);
  });
});

test('a scale reads and sets replicas of one version only', () => {
  const { store } = rig();
  store.create(deployments, deployment('web'), USER);
  const scale = store.getScale(deployments, web);
  expect(scale).toEqual({ resourceVersion: '1', replicas: 2 });
  expect(store.updateScale(deployments, web, { ...scale, replicas: 0 }, USER)).toEqual({
    resourceVersion: '2',
    replicas: 0,
  });
  expect(store.get(deployments, web)?.metadata.generation).toBe(2);
  expect(refusal(() => store.updateScale(deployments, web, scale, USER)).kind).toBe('conflict');
  expect(refusal(() => store.getScale(configMaps, web)).kind).toBe('not-found');
});

test('history and listeners tell every change in order, also those made while being told', () => {
  const { store, heard } = rig();
  store.onCommit(({ type, object }) => {
    if (type === 'ADDED' && object.metadata.name === 'a') {
      store.create(configMaps, configMap('b'), USER);
    }
  });
  const late: string[] = [];
  store.onCommit(({ object }) => late.push(object.metadata.name));
  store.create(configMaps, configMap('a'), USER);
  expect(late).toEqual(['a', 'b']);
  expect(heard()).toEqual(['ADDED ConfigMap a', 'ADDED ConfigMap b']);
  const since = store.since(configMaps, 1);
  expect(since === 'compacted' ? since : since.map(({ revision }) => revision)).toEqual([2]);
  store.compact(2);
  expect(store.since(configMaps, 1)).toBe('compacted');
  expect(store.since(configMaps, 2)).toEqual([]);
});
