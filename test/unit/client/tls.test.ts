// Connections over TLS: one for many calls, and new ones when certificates or tokens are replaced.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { Client } from '../../../src/client/client.ts';
import { loadConfig } from '../../../src/client/config.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import { FakeServer, json, selfSigned, status, until } from './fake-server.ts';

const { signal } = new AbortController();
const [first, second] = [selfSigned('first'), selfSigned('second')];

let server: FakeServer;
let clock: VirtualClock;
let client: Client & AsyncDisposable;
let folder: string;

beforeEach(async () => {
  server = await new FakeServer(first).start();
  server.answer = (_, response) => json(response, 200, { metadata: {} });
  clock = new VirtualClock();
  folder = mkdtempSync(join(tmpdir(), 'serin-client-'));
  mount('ca.crt', first.cert);
  mount('token', 'one\n');
  mount('namespace', 'serin-system');
  const { hostname, port } = new URL(server.url);
  const environment = {
    HOME: folder,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
  };
  const options = { environment, clock, serviceAccountFolder: folder };
  const config = await loadConfig(options, signal);
  expect(config.namespace).toBe('serin-system');
  client = httpClient({ config, clock, userAgent: 'serin/test' });
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const mount = (name: string, text: string) => writeFileSync(join(folder, name), text);
const read = () => client.get(RESOURCES.namespaces, { name: 'a' }, { signal });
const lastToken = () => server.asked.at(-1)?.headers['authorization'];

test('three hundred calls in a row use one connection', async () => {
  for (let call = 0; call < 300; call++) await read();
  expect(server.connections).toBe(1);
  expect(server.asked[0]?.headers['user-agent']).toBe('serin/test');
});

test('calls above the hundred streams of one connection open another, not one each', async () => {
  await Promise.all(Array.from({ length: 250 }, read));
  expect(server.connections).toBeLessThanOrEqual(3);
});

test('a silent server gets a new connection, but not one for every slow call', async () => {
  await read();
  for (const connections of [2, 2]) {
    server.answer = () => {};
    const asked = server.asked.length;
    const call = client.get(RESOURCES.namespaces, { name: 'a' }, { signal, deadlineMs: 5000 });
    const thrown = expect(call).rejects.toMatchObject({ kind: 'transient' });
    await until(() => server.asked.length > asked);
    await clock.advance(5000);
    await thrown;
    server.answer = (_, response) => json(response, 200, { metadata: {} });
    await read();
    expect(server.connections).toBe(connections);
  }
});

test('a replaced token is used after a minute', async () => {
  await read();
  mount('token', 'two');
  await clock.advance(59_000);
  await read();
  expect(lastToken()).toBe('Bearer one');
  await clock.advance(1000);
  await read();
  expect(lastToken()).toBe('Bearer two');
  expect(server.connections).toBe(1);
});

test('a refused token is read again at once, and the call repeated once', async () => {
  await read();
  mount('token', 'two');
  server.answer = (asked, response) => {
    if (asked.headers['authorization'] === 'Bearer two') json(response, 200, { metadata: {} });
    else json(response, 401, status(401, 'Unauthorized'));
  };
  await read();
  expect(server.asked.map(({ headers }) => headers['authorization'])).toEqual([
    'Bearer one',
    'Bearer one',
    'Bearer two',
  ]);
  server.answer = (_, response) => json(response, 401, status(401, 'Unauthorized'));
  await expect(read()).rejects.toMatchObject({ kind: 'unauthorized' });
  expect(server.asked.length).toBe(4);
});

test('a token that cannot be read any more is kept', async () => {
  await read();
  rmSync(join(folder, 'token'));
  await clock.advance(120_000);
  await read();
  mount('token', '');
  await clock.advance(120_000);
  await read();
  expect(lastToken()).toBe('Bearer one');
});

test('a replaced CA is trusted after five minutes, on a new connection', async () => {
  await read();
  server.present(second);
  mount('ca.crt', second.cert);
  await clock.advance(299_000);
  await read(); // the old connection still stands
  expect(server.connections).toBe(1);
  await clock.advance(1000);
  await read();
  expect(server.connections).toBe(2);
});

test('a CA that is no certificate leaves the old connections in use', async () => {
  await read();
  mount('ca.crt', '-----BEGIN CERTIFICATE-----\nhalf');
  await clock.advance(300_000);
  await read();
  expect(server.connections).toBe(1);
});

test('a server that the CA does not vouch for is not talked to', async () => {
  server.present(second);
  await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 0 });
  expect(server.asked).toEqual([]);
});
