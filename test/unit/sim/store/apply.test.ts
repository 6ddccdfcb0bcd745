// Server-side apply and the ownership of fields, as structured-merge-diff has them.
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { ApiError } from '../../../../src/client/errors.ts';
import { applied, tracked } from '../../../../src/sim/store/apply.ts';
import { frozenJson } from '../../../../src/sim/store/frozen-json.ts';
import { createKinds } from '../../../../src/sim/store/kinds.ts';

const kinds = createKinds([]);
const lists = kinds.lists(RESOURCES.deployments);
const serviceLists = kinds.lists(RESOURCES.services);
const T0 = '2026-01-01T00:00:00Z';
const T1 = '2026-01-01T00:01:00Z';
const serin = { manager: 'serin', force: false, time: T0 };

function deployment(spec: object, metadata: object = {}): KubeObject {
  return frozenJson({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec,
  });
}

function containers(...list: readonly object[]): object {
  return { template: { spec: { containers: list } } };
}

function service(ports: readonly object[]): KubeObject {
  const metadata = { name: 'web', namespace: 'shop' };
  return frozenJson({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports } });
}

function entries(object: KubeObject): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [
      `${manager} ${operation}`,
      fieldsV1,
    ]),
  );
}

function conflictOf(act: () => unknown): ApiError {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('no conflict');
}

describe('applied', () => {
  test('owns what it names, entries of list maps by their keys, not the identity of the object', () => {
    const spec = containers({ name: 'app', image: 'a:1', ports: [{ containerPort: 80 }] });
    const made = applied(null, deployment({ replicas: 2, ...spec }), serin, lists);
    expect(made.metadata.managedFields).toEqual([
      {
        manager: 'serin',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: T0,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:replicas': {},
            'f:template': {
              'f:spec': {
                'f:containers': {
                  'k:{"name":"app"}': {
                    '.': {},
                    'f:name': {},
                    'f:image': {},
                    'f:ports': {
                      'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ]);
  });

  test('applied again without change it is the very same object, later too', () => {
    const wanted = deployment({ replicas: 2 });
    const made = applied(null, wanted, serin, lists);
    expect(applied(made, wanted, { ...serin, time: T1 }, lists)).toBe(made);
  });

  test('takes away what it no longer wants, and leaves what it never owned', () => {
    const both = containers({ name: 'app', image: 'a:1' }, { name: 'side', image: 's:1' });
    const made = applied(null, deployment({ replicas: 2, ...both }), serin, lists);
    const spec = { ...(made['spec'] as object), revisionHistoryLimit: 10 };
    const live = frozenJson({ ...made, spec });
    const next = applied(live, deployment(containers({ name: 'app', image: 'a:1' })), serin, lists);
    expect(next['spec']).toEqual({
      revisionHistoryLimit: 10,
      template: { spec: { containers: [{ name: 'app', image: 'a:1' }] } },
    });
  });

  test('leaves what it no longer wants to another owner', () => {
    const made = applied(null, deployment({ replicas: 2, paused: true }), serin, lists);
    const shared = applied(made, deployment({ replicas: 2 }), { ...serin, manager: 'hpa' }, lists);
    const next = applied(shared, deployment({ paused: true }), serin, lists);
    expect(next['spec']).toEqual({ replicas: 2, paused: true });
    expect(entries(next)).toEqual({
      'hpa Apply': { 'f:spec': { 'f:replicas': {} } },
      'serin Apply': { 'f:spec': { 'f:paused': {} } },
    });
  });

  test('is refused where another manager has another value, naming field and manager', () => {
    const made = applied(null, deployment({ replicas: 2 }), serin, lists);
    const by = { manager: 'kubectl', time: T1 };
    const live = tracked(made, { ...made, spec: { replicas: 5 } }, by, lists);
    const error = conflictOf(() => applied(live, deployment({ replicas: 3 }), serin, lists));
    expect([error.kind, error.code, error.reason]).toEqual(['conflict', 409, 'Conflict']);
    const who = `conflict with "kubectl" using apps/v1 at ${T1}`;
    expect(error.status?.message).toBe(`Apply failed with 1 conflict: ${who}: .spec.replicas`);
    expect(error.status?.causes).toEqual([
      { reason: 'FieldManagerConflict', field: '.spec.replicas', message: who },
    ]);
  });

  test('by force it takes the field over', () => {
    const made = applied(null, deployment({ replicas: 2 }), { ...serin, manager: 'other' }, lists);
    const next = applied(made, deployment({ replicas: 3 }), { ...serin, force: true }, lists);
    expect(next['spec']).toEqual({ replicas: 3 });
    expect(entries(next)).toEqual({ 'serin Apply': { 'f:spec': { 'f:replicas': {} } } });
  });

  test('a selector is one thing, ports are found by port and protocol', () => {
    const selector = { matchLabels: { app: 'web' } };
    const made = applied(null, deployment({ selector }), serin, lists);
    expect(entries(made)['serin Apply']).toEqual({ 'f:spec': { 'f:selector': {} } });
    const live = applied(null, service([{ port: 80, protocol: 'TCP' }]), serin, serviceLists);
    const two = service([{ port: 80, name: 'http' }, { port: 81 }]);
    const next = applied(live, two, { ...serin, manager: 'other' }, serviceLists);
    expect(next['spec']).toEqual({
      ports: [{ port: 80, protocol: 'TCP', name: 'http' }, { port: 81 }],
    });
  });

  test('what was there before the first apply has an owner of its own, and conflicts', () => {
    const live = deployment({ replicas: 2 }, { uid: 'u' });
    const error = conflictOf(() => applied(live, deployment({ replicas: 3 }), serin, lists));
    expect(error.status?.causes[0]?.message).toContain('"before-first-apply"');
  });
});

describe('tracked', () => {
  test('a creation belongs to its writer, with the maps and entries that are new', () => {
    const made = tracked(null, deployment({ replicas: 1 }, { labels: { a: 'b' } }), serin, lists);
    expect(entries(made)).toEqual({
      'serin Update': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
        'f:spec': { '.': {}, 'f:replicas': {} },
      },
    });
  });

  test('what changes moves to the writer, what goes belongs to nobody', () => {
    const labels = { a: '1', b: '1', c: '1' };
    const made = applied(null, deployment({}, { labels }), serin, lists);
    const metadata = { ...made.metadata, labels: { a: '2', b: '1' } };
    const by = { manager: 'kubectl', time: T1 };
    const next = tracked(made, frozenJson({ ...made, metadata }), by, lists);
    expect(entries(next)).toEqual({
      'serin Apply': { 'f:metadata': { 'f:labels': { 'f:b': {} } }, 'f:spec': {} },
      'kubectl Update': { 'f:metadata': { 'f:labels': { 'f:a': {} } } },
    });
  });

  test('the status is written by an owner of its own', () => {
    const made = tracked(null, deployment({ replicas: 1 }), serin, lists);
    const after = { ...made, status: { replicas: 1 } };
    const next = tracked(made, after, { ...serin, subresource: 'status' }, lists);
    expect(next.metadata.managedFields?.map(({ subresource }) => subresource)).toEqual([
      undefined,
      'status',
    ]);
  });

  test('a write that changes nothing leaves the entries as they are', () => {
    const made = tracked(null, deployment({ replicas: 1 }), serin, lists);
    expect(tracked(made, made, { manager: 'other', time: T1 }, lists)).toBe(made);
    const { managedFields: _, ...metadata } = made.metadata;
    const back = tracked(made, { ...made, metadata }, { ...serin, time: T1 }, lists);
    expect(back.metadata.managedFields).toEqual(made.metadata.managedFields);
  });
});
