// The caches through an API server's bad days: killed, compacted while nobody could watch, without WatchList, overloaded.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { Client } from '../../../src/client/client.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import { createInformer, type Informer } from '../../../src/informers/informer.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import type { Api } from '../cluster/api.ts';
import { apiAs, cluster, describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { compact } from '../faults/own-plane.ts';
import { call, clientOf, clock, Way } from './machinery-rig.ts';

const HEALS = { limitMs: 60_000 };

describeE2E('a cache', () => {
  const stack = new AsyncDisposableStack();
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = stack.use(await startControlPlane());
  });

  afterAll(() => stack.disposeAsync());

  test('follows the cluster again after the API server was killed under its watch', async () => {
    await using client = await clientOf(plane.kubeconfig('operator'));
    await using cache = await Cache.start(client, 'killed');
    await make(client, 'killed', 'before');
    await cache.holds(['before']);
    await plane.restart('apiserver');
    await until('the API server to take writes', () => make(client, 'killed', 'after'), HEALS);
    await client.delete(RESOURCES.configMaps, { namespace: 'default', name: 'before' }, call);
    await cache.holds(['after']);
    expect(cache.told).toEqual(['+before', '+after', '-before']);
    expect(cache.informer.status()).toEqual({ phase: 'synced', lastError: null });
  });

  test('heals when what it missed was compacted away: changes are told, deletions by tombstones', async () => {
    await using client = await clientOf(plane.kubeconfig('operator'));
    await using way = await Way.to(plane.server);
    await using far = await clientOf(plane.kubeconfig('operator'), way.url);
    await using cache = await Cache.start(far, 'compacted');
    for (const name of ['stays', 'changes', 'goes']) await make(client, 'compacted', name);
    await cache.holds(['changes', 'goes', 'stays']);
    way.cut();
    await make(client, 'compacted', 'comes');
    const changed = { type: 'merge', body: { data: { is: 'new' } } } as const;
    await client.patch(
      RESOURCES.configMaps,
      { namespace: 'default', name: 'changes' },
      changed,
      call,
    );
    await client.delete(RESOURCES.configMaps, { namespace: 'default', name: 'goes' }, call);
    await compact(plane);
    // Its own cache of changes goes with the process: from now on the old version is gone for everybody.
    await plane.restart('apiserver');
    expect(cache.names()).toEqual(['changes', 'goes', 'stays']);
    way.mend();
    await cache.holds(['changes', 'comes', 'stays']);
    expect(cache.told.slice(3).toSorted()).toEqual(['+comes', '-goes (tombstone)', '~changes']);
    expect(cache.warnings.join('\n')).toMatch(/too old resource version|expired|410/i);
  });

  test('is filled page by page where the server does not stream lists', async () => {
    await using old = await startControlPlane({
      flags: { apiserver: ['--feature-gates=WatchList=false'] },
    });
    await using client = await clientOf(old.kubeconfig('operator'));
    await make(client, 'paged', 'one');
    await using cache = await Cache.start(client, 'paged');
    await cache.holds(['one']);
    await make(client, 'paged', 'two');
    await cache.holds(['one', 'two']);
    const asked = () =>
      readFileSync(old.auditLog, 'utf8')
        .split('\n')
        .filter((line) => line.includes('labelSelector=test%3Dpaged'));
    await until('the list to be in the audit log', () =>
      asked().some((line) => line.includes('"verb":"list"')),
    );
  });

  test('is filled by one streamed list where the server can', async () => {
    await using client = await clientOf(plane.kubeconfig('operator'));
    await make(client, 'streamed', 'one');
    await using cache = await Cache.start(client, 'streamed');
    await cache.holds(['one']);
    const lists = readFileSync(plane.auditLog, 'utf8')
      .split('\n')
      .filter((line) => line.includes('test%3Dstreamed') && line.includes('"verb":"list"'));
    expect(lists).toEqual([]);
  });
});

describeE2E('a call', () => {
  test.each([429, 503])('put off by %i is made again when the server said', async (code) => {
    const api = apiAs();
    const times: number[] = [];
    await using proxy = await startProxy((request, response) => {
      if (!(request.url ?? '').includes('/configmaps')) return 'pass';
      times.push(performance.now());
      if (times.length > 1) return 'pass';
      response.writeHead(code, { 'retry-after': '1' }).end('later');
      return 'answered';
    }, api);
    await using client = await clientOf(cluster().kubeconfigs.operator, proxy.url);
    const listed = await client.list(RESOURCES.configMaps, { ...call, namespace: 'default' });
    expect(listed.items.map(({ metadata }) => metadata.name)).toContain('kube-root-ca.crt');
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_000);
  });
});

/** An informer on the ConfigMaps of one test, and what it told. */
class Cache implements AsyncDisposable {
  readonly told: string[] = [];
  readonly warnings: string[] = [];
  readonly informer: Informer<KubeObject>;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  private constructor(client: Client, label: string) {
    this.informer = createInformer({
      client,
      clock,
      resource: RESOURCES.configMaps,
      namespace: 'default',
      labelSelector: `test=${label}`,
      onWarning: (message, { error }) =>
        this.warnings.push(`${message} ${error instanceof Error ? error.message : ''}`),
    });
    const name = ({ metadata }: KubeObject): string => metadata.name;
    this.informer.addHandler({
      onAdd: (object) => this.told.push(`+${name(object)}`),
      onUpdate: (_, object) => this.told.push(`~${name(object)}`),
      onDelete: (object, { tombstone }) =>
        this.told.push(`-${name(object)}${tombstone ? ' (tombstone)' : ''}`),
    });
    this.#running = this.informer.run(this.#end.signal);
  }

  static async start(client: Client, label: string): Promise<Cache> {
    const cache = new Cache(client, label);
    await cache.informer.synced(AbortSignal.timeout(20_000));
    return cache;
  }

  names(): readonly string[] {
    return this.informer.store
      .list('default')
      .map(({ metadata }) => metadata.name)
      .toSorted();
  }

  async holds(names: readonly string[]): Promise<void> {
    await until(
      `the cache to hold ${names.join()}`,
      () => this.names().join() === names.join(),
      HEALS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
  }
}

function make(client: Client, label: string, name: string): Promise<KubeObject> {
  const metadata = { name, namespace: 'default', labels: { test: label } };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { is: 'old' } };
  return client.create(RESOURCES.configMaps, object, call);
}

/** A plain HTTP way to the API server, on which a test may answer in its stead. Closes `api` in the end. */
async function startProxy(
  first: (request: IncomingMessage, response: ServerResponse) => 'pass' | 'answered',
  api: Api,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    if (first(request, response) === 'answered') return;
    api.text('GET', request.url ?? '/').then(
      (text) => response.writeHead(200, { 'content-type': 'application/json' }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await api.close();
    },
  };
}
