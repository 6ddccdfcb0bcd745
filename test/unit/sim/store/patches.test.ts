// Patches do to an object what the API server does, and leave the stored one as it is.
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import type { JsonPatchOperation, Patch } from '../../../../src/client/client.ts';
import { ApiError } from '../../../../src/client/errors.ts';
import { frozenJson } from '../../../../src/sim/store/frozen-json.ts';
import { patched } from '../../../../src/sim/store/patches.ts';

const web: KubeObject = frozenJson({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', annotations: { 'a/b': '1' }, finalizers: ['x'] },
  spec: {
    replicas: 2,
    template: {
      spec: {
        containers: [
          { name: 'app', image: 'app:1', env: [{ name: 'A', value: '1' }], args: ['a', 'b'] },
          { name: 'side', image: 'side:1', ports: [{ containerPort: 80, name: 'http' }] },
        ],
      },
    },
  },
});

function json(...operations: readonly JsonPatchOperation[]): Patch {
  return { type: 'json', operations };
}

function refusalOf(patch: Patch, object = web): ApiError {
  try {
    patched(object, patch);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('JSON Patch', () => {
  test('adds, replaces, removes and moves by pointer', () => {
    const after = patched(
      web,
      json(
        { op: 'replace', path: '/metadata/annotations/a~1b', value: '2' },
        { op: 'add', path: '/metadata/finalizers/-', value: 'y' },
        { op: 'remove', path: '/metadata/finalizers/0' },
        { op: 'move', from: '/spec/replicas', path: '/spec/paused' },
      ),
    );
    expect(after.metadata).toMatchObject({ annotations: { 'a/b': '2' }, finalizers: ['y'] });
    expect(after['spec']).toMatchObject({ paused: 2 });
    expect(after['spec']).not.toHaveProperty('replicas');
    expect(web['spec']).toHaveProperty('replicas', 2);
  });

  test('a failed test is a conflict, a path that is gone without one is invalid', () => {
    const guard = refusalOf(json({ op: 'test', path: '/spec/replicas', value: 3 }));
    expect([guard.kind, guard.code, guard.reason]).toEqual(['conflict', 422, 'Invalid']);
    const gone = refusalOf(json({ op: 'remove', path: '/spec/nothing' }));
    expect([gone.kind, gone.code, gone.status?.causes]).toEqual(['invalid', 422, []]);
  });

  test('does not reach into prototypes', () => {
    expect(refusalOf(json({ op: 'add', path: '/__proto__/bad', value: 1 })).code).toBe(422);
  });
});

describe('merge patch', () => {
  test('null takes away, lists are replaced, and nothing changed is the same object', () => {
    const body = { metadata: { annotations: { 'a/b': null, c: 'd' } }, spec: { list: [1] } };
    const after = patched(web, { type: 'merge', body });
    expect(after.metadata.annotations).toEqual({ c: 'd' });
    expect(after['spec']).toMatchObject({ list: [1], replicas: 2 });
    expect(patched(web, { type: 'merge', body: { spec: { replicas: 2, gone: null } } })).toBe(web);
  });

  test('a null inside of what is new is left out', () => {
    const body = { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } };
    expect(patched(web, { type: 'merge', body })['spec']).toMatchObject({
      strategy: { type: 'Recreate' },
    });
  });
});

describe('strategic merge patch', () => {
  const containers = (list: readonly unknown[]): Patch => ({
    type: 'strategic',
    body: { spec: { template: { spec: { containers: list } } } },
  });

  test('merges containers by name and env by name, and replaces lists without a key', () => {
    const change = { name: 'app', args: ['c'], env: [{ name: 'B', value: '2' }] };
    expect(patched(web, containers([change]))['spec']).toMatchObject({
      template: {
        spec: {
          containers: [
            {
              name: 'app',
              image: 'app:1',
              args: ['c'],
              env: [
                { name: 'A', value: '1' },
                { name: 'B', value: '2' },
              ],
            },
            { name: 'side' },
          ],
        },
      },
    });
  });

  test('$patch deletes an entry or replaces the list', () => {
    const gone = patched(web, containers([{ name: 'app', $patch: 'delete' }]));
    expect(gone['spec']).toMatchObject({ template: { spec: { containers: [{ name: 'side' }] } } });
    const all = patched(web, containers([{ $patch: 'replace' }, { name: 'new', image: 'n' }]));
    const expected = [{ name: 'new', image: 'n' }];
    expect(all['spec']).toHaveProperty('template.spec.containers', expected);
  });

  test('finalizers are a set, from which entries can be taken by name', () => {
    const body = { metadata: { finalizers: ['y'], '$deleteFromPrimitiveList/finalizers': ['x'] } };
    expect(patched(web, { type: 'strategic', body }).metadata.finalizers).toEqual(['y']);
  });

  test('is not there for custom resources', () => {
    const canary = { ...web, apiVersion: 'serin.dev/v1beta1', kind: 'Canary' };
    expect(refusalOf({ type: 'strategic', body: {} }, canary).code).toBe(415);
  });
});
