// The guarded caller against servers that do what servers should not.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { EgressCall } from '../../../src/egress/call.ts';
import { createEgress } from '../../../src/egress/egress.ts';
import { atHome, forever, get } from './calls.ts';
import { type Responder, serve } from './loopback-server.ts';

async function callServer(respond: Responder, change: Partial<EgressCall> = {}) {
  const clock = new VirtualClock();
  await using server = await serve(respond);
  await using egress = createEgress({ clock, policy: atHome });
  const result = await egress.call(get(`${server.url}/a?b=c`, change), forever);
  expect(clock.armed).toBe(0);
  return { result, requests: server.requests, host: server.url.slice('http://'.length) };
}

/** A server below HTTP: writes what it is told as soon as a request comes. */
async function serveBytes(answer: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

test('an answer comes with its status, type and bytes', async () => {
  const { result, requests } = await callServer((response) => {
    response.writeHead(418, { 'content-type': 'Text/Plain; charset=utf-8', 'retry-after': '7' });
    response.end('tea');
  });
  expect(result).toMatchObject({
    kind: 'answer',
    status: 418,
    contentType: 'text/plain',
    cut: false,
    retryAfterMs: 7000,
  });
  expect(requests[0]).toMatchObject({ method: 'GET', url: '/a?b=c', body: '' });
  expect(requests[0]?.headers).toMatchObject({
    'user-agent': 'serin',
    'accept-encoding': 'identity',
  });
});

test('a body and headers are sent as they are', async () => {
  const headers = { 'X-Scope-OrgID': ['a'], 'x-two': ['1', '2'] };
  const change = { method: 'POST', body: '{"ä":1}', headers, reuse: false } as const;
  const { requests } = await callServer((response) => response.end(), change);
  expect(requests[0]).toMatchObject({ method: 'POST', body: '{"ä":1}' });
  const sent = {
    'x-scope-orgid': 'a',
    'x-two': '1, 2',
    'content-length': '8',
    connection: 'close',
  };
  expect(requests[0]?.headers).toMatchObject(sent);
});

test.each([301, 302, 303, 304, 307, 308])('a %i is not followed', async (status) => {
  const { result, requests } = await callServer((response) => {
    response.writeHead(status, { location: 'http://127.0.0.1:1/secret' });
    response.end();
  });
  expect(result).toMatchObject({ kind: 'failure', failure: 'Redirected', status });
  expect(JSON.stringify(result)).not.toContain('secret');
  expect(requests).toHaveLength(1);
});

describe('a body above the limit', () => {
  const huge: Responder = (response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'secret')));
    };
    response.on('drain', more);
    more();
  };

  test('is a failure, and the rest of an endless one is not awaited', async () => {
    const { result } = await callServer(huge);
    expect(result).toMatchObject({ kind: 'failure', failure: 'TooLarge', status: 200 });
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  test('is cut where the caller wants no more', async () => {
    const { result } = await callServer(huge, { overflow: 'cut' });
    expect(result).toMatchObject({ kind: 'answer', status: 200, cut: true });
    expect(result.kind === 'answer' && result.body.length).toBe(1024);
  });

  test('of exactly the limit is none', async () => {
    const { result } = await callServer((response) => response.end(Buffer.alloc(1024)));
    expect(result).toMatchObject({ kind: 'answer', cut: false });
  });
});

test('an encoding that was not asked for is refused, whatever it would unpack to', async () => {
  const { result } = await callServer((response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.end('bomb');
  });
  expect(result).toMatchObject({ kind: 'failure', failure: 'Garbled', status: 200 });
});

describe('the deadline', () => {
  test.each<[string, Responder]>([
    ['no answer at all', () => {}],
    ['a head without a body', (response) => response.writeHead(200).flushHeaders()],
    ['a dripping body', (response) => response.write('1')],
  ])('ends %s', async (_, respond) => {
    const clock = new VirtualClock();
    const arrived = Promise.withResolvers<void>();
    await using server = await serve((response, seen) => {
      respond(response, seen);
      arrived.resolve();
    });
    await using egress = createEgress({ clock, policy: atHome });
    const result = egress.call(get(server.url, { deadlineMs: 3000 }), forever);
    await arrived.promise;
    await clock.advance(2999);
    await clock.advance(1);
    expect(await result).toMatchObject({ kind: 'failure', failure: 'Timeout', status: null });
    expect(clock.armed).toBe(0);
  });

  test('covers a resolver that never answers', async () => {
    const clock = new VirtualClock();
    const asked = Promise.withResolvers<void>();
    const resolver = () => {
      asked.resolve();
      return new Promise<never>(() => {});
    };
    await using egress = createEgress({ clock, policy: atHome, resolver });
    const result = egress.call(get('http://slow.test/'), forever);
    await asked.promise;
    await clock.advance(5000);
    expect(await result).toMatchObject({ failure: 'Timeout' });
  });
});

test('the signal ends a call with its own reason', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const reason = new Error('lease lost');
  await using server = await serve(() => controller.abort(reason));
  await using egress = createEgress({ clock, policy: atHome });
  await expect(egress.call(get(server.url), controller.signal)).rejects.toBe(reason);
  await expect(egress.call(get(server.url), controller.signal)).rejects.toBe(reason);
  expect(server.requests).toHaveLength(1);
  expect(clock.armed).toBe(0);
});

describe('what is not a whole HTTP answer', () => {
  test.each<[string, string, string]>([
    ['another protocol', 'Garbled', 'SSH-2.0-secret\r\n'],
    ['a broken status line', 'Garbled', 'HTTP/1.1 abc secret\r\n\r\n'],
    [
      'two lengths',
      'Unreachable',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nss',
    ],
    [
      'a broken chunk',
      'Garbled',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nsecret',
    ],
    ['a head without end', 'TooLarge', `HTTP/1.1 200 OK\r\nx: ${'secret'.repeat(10_000)}`],
    [
      'a body that breaks off',
      'Unreachable',
      'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nsecret',
    ],
    ['nothing', 'Unreachable', ''],
  ])('%s is %s', async (_, failure, bytes) => {
    await using server = await serveBytes((socket) => socket.end(bytes));
    await using egress = createEgress({ clock: new VirtualClock(), policy: atHome });
    const result = await egress.call(get(server.url), forever);
    expect(result).toMatchObject({ kind: 'failure', failure });
    expect(JSON.stringify(result)).not.toContain('secret');
  });
});

test('nobody at home is unreachable, with the code', async () => {
  const server = await serve(() => {});
  await server[Symbol.asyncDispose]();
  await using egress = createEgress({ clock: new VirtualClock(), policy: atHome });
  const result = await egress.call(get(`${server.url}/secret?secret`), forever);
  expect(result).toEqual({
    kind: 'failure',
    failure: 'Unreachable',
    status: null,
    message: `the connection to 127.0.0.1:${server.port} failed (ECONNREFUSED)`,
  });
});

test.each([
  [
    'does not exist',
    () => Promise.reject(Object.assign(new Error('secret'), { code: 'ENOTFOUND' })),
  ],
  ['has no address', () => Promise.resolve([])],
])('a name that %s is unreachable', async (_, resolver) => {
  await using egress = createEgress({ clock: new VirtualClock(), policy: atHome, resolver });
  const result = await egress.call(get('http://gone.test/'), forever);
  expect(result).toMatchObject({
    failure: 'Unreachable',
    message: 'the connection to gone.test failed (ENOTFOUND)',
  });
});

test('calls that wait for one name ask for it once, and later calls ask again', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<string[]>();
  const resolver = () => {
    asked += 1;
    return answer.promise;
  };
  await using server = await serve((response) => response.end());
  await using egress = createEgress({ clock: new VirtualClock(), policy: atHome, resolver });
  const call = get(`http://busy.test:${server.port}/`, { reuse: false });
  const first = [egress.call(call, forever), egress.call({ ...call, reuse: true }, forever)];
  answer.resolve(['127.0.0.1']);
  for (const result of await Promise.all(first)) expect(result).toMatchObject({ kind: 'answer' });
  expect(asked).toBe(1);
  await egress.call(call, forever);
  expect(asked).toBe(2);
});

describe('headers', () => {
  test.each<[string, Record<string, string[]>]>([
    ['a line break in a value', { 'x-a': ['1\r\nX-Evil: 1'] }],
    ['a bare line feed', { 'x-a': ['1\n2'] }],
    ['a line break in a name', { 'x-a: 1\r\nx-b': ['secret'] }],
    ['an empty name', { '': ['secret'] }],
    ['a NUL', { 'x-a': ['secret\u0000'] }],
    ['a character beyond ASCII', { 'x-a': ['secret\u010a'] }],
    ['a letter that servers read in two ways', { 'x-a': ['secret ä'] }],
    ['Host', { Host: ['secret.test'] }],
    ['Content-Length', { 'Content-Length': ['0'] }],
    ['Transfer-Encoding', { 'transfer-encoding': ['chunked'] }],
    ['Connection', { connection: ['upgrade'] }],
    ['the same name twice', { 'X-A': ['secret'], 'x-a': ['secret'] }],
    ['too much of it', { 'x-a': ['s'.repeat(40_000)] }],
  ])('%s is refused without a request', async (_, headers) => {
    const { result, requests } = await callServer((response) => response.end(), { headers });
    expect(result).toMatchObject({ kind: 'failure', failure: 'Refused', status: null });
    expect(JSON.stringify(result)).not.toMatch(/secret|Evil/);
    expect(requests).toHaveLength(0);
  });
});

describe('connections', () => {
  test.each([
    [true, 1, 2],
    [false, 6, 6],
  ])('with reuse %s, six calls in turn take %i to %i', async (reuse, least, most) => {
    await using server = await serve((response) => response.end('ok'));
    await using egress = createEgress({ clock: new VirtualClock(), policy: atHome });
    for (let round = 0; round < 6; round++) {
      const result = await egress.call(get(server.url, { reuse }), forever);
      expect(result).toMatchObject({ kind: 'answer' });
    }
    expect(server.connections).toBeGreaterThanOrEqual(least);
    expect(server.connections).toBeLessThanOrEqual(most);
  });

  test('disposing ends the idle ones', async () => {
    await using server = await serve((response) => response.end('ok'));
    const egress = createEgress({ clock: new VirtualClock(), policy: atHome });
    await egress.call(get(server.url), forever);
    await egress[Symbol.asyncDispose]();
    expect(await egress.call(get(server.url), forever)).toMatchObject({ kind: 'answer' });
    expect(server.connections).toBe(2);
    await egress[Symbol.asyncDispose]();
  });
});
