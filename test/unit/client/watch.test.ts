// A watch gives every event as it was sent, ends in the right way, and lets go of its stream.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { Client, WatchEvent, WatchOptions } from '../../../src/client/client.ts';
import { sourceCredentials } from '../../../src/client/credentials.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import {
  type Certificate,
  configFor,
  FakeServer,
  json,
  type Response,
  selfSigned,
  status,
  until,
} from './fake-server.ts';

const PING_MS = 10;
const { signal } = new AbortController();
const certificate: Certificate = selfSigned('watch');

function line(type: string, name: string, text = ''): string {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text } };
  return `${JSON.stringify({ type, object })}\n`;
}

const shown = (event: WatchEvent) =>
  event.type === 'ERROR'
    ? `ERROR ${event.status.code}`
    : `${event.type} ${event.object.metadata.name}`;

describe.each([
  ['HTTP/1.1', null],
  ['HTTP/2', certificate],
])('over %s', (_, tls) => {
  let server: FakeServer;
  let clock: VirtualClock;
  let client: Client & AsyncDisposable;
  let streams: Response[];
  let closed: number;

  beforeEach(async () => {
    server = await new FakeServer(tls).start();
    clock = new VirtualClock();
    streams = [];
    closed = 0;
    server.answer = (_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.on('close', () => closed++);
      response.flushHeaders();
      streams.push(response);
    };
    client = opening(PING_MS);
  });
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  function opening(pingMs: number): Client & AsyncDisposable {
    const none = { kind: 'none' } as const;
    const ca = tls === null ? none : ({ kind: 'value', text: tls.cert } as const);
    const sources = { token: none, basic: null, ca, cert: none, key: none, impersonation: {} };
    const credentials = sourceCredentials(sources, clock);
    return httpClient({ config: configFor(server, clock, { credentials }), clock, pingMs });
  }

  /** Reads in the background; `end` is null or what was thrown. */
  function follow(over: Partial<WatchOptions> = {}, by: Client = client) {
    const events: WatchEvent[] = [];
    const options = { signal, timeoutSeconds: 300, ...over };
    const end = (async () => {
      try {
        for await (const event of by.watch(RESOURCES.configMaps, options)) events.push(event);
        return null;
      } catch (error) {
        return error;
      }
    })();
    return { events, end };
  }

  async function opened(count = 1): Promise<Response> {
    await until(() => streams.length === count);
    return streams[count - 1]!;
  }

  test('events come whole, also when a chunk ends inside a character', async () => {
    const { events, end } = follow();
    const stream = await opened();
    const bytes = Buffer.from(line('ADDED', 'a', 'grün🟢') + line('MODIFIED', 'b'));
    const cut = bytes.indexOf(Buffer.from('🟢')) + 2;
    stream.write(bytes.subarray(0, cut));
    await until(() => clock.armed > 0);
    stream.write(bytes.subarray(cut));
    await until(() => events.length === 2);
    stream.end();
    expect(await end).toBeNull();
    expect(events.map(shown)).toEqual(['ADDED a', 'MODIFIED b']);
    expect(events[0]).toMatchObject({ object: { data: { text: 'grün🟢' } } });
    expect(clock.armed).toBe(0);
  });

  test('the server is asked for bookmarks and an end of its own', async () => {
    const { end } = follow({ resourceVersion: '5', namespace: 'shop', sendInitialEvents: true });
    (await opened()).end();
    await end;
    expect(server.asked[0]?.url).toBe(
      '/api/v1/namespaces/shop/configmaps?resourceVersion=5&watch=true&allowWatchBookmarks=true&sendInitialEvents=true&timeoutSeconds=300',
    );
  });

  test('an error inside the stream is an event, not an exception', async () => {
    const { events, end } = follow();
    const stream = await opened();
    stream.write(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`);
    stream.end();
    expect(await end).toBeNull();
    expect(events).toMatchObject([{ type: 'ERROR', status: { code: 410, reason: 'Expired' } }]);
  });

  test('a refused watch throws the error by kind', async () => {
    server.answer = (_asked, response) => json(response, 403, status(403, 'Forbidden'));
    expect(await follow().end).toMatchObject({ kind: 'forbidden', code: 403 });
  });

  test('silence beyond the idle limit is transient, and the next call gets a new connection', async () => {
    const { events, end } = follow({ idleMs: 1000 });
    const stream = await opened();
    await until(() => clock.nextShotInMs() === 1000);
    await clock.advance(900);
    stream.write(line('BOOKMARK', 'x'));
    await until(() => clock.nextShotInMs() === 1000);
    await clock.advance(999);
    expect(events.map(shown)).toEqual(['BOOKMARK x']);
    await clock.advance(1);
    const error = await end;
    expect(error).toMatchObject({ kind: 'transient' });
    expect(String(error)).toContain('not a byte for 1000 ms');
    server.answer = (_asked, response) => json(response, 200, { metadata: {} });
    await client.get(RESOURCES.namespaces, { name: 'a' }, { signal });
    expect(server.connections).toBe(2);
    expect(clock.armed).toBe(0);
  });

  describe('that the server has nothing to tell on', () => {
    const quiet = { idleMs: 85_000, timeoutSeconds: 300 };
    /** A ping has been answered: others were sent after it. */
    const ping = async (): Promise<void> => {
      const before = server.pings;
      if (tls !== null) await until(() => server.pings >= before + 3);
    };

    test('lives on while its connection answers pings, and not longer than the server lets it', async () => {
      let alive = 0;
      const { end } = follow({ ...quiet, onAlive: () => alive++ });
      await opened();
      await until(() => clock.nextShotInMs() === 85_000);
      await clock.advance(60_000);
      await ping();
      await clock.advance(25_000);
      expect(alive).toBe(tls === null ? 0 : 1);
      if (tls === null) return expect(await end).toMatchObject({ kind: 'transient' });
      for (let second = 85; second < 305; second += 20) {
        await ping();
        await clock.advance(20_000);
      }
      expect(await end).toMatchObject({ kind: 'transient' });
      expect(alive).toBe(11);
      expect(clock.armed).toBe(0);
    });

    test('ends at its idle limit where no ping is answered', async () => {
      await using mute = opening(0);
      const { end } = follow({ ...quiet, onAlive: () => undefined }, mute);
      await opened();
      await until(() => clock.nextShotInMs() === 85_000);
      await clock.advance(85_000);
      expect(await end).toMatchObject({ kind: 'transient' });
    });

    test('ends by silence once the server has told something in the middle', async () => {
      const { events, end } = follow({ ...quiet, onAlive: () => undefined });
      const stream = await opened();
      await until(() => clock.nextShotInMs() === 85_000);
      await clock.advance(60_000);
      stream.write(line('BOOKMARK', 'x'));
      await until(() => events.length === 1 && clock.nextShotInMs() === 85_000);
      await clock.advance(60_000);
      await ping();
      await clock.advance(25_000);
      expect(await end).toMatchObject({ kind: 'transient' });
    });
  });

  test('time that the consumer takes for an event does not count as silence', async () => {
    const watch = client.watch(RESOURCES.configMaps, { signal, timeoutSeconds: 300, idleMs: 1000 });
    const iterator = watch[Symbol.asyncIterator]();
    const first = iterator.next();
    (await opened()).write(line('ADDED', 'a') + line('ADDED', 'b'));
    await first;
    await clock.advance(60_000);
    expect((await iterator.next()).value).toMatchObject({ type: 'ADDED' });
    await clock.advance(60_000);
    const third = iterator.next();
    streams[0]?.write(line('DELETED', 'a'));
    expect((await third).value).toMatchObject({ type: 'DELETED' });
    await iterator.return?.();
    expect(clock.armed).toBe(0);
  });

  test('an abort throws the reason and resets the stream', async () => {
    const stop = new AbortController();
    const { end } = follow({ signal: stop.signal });
    await opened();
    stop.abort('leaving');
    expect(await end).toBe('leaving');
    await until(() => closed === 1);
    expect(clock.armed).toBe(0);
  });

  test('a consumer that has seen enough resets the stream', async () => {
    const seen = (async () => {
      const options = { signal, timeoutSeconds: 300 };
      for await (const event of client.watch(RESOURCES.configMaps, options)) return shown(event);
      return 'nothing';
    })();
    (await opened()).write(line('ADDED', 'a') + line('ADDED', 'b'));
    expect(await seen).toBe('ADDED a');
    await until(() => closed === 1);
    expect(clock.armed).toBe(0);
  });

  test('a stream that breaks off is transient', async () => {
    const { events, end } = follow();
    const stream = await opened();
    stream.write(line('ADDED', 'a'));
    await until(() => events.length === 1);
    for (const socket of server.open) socket.destroy();
    expect(await end).toMatchObject({ kind: 'transient' });
  });

  test.each(['{"type":', '{"type":"ADDED"}\n', '{"type":"NEW","object":{}}\n', '[]\n'])(
    'a stream that sends %j is transient, never an event',
    async (text) => {
      const { events, end } = follow();
      const stream = await opened();
      stream.write(text);
      stream.end();
      expect(await end).toMatchObject({ kind: 'transient' });
      expect(events).toEqual([]);
    },
  );

  test('a line that never ends is given up', async () => {
    const { end } = follow();
    const stream = await opened();
    stream.write(Buffer.alloc(17 * 1024 * 1024, 'x'));
    const error = await end;
    expect(error).toMatchObject({ kind: 'transient' });
    expect(String(error)).toContain('a line is longer than 16777216 bytes');
    await until(() => closed === 1);
  });

  test('a watch outlives the deadline of its opening', async () => {
    const { events, end } = follow({ deadlineMs: 100, idleMs: 10_000 });
    const stream = await opened();
    await until(() => clock.nextShotInMs() === 10_000);
    await clock.advance(5000);
    stream.write(line('ADDED', 'a'));
    await until(() => events.length === 1);
    stream.end();
    expect(await end).toBeNull();
  });

  test('a watch that the server does not open ends at its deadline', async () => {
    server.answer = () => {};
    const { end } = follow({ deadlineMs: 100 });
    await until(() => server.asked.length === 1);
    await clock.advance(100);
    expect(await end).toMatchObject({ kind: 'transient' });
    expect(clock.armed).toBe(0);
  });
});

test('a server that says goodbye ends no watch, and keeps nothing new waiting for its end', async () => {
  const clock = new VirtualClock();
  await using server = await new FakeServer(certificate).start();
  const streams: Response[] = [];
  server.answer = (asked, response) => {
    if (!asked.url.includes('watch='))
      return json(response, 200, { kind: 'ConfigMap', metadata: {} });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    streams.push(response);
  };
  const none = { kind: 'none' } as const;
  const ca = { kind: 'value', text: certificate.cert } as const;
  const sources = { token: none, basic: null, ca, cert: none, key: none, impersonation: {} };
  const credentials = sourceCredentials(sources, clock);
  await using client = httpClient({ config: configFor(server, clock, { credentials }), clock });
  const watch = (): AsyncIterator<WatchEvent> =>
    client.watch(RESOURCES.configMaps, { signal, timeoutSeconds: 300 })[Symbol.asyncIterator]();
  const [first, second] = [watch(), watch()];
  const events = [first.next(), second.next()];
  await until(() => streams.length === 2);
  server.goAway();
  const third = watch();
  const event = third.next();
  await until(() => streams.length === 3);
  await client.get(RESOURCES.configMaps, { namespace: 'shop', name: 'web' }, { signal });
  for (const stream of streams) stream.write(line('ADDED', 'late'));
  for (const each of [...events, event]) expect(shown((await each).value)).toBe('ADDED late');
  for (const each of [first, second, third]) await each.return?.();
});
