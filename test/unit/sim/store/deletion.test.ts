// How objects go: finalizers, preconditions, and what becomes of the owned.
import { describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { changed, configMap, deployment, ownedBy, refusal, rig, USER } from './store-rig.ts';

const { deployments, configMaps } = RESOURCES;
const web = { namespace: 'shop', name: 'web' };
const at = (name: string) => ({ namespace: 'shop', name });

test('a deletion may name the object and its version', () => {
  const { store, heard } = rig();
  const made = store.create(deployments, deployment('web'), USER);
  expect(refusal(() => store.delete(deployments, web, USER, { uid: 'other' })).message).toMatch(
    /^Operation cannot be fulfilled on Deployment.apps "web": the UID in the precondition \(other\)/,
  );
  expect(refusal(() => store.delete(deployments, web, USER, { resourceVersion: '9' })).kind).toBe(
    'conflict',
  );
  store.delete(deployments, web, USER, { uid: made.metadata.uid ?? '', resourceVersion: '1' });
  expect(heard().at(-1)).toBe('DELETED Deployment web');
  expect(refusal(() => store.delete(deployments, web, USER))).toMatchObject({
    kind: 'not-found',
    message: 'deployments.apps "web" not found',
  });
});

test('finalizers hold an object; none can be added then; the last one lets it go', () => {
  const { store, heard } = rig();
  store.create(deployments, deployment('web', { finalizers: ['x.io/a'] }), USER);
  store.delete(deployments, web, USER);
  const dying = store.get(deployments, web) ?? deployment('');
  expect(dying.metadata).toMatchObject({
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: 0,
    generation: 2,
  });
  store.delete(deployments, web, USER);
  expect(store.get(deployments, web)).toBe(dying);
  const more = changed(dying, {}, { finalizers: ['x.io/a', 'x.io/b'] });
  expect(refusal(() => store.update(deployments, more, USER))).toMatchObject({
    code: 422,
    causes: [{ reason: 'FieldValueForbidden', field: 'metadata.finalizers' }],
  });
  heard();
  store.update(deployments, changed(dying, {}, { finalizers: [] }), USER);
  expect(heard()).toEqual(['DELETED Deployment web']);
  expect(store.since(deployments, 2)).toMatchObject([
    { type: 'DELETED', revision: 3, object: { metadata: { resourceVersion: '3' } } },
  ]);
});

describe('the owned', () => {
  const family = (block: boolean, finalizers: readonly string[] = []) => {
    const told = rig();
    const owner = told.store.create(deployments, deployment('web'), USER);
    const meta = { ...ownedBy(owner, block), finalizers };
    const child = told.store.create(configMaps, configMap('child', meta), USER);
    told.store.create(configMaps, configMap('grandchild', ownedBy(child, block)), USER);
    told.heard();
    return told;
  };

  test('go after their owner in the background', () => {
    const { store, heard } = family(false);
    store.delete(deployments, web, USER);
    expect(heard()).toEqual([
      'DELETED Deployment web',
      'DELETED ConfigMap child',
      'DELETED ConfigMap grandchild',
    ]);
  });

  test('go before their owner in the foreground, and block it while they stay', () => {
    const { store, heard } = family(true, ['x.io/a']);
    store.delete(deployments, web, USER, { propagationPolicy: 'Foreground' });
    expect(store.get(configMaps, at('grandchild'))).toBeNull();
    expect(store.get(deployments, web)?.metadata.finalizers).toEqual(['foregroundDeletion']);
    const child = store.get(configMaps, at('child')) ?? configMap('');
    expect(child.metadata.deletionTimestamp).toBeDefined();
    heard();
    store.update(configMaps, changed(child, {}, { finalizers: [] }), USER);
    expect(heard().slice(0, 1)).toEqual(['DELETED ConfigMap child']);
    expect(store.get(deployments, web)).toBeNull();
  });

  test('stay without an owner when it leaves them as orphans', () => {
    const { store } = family(true);
    store.delete(deployments, web, USER, { propagationPolicy: 'Orphan' });
    expect(store.get(deployments, web)).toBeNull();
    const child = store.get(configMaps, at('child'));
    expect(child?.metadata).not.toHaveProperty('ownerReferences');
    expect(store.get(configMaps, at('grandchild'))).not.toBeNull();
  });

  test('stay while one of several owners is there, and go if none ever was', () => {
    const { store } = rig();
    const a = store.create(configMaps, configMap('a'), USER);
    const b = store.create(configMaps, configMap('b'), USER);
    const references = [a, b].flatMap((owner) => ownedBy(owner).ownerReferences ?? []);
    store.create(configMaps, configMap('child', { ownerReferences: references }), USER);
    store.delete(configMaps, at('a'), USER);
    expect(store.get(configMaps, at('child'))?.metadata.ownerReferences).toMatchObject([
      { name: 'b' },
    ]);
    store.delete(configMaps, at('b'), USER);
    expect(store.get(configMaps, at('child'))).toBeNull();
    const stray = configMap('stray', ownedBy(deployment('web', { uid: 'nobody' })));
    store.create(configMaps, stray, USER);
    expect(store.get(configMaps, at('stray'))).toBeNull();
  });
});
