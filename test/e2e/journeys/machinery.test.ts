// The client alone against a real API server: every verb, on a custom resource and on built-in kinds.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { Client, Resource, WatchEvent } from '../../../src/client/client.ts';
import { ApiError, type ApiErrorKind } from '../../../src/client/errors.ts';
import { pollImmediate, retryOnConflict } from '../../../src/client/poll.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import { microTime, parseTime } from '../../../src/clock/time-format.ts';
import { EventBroadcaster } from '../../../src/recorder/events.ts';
import { ApiEventSink } from '../../../src/recorder/api-event-sink.ts';
import { SILENT } from '../../../src/recorder/log.ts';
import { apiAs, cluster, describeE2E, newNamespace } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { call, clientOf, clock } from './machinery-rig.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS: Resource = {
  group: 'test.serin.dev',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

describeE2E('the client', () => {
  let namespace = '';
  let client: Client;
  const stack = new AsyncDisposableStack();

  beforeAll(async () => {
    const api = apiAs();
    stack.defer(() => api.close());
    ({ name: namespace } = stack.use(await newNamespace(api, 'machinery')));
    client = stack.use(await clientOf(cluster().kubeconfigs.operator));
    await api.post(CRDS, widgetDefinition());
    stack.defer(async () => void (await api.delete(`${CRDS}/widgets.test.serin.dev`)));
  });

  afterAll(() => stack.disposeAsync());

  const key = (name: string) => ({ namespace, name });
  const make = (name: string, fields: object = {}): Promise<KubeObject> =>
    client.create(WIDGETS, widget(namespace, name, fields), call);

  test('finds a kind by discovery as soon as it is served, and none that is not', async () => {
    const find = async (): Promise<boolean> =>
      (await client.resourceFor('test.serin.dev/v1', 'Widget', call)) !== null;
    expect(await pollImmediate(clock, 200, 20_000, find, call.signal)).toBe(true);
    expect(await client.resourceFor('test.serin.dev/v1', 'Widget', call)).toEqual(WIDGETS);
    expect(await client.resourceFor('apps/v1', 'Deployment', call)).toEqual(RESOURCES.deployments);
    expect(await client.resourceFor('test.serin.dev/v1', 'Gadget', call)).toBeNull();
    expect(await client.resourceFor('nobody.serin.dev/v1', 'Widget', call)).toBeNull();
    expect(await client.serverVersion(call)).toMatch(/^v1\.\d+\./);
  });

  test('reads what it wrote, to the last unknown field, not older than asked for', async () => {
    const spec = { size: 1, unknown: { deep: [1, 'zwei', { three: true }], empty: {} } };
    const made = await make('whole', { spec });
    const minResourceVersion = made.metadata.resourceVersion ?? '';
    const read = await client.get(WIDGETS, key('whole'), { ...call, minResourceVersion });
    expect(read).toEqual(made);
    expect(read['spec']).toEqual(spec);
    const updated = await client.update(WIDGETS, { ...read, spec: { ...spec, size: 2 } }, call);
    expect(updated['spec']).toEqual({ ...spec, size: 2 });
    await refused('transient', (options) =>
      client.get(WIDGETS, key('whole'), {
        ...options,
        minResourceVersion: '999999999',
        deadlineMs: 1_500,
      }),
    );
  });

  test('overwrites nobody: a stale update is a conflict, to be decided anew', async () => {
    const made = await make('contested');
    await client.update(WIDGETS, { ...made, spec: { size: 2 } }, call);
    await refused('conflict', (options) =>
      client.update(WIDGETS, { ...made, spec: { size: 3 } }, options),
    );
    let tries = 0;
    const settled = await retryOnConflict(
      clock,
      async (signal) => {
        tries += 1;
        const read = tries === 1 ? made : await client.get(WIDGETS, key('contested'), { signal });
        return client.update(WIDGETS, { ...read, spec: { size: 4 } }, { signal });
      },
      call.signal,
    );
    expect(tries).toBe(2);
    expect(settled['spec']).toEqual({ size: 4 });
  });

  test('writes a status by its subresource, and nothing else with it', async () => {
    const made = await make('reported', { spec: { size: 1 } });
    const told = { ...made, spec: { size: 9 }, status: { phase: 'Ready' } };
    const stored = await client.updateStatus(WIDGETS, told, call);
    expect(stored['spec']).toEqual({ size: 1 });
    expect(stored['status']).toEqual({ phase: 'Ready' });
    const patch = {
      type: 'merge',
      body: { status: { phase: 'Gone' }, spec: { size: 8 } },
    } as const;
    const options = { ...call, subresource: 'status' } as const;
    const patched = await client.patch(WIDGETS, key('reported'), patch, options);
    expect([patched['spec'], patched['status']]).toEqual([{ size: 1 }, { phase: 'Gone' }]);
  });

  test('patches as JSON, where a failed test or an old version is a conflict', async () => {
    const made = await make('patched', { spec: { size: 1 } });
    const guard = (value: unknown) =>
      ({ op: 'add', path: '/metadata/resourceVersion', value }) as const;
    const size = (value: number) => ({ op: 'replace', path: '/spec/size', value }) as const;
    const patch = (...operations: readonly (ReturnType<typeof guard | typeof size> | Test)[]) =>
      ({ type: 'json', operations }) as const;
    const first = patch(guard(made.metadata.resourceVersion), size(2));
    expect((await client.patch(WIDGETS, key('patched'), first, call))['spec']).toEqual({ size: 2 });
    const failing = patch({ op: 'test', path: '/spec/size', value: 7 }, size(3));
    for (const stale of [first, failing]) {
      await refused('conflict', (options) => client.patch(WIDGETS, key('patched'), stale, options));
    }
    expect((await client.get(WIDGETS, key('patched'), call))['spec']).toEqual({ size: 2 });
  });

  test('patches as merge, as strategic merge, and applies what it owns', async () => {
    await client.create(RESOURCES.deployments, deploymentObject(namespace), call);
    const merged = await client.patch(
      RESOURCES.deployments,
      key('web'),
      { type: 'merge', body: { metadata: { labels: { merged: 'yes' } } } },
      call,
    );
    expect(merged.metadata.labels).toEqual({ app: 'web', merged: 'yes' });
    const body = {
      spec: { template: { spec: { containers: [{ name: 'main', image: 'web:2' }] } } },
    };
    const strategic = await client.patch(
      RESOURCES.deployments,
      key('web'),
      { type: 'strategic', body },
      call,
    );
    expect(containersOf(strategic)).toMatchObject([
      { name: 'main', image: 'web:2', ports: [{ containerPort: 8080 }] },
      { name: 'side', image: 'side:1' },
    ]);
    const mine = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace, labels: { merged: 'no' } },
    };
    const applying = (force: boolean) =>
      client.patch(
        RESOURCES.deployments,
        key('web'),
        { type: 'apply', body: mine, force },
        {
          ...call,
          fieldManager: 'another',
        },
      );
    await refused('conflict', () => applying(false));
    expect((await applying(true)).metadata.labels).toMatchObject({ app: 'web', merged: 'no' });
  });

  test('lists page by page, by labels and by fields, and the metadata alone', async () => {
    for (let index = 0; index < 7; index++)
      await make(`page-${index}`, {
        metadata: { labels: { half: index < 3 ? 'first' : 'second' } },
      });
    const names = ({ items }: { items: readonly KubeObject[] }) =>
      items.map(({ metadata }) => metadata.name);
    const labelSelector = 'half in (first,second)';
    const pages: string[][] = [];
    let token = '';
    do {
      const page = await client.list(WIDGETS, {
        ...call,
        namespace,
        labelSelector,
        limit: 3,
        continue: token,
      });
      pages.push(names(page));
      token = page.continue;
    } while (token !== '');
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.flat()).toEqual([0, 1, 2, 3, 4, 5, 6].map((index) => `page-${index}`));
    const first = await client.list(WIDGETS, { ...call, namespace, labelSelector: 'half=first' });
    expect(names(first)).toEqual(['page-0', 'page-1', 'page-2']);
    expect(first.items[0]).toMatchObject({ apiVersion: 'test.serin.dev/v1', kind: 'Widget' });
    const one = await client.list(WIDGETS, {
      ...call,
      namespace,
      fieldSelector: 'metadata.name=page-4',
      metadataOnly: true,
    });
    expect(names(one)).toEqual(['page-4']);
    expect(one.items[0]).toMatchObject({ kind: 'Widget' });
    expect(one.items[0]).not.toHaveProperty('spec');
  });

  test('watches: what is there, the mark of its end, every change, and the end of the time', async () => {
    await make('watched', { metadata: { labels: { watch: 'yes' } } });
    const seen: string[] = [];
    const options = {
      ...call,
      namespace,
      labelSelector: 'watch=yes',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: 4,
    } as const;
    for await (const event of client.watch(WIDGETS, options)) {
      seen.push(wordFor(event));
      if (seen.length === 2) {
        const merge = { type: 'merge', body: { spec: { size: 5 } } } as const;
        await client.patch(WIDGETS, key('watched'), merge, call);
        await client.delete(WIDGETS, key('watched'), call);
      }
    }
    const changes = seen.filter((word) => word !== 'BOOKMARK');
    expect(changes).toEqual(['ADDED', 'initial events end', 'MODIFIED', 'DELETED']);
  });

  test('deletes only what it means, and says what is not there', async () => {
    const made = await make('doomed');
    const { uid = '', resourceVersion = '' } = made.metadata;
    await refused('conflict', (options) =>
      client.delete(WIDGETS, key('doomed'), { ...options, uid: 'another' }),
    );
    await refused('conflict', (options) =>
      client.delete(WIDGETS, key('doomed'), { ...options, uid, resourceVersion: '1' }),
    );
    await client.delete(WIDGETS, key('doomed'), { ...call, uid, resourceVersion });
    await refused('not-found', (options) => client.get(WIDGETS, key('doomed'), options));
    await refused('not-found', (options) => client.delete(WIDGETS, key('doomed'), options));
  });

  test('deletes a whole selection', async () => {
    for (const name of ['sold-1', 'sold-2'])
      await make(name, { metadata: { labels: { sold: 'yes' } } });
    await make('kept', { metadata: { labels: { sold: 'no' } } });
    await client.deleteCollection(WIDGETS, { ...call, namespace, labelSelector: 'sold=yes' });
    const left = await client.list(WIDGETS, { ...call, namespace, labelSelector: 'sold' });
    expect(left.items.map(({ metadata }) => metadata.name)).toEqual(['kept']);
  });

  test('scales a workload and a custom resource, each only as it was read', async () => {
    await client.create(RESOURCES.deployments, deploymentObject(namespace, 'scaled'), call);
    await make('scaled', { spec: { size: 1, replicas: 1 } });
    for (const resource of [RESOURCES.deployments, WIDGETS]) {
      const read = await client.getScale(resource, key('scaled'), call);
      expect(read.replicas).toBe(1);
      // A Deployment's controller writes too.
      const scaled = await retryOnConflict(
        clock,
        async (signal) => {
          const { resourceVersion } = await client.getScale(resource, key('scaled'), { signal });
          const scale = { resourceVersion, replicas: 3 };
          return client.updateScale(resource, key('scaled'), scale, { signal });
        },
        call.signal,
      );
      expect(scaled.replicas).toBe(3);
      await refused('conflict', (options) =>
        client.updateScale(resource, key('scaled'), { ...read, replicas: 9 }, options),
      );
      expect((await client.getScale(resource, key('scaled'), call)).replicas).toBe(3);
    }
  });

  test('keeps the microseconds of a lease as they are written', async () => {
    const now = clock.now();
    const lease = (renewTime: string, metadata: object = {}): KubeObject => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace, ...metadata },
      spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime },
    });
    const made = await client.create(RESOURCES.leases, lease(microTime(now)), call);
    expect(made['spec']).toMatchObject({ renewTime: microTime(now) });
    const renewed = '2026-01-02T03:04:05.678901Z';
    const stored = await client.update(RESOURCES.leases, lease(renewed, made.metadata), call);
    expect(stored['spec']).toMatchObject({ renewTime: renewed });
    expect(parseTime(renewed)).toBe(Date.parse('2026-01-02T03:04:05.678Z'));
  });

  test('tells refusals apart by kind, with the field that is wrong', async () => {
    await make('unique');
    await refused('already-exists', () => make('unique'));
    const invalid = await refused('invalid', () => make('wrong', { spec: { size: 'large' } }));
    expect(invalid.code).toBe(422);
    expect(invalid.status?.causes.map(({ field }) => field)).toContain('spec.size');
    await using alice = await clientOf(cluster().kubeconfigs.alice);
    await refused('forbidden', (options) => alice.get(WIDGETS, key('unique'), options));
  });

  test('brings Events: one for a fact, and a series of two when it is seen again', async () => {
    const sink = new ApiEventSink({ client, clock, log: SILENT, random: Math.random });
    const events = new EventBroadcaster({ clock, instance: 'me', sinks: [sink], log: SILENT });
    const { metadata } = await make('told');
    const { uid = '' } = metadata;
    const regarding = {
      apiVersion: 'test.serin.dev/v1',
      kind: 'Widget',
      namespace,
      name: 'told',
      uid,
    };
    const fact = {
      regarding,
      type: 'Normal',
      reason: 'Polished',
      action: 'Polish',
      note: 'shines',
    } as const;
    const list = async () =>
      (await client.list(RESOURCES.events, { ...call, namespace })).items.filter(
        ({ reason }) => reason === 'Polished',
      );
    events.recorder().event(fact);
    await until('the Event', async () => (await list()).length === 1);
    events.recorder().event(fact);
    const [event] = await until('the series', async () => {
      const found = await list();
      return found[0]?.['series'] === undefined ? null : found;
    });
    expect(event).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding,
      note: 'shines',
      reportingController: 'serin.dev/controller',
      reportingInstance: 'me',
      series: { count: 2, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
    });
    expect(await list()).toHaveLength(1);
    await events.stop(AbortSignal.timeout(5_000));
  });
});

interface Test {
  readonly op: 'test';
  readonly path: string;
  readonly value: unknown;
}

/** The error of a call that must be refused so. */
async function refused(
  kind: ApiErrorKind,
  attempt: (options: typeof call) => Promise<unknown>,
): Promise<ApiError> {
  const error: unknown = await attempt(call).then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw error;
  expect(error.kind).toBe(kind);
  return error;
}

function wordFor(event: WatchEvent): string {
  if (event.type !== 'BOOKMARK') return event.type;
  const end = event.object.metadata.annotations?.['k8s.io/initial-events-end'];
  return end === 'true' ? 'initial events end' : 'BOOKMARK';
}

function containersOf(object: KubeObject): unknown {
  return (object['spec'] as { template: { spec: { containers: unknown } } }).template.spec
    .containers;
}

function widget(namespace: string, name: string, fields: object): KubeObject {
  const { metadata, ...rest } = fields as { readonly metadata?: object };
  return {
    apiVersion: 'test.serin.dev/v1',
    kind: 'Widget',
    metadata: { name, namespace, ...metadata },
    spec: { size: 1 },
    ...rest,
  };
}

function deploymentObject(namespace: string, name = 'web'): KubeObject {
  const labels = { app: name };
  const containers = [
    { name: 'main', image: 'web:1', ports: [{ containerPort: 8080 }] },
    { name: 'side', image: 'side:1' },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

function widgetDefinition(): object {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const spec = {
    ...open,
    properties: { size: { type: 'integer' }, replicas: { type: 'integer' } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.test.serin.dev' },
    spec: {
      group: 'test.serin.dev',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: open } } },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
        },
      ],
    },
  };
}
