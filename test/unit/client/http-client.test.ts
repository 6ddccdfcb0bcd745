// What the client sends, what it makes of answers, and when it asks again.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { Client } from '../../../src/client/client.ts';
import type { Credentials } from '../../../src/client/credentials.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import type { RequestReport } from '../../../src/client/transport.ts';
import { configFor, FakeServer, json, status, until } from './fake-server.ts';

const { signal } = new AbortController();
const key = { namespace: 'shop', name: 'web' };
const web: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { ...key, resourceVersion: '7' },
};
const busy = status(429, 'TooManyRequests');

let server: FakeServer;
let clock: VirtualClock;
let client: Client & AsyncDisposable;
let reports: RequestReport[];

beforeEach(async () => {
  server = await new FakeServer().start();
  server.answer = (_, response) => json(response, 200, web);
  clock = new VirtualClock();
  reports = [];
  client = connect();
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function connect(over: { credentials?: Credentials; path?: string } = {}) {
  const onRequest = (report: RequestReport) => reports.push(report);
  return httpClient({ config: configFor(server, clock, over), clock, onRequest });
}

/** Lets retry after retry pass until the call has ended. */
async function throughRetries<T>(call: Promise<T>, waitMs: number): Promise<T> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  call.then(end, end);
  for (;;) {
    await until(() => ended || clock.nextShotInMs() === waitMs);
    if (ended) return call;
    await clock.advance(waitMs);
  }
}

const fault = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

test('every verb goes where the API server expects it', async () => {
  const { deployments, namespaces } = RESOURCES;
  const options = { signal };
  await client.get(deployments, key, { signal, minResourceVersion: '5' });
  await client.get(namespaces, { name: 'a/b' }, options);
  await client.create(deployments, web, { signal, dryRun: true });
  await client.update(deployments, web, { signal, fieldManager: 'me' });
  await client.updateStatus(deployments, web, options);
  await client.patch(deployments, key, { type: 'merge', body: { a: 1 } }, options);
  await client.patch(deployments, key, { type: 'apply', body: web, force: true }, options);
  await client.delete(deployments, key, { signal, uid: 'u', resourceVersion: '7' });
  await client.getScale(deployments, key, options);
  await client.updateScale(deployments, key, { resourceVersion: '7', replicas: 2 }, options);
  const at = '/apis/apps/v1/namespaces/shop/deployments';
  expect(server.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    `GET ${at}/web?resourceVersion=5`,
    'GET /api/v1/namespaces/a%2Fb',
    `POST ${at}?fieldManager=serin&dryRun=All`,
    `PUT ${at}/web?fieldManager=me`,
    `PUT ${at}/web/status?fieldManager=serin`,
    `PATCH ${at}/web?fieldManager=serin`,
    `PATCH ${at}/web?fieldManager=serin&force=true`,
    `DELETE ${at}/web`,
    `GET ${at}/web/scale`,
    `PUT ${at}/web/scale?fieldManager=serin`,
  ]);
  const types = server.asked.map(({ headers }) => headers['content-type']).filter(Boolean);
  expect(types.slice(3, 5)).toEqual([
    'application/merge-patch+json',
    'application/apply-patch+yaml',
  ]);
  expect(JSON.parse(server.asked[7]!.body)).toEqual({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid: 'u', resourceVersion: '7' },
  });
  expect(JSON.parse(server.asked[9]!.body)).toMatchObject({
    metadata: { ...key, resourceVersion: '7' },
    spec: { replicas: 2 },
  });
});

test('a server below a path is addressed there', async () => {
  await using below = connect({ path: '/k8s/clusters/c-1/' });
  await below.get(RESOURCES.deployments, key, { signal });
  expect(server.asked[0]?.url).toBe(
    '/k8s/clusters/c-1/apis/apps/v1/namespaces/shop/deployments/web',
  );
});

test.each([{ name: '' }, { name: '..' }, { name: 'web' }, { namespace: '', name: 'web' }])(
  'a call on %j is never sent: it could hit a whole collection',
  async (bad) => {
    const error = await fault(client.delete(RESOURCES.deployments, bad, { signal }));
    expect(error).toMatchObject({ kind: 'invalid', code: 0 });
    expect(server.asked).toEqual([]);
  },
);

test('listed objects get the kind that the server leaves out', async () => {
  server.answer = (_, response) =>
    json(response, 200, {
      kind: 'DeploymentList',
      metadata: { resourceVersion: '9', continue: 'more' },
      items: [{ metadata: { name: 'web' }, spec: {} }],
    });
  const options = { signal, namespace: 'shop', limit: 1, labelSelector: 'a=b,c' };
  const list = await client.list(RESOURCES.deployments, options);
  expect(list).toEqual({
    resourceVersion: '9',
    continue: 'more',
    items: [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: {} }],
  });
  expect(server.asked[0]?.url).toContain('deployments?labelSelector=a%3Db%2Cc&limit=1');
});

test('metadata alone is asked for by media type and comes under the real kind', async () => {
  server.answer = (_, response) =>
    json(response, 200, {
      kind: 'PartialObjectMetadataList',
      metadata: { resourceVersion: '9' },
      items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'a' }, data: 'secret' }],
    });
  const list = await client.list(RESOURCES.secrets, { signal, metadataOnly: true });
  expect(list.items).toEqual([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }]);
  expect(server.asked[0]?.headers['accept']).toMatch(
    /^application\/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,/,
  );
});

test('a busy server is asked again after the time it says, ten times at most', async () => {
  server.answer = (_, response) => json(response, 429, busy, { 'retry-after': '1' });
  const call = client.create(RESOURCES.deployments, web, { signal });
  const error = await throughRetries(fault(call), 1000);
  expect(error).toMatchObject({ kind: 'too-many-requests', retryAfterMs: 1000 });
  expect(server.asked.length).toBe(11);
  expect(reports.map(({ retries }) => retries)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(clock.armed).toBe(0);
});

test('a wait that the deadline does not allow is not begun', async () => {
  server.answer = (_, response) => json(response, 503, {}, { 'retry-after': '10' });
  const call = client.get(RESOURCES.deployments, key, { signal, deadlineMs: 10_000 });
  expect(await fault(call)).toMatchObject({ kind: 'transient', code: 503, retryAfterMs: 10_000 });
  expect(server.asked.length).toBe(1);
});

test('without Retry-After, or for what cannot get better, there is one request', async () => {
  server.answer = (_, response) => json(response, 500, status(500, 'InternalError'));
  expect(await fault(client.get(RESOURCES.deployments, key, { signal }))).toBeInstanceOf(ApiError);
  server.answer = (_, response) =>
    json(
      response,
      504,
      status(504, 'Timeout', { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }),
      {
        'retry-after': '1',
      },
    );
  const late = await fault(client.list(RESOURCES.deployments, { signal, resourceVersion: '99' }));
  expect(late).toMatchObject({ kind: 'expired' });
  expect(server.asked.length).toBe(2);
});

test('a read is repeated after a lost connection, a write never', async () => {
  let losses = 2;
  server.answer = (_, response) => {
    if (losses-- > 0) response.socket?.destroy();
    else json(response, 200, web);
  };
  const read = client.get(RESOURCES.deployments, key, { signal });
  expect(await throughRetries(read, 1000)).toEqual(web);
  losses = 1;
  const written = await fault(client.update(RESOURCES.deployments, web, { signal }));
  expect(written).toMatchObject({ kind: 'transient', code: 0 });
  expect(server.asked.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'PUT']);
});

test('a write that is forbidden is not sent, also when it would be a repetition', async () => {
  const lapsed = new Error('may not');
  let writes = 0;
  const beforeWrite = () => {
    writes += 1;
    if (writes > 1) throw lapsed;
  };
  await using fenced = httpClient({ config: configFor(server, clock), clock, beforeWrite });
  server.answer = (_, response) => json(response, 429, busy, { 'retry-after': '1' });
  const { deployments } = RESOURCES;
  const created = fault(fenced.create(deployments, web, { signal }));
  expect(await throughRetries(created, 1000)).toBe(lapsed);
  expect(await fault(fenced.delete(deployments, key, { signal }))).toBe(lapsed);
  expect(server.asked).toHaveLength(1);
  server.answer = (_, response) => json(response, 200, web);
  await fenced.get(deployments, key, { signal });
  expect(server.asked).toHaveLength(2);
});

test('a refused connection is transient and says so', async () => {
  const { url } = server;
  await server[Symbol.asyncDispose]();
  const error = await fault(client.get(RESOURCES.deployments, key, { signal }));
  expect(error).toMatchObject({ kind: 'transient', code: 0 });
  expect(String(error)).toContain(`connect ECONNREFUSED ${new URL(url).host}`);
  server = await new FakeServer().start();
});

test('a silent server ends the call at its deadline', async () => {
  server.answer = () => {};
  const call = fault(client.get(RESOURCES.deployments, key, { signal, deadlineMs: 5000 }));
  await until(() => server.asked.length === 1);
  await clock.advance(5000);
  const error = await call;
  expect(error).toMatchObject({ kind: 'transient', code: 0 });
  expect(String(error)).toContain('no answer within 5000 ms');
  expect(clock.armed).toBe(0);
});

test('an aborted call throws the reason and lets go of its connection', async () => {
  server.answer = () => {};
  const stop = new AbortController();
  const call = fault(client.get(RESOURCES.deployments, key, { signal: stop.signal }));
  await until(() => server.asked.length === 1);
  stop.abort('leaving');
  expect(await call).toBe('leaving');
  await until(() => server.open.size === 0);
  const later = client.get(RESOURCES.deployments, key, { signal: stop.signal });
  expect(await fault(later)).toBe('leaving');
  expect(clock.armed).toBe(0);
});

test('an abort during the wait before a retry ends it', async () => {
  server.answer = (_, response) => json(response, 429, busy, { 'retry-after': '1' });
  const stop = new AbortController();
  const call = fault(client.get(RESOURCES.deployments, key, { signal: stop.signal }));
  await until(() => clock.nextShotInMs() === 1000);
  stop.abort('leaving');
  expect(await call).toBe('leaving');
});

test('an answer that is not JSON, or not an object, is transient', async () => {
  server.answer = (_, response) => response.end('<html>');
  const html = fault(client.get(RESOURCES.deployments, key, { signal }));
  expect(await html).toMatchObject({ kind: 'transient' });
  server.answer = (_, response) => json(response, 200, []);
  const list = fault(client.list(RESOURCES.deployments, { signal }));
  expect(await list).toMatchObject({ kind: 'transient' });
});

test('each request is reported with its size', async () => {
  await client.get(RESOURCES.deployments, key, { signal });
  const { host } = new URL(server.url);
  const bytes = JSON.stringify(web).length;
  const report = { verb: 'get', method: 'GET', host, code: 200, seconds: 0, bytes, retries: 0 };
  expect(reports).toEqual([report]);
});

test('a closed client refuses further calls', async () => {
  await client[Symbol.asyncDispose]();
  const error = await fault(client.get(RESOURCES.deployments, key, { signal }));
  expect(String(error)).toContain('the client is closed');
});
