// The probes' server, over real connections on a free port: what it answers, refuses, and how it closes.
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import {
  type HealthOptions,
  type HealthServer,
  startHealthServer,
} from '../../../src/controller/health.ts';
import { createLog } from '../../../src/recorder/log.ts';

const never = new AbortController().signal;
const open: HealthServer[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(AbortSignal.abort())));
});

async function start(options: Partial<HealthOptions> = {}) {
  const lines: { message: string }[] = [];
  const server = await startHealthServer(
    {
      host: '127.0.0.1',
      port: 0,
      live: {},
      ready: {},
      metrics: { render: async () => 'serin_info 1\n', contentType: 'text/plain; version=0.0.4' },
      log: createLog({
        clock: new VirtualClock(),
        write: (line) => lines.push(JSON.parse(line)),
      }),
      ...options,
    },
    never,
  );
  open.push(server);
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return { server, ask, lines };
}

/** Sends raw bytes and gives back all that comes until the other side closes. */
function raw(port: number, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve(answer));
  return promise;
}

describe('health', () => {
  test.each(['/healthz', '/livez', '/readyz'])('%s is ok while no check fails', async (path) => {
    const { ask } = await start({ live: { loop: () => null }, ready: { caches: () => null } });
    expect(await ask(path)).toMatchObject({ status: 200, body: 'ok\n' });
  });

  test('a failing readiness check leaves liveness alone', async () => {
    const { ask } = await start({ ready: { caches: () => 'pods not listed', lease: () => null } });
    expect(await ask('/livez')).toMatchObject({ status: 200 });
    expect(await ask('/readyz')).toMatchObject({
      status: 503,
      body: '[-]caches\n[+]lease\nnot ok\n',
    });
  });

  test('all checks are named on request', async () => {
    const { ask } = await start({ live: { loop: () => null } });
    expect((await ask('/livez?verbose')).body).toBe('[+]loop\nok\n');
  });

  test('why a check fails is told to the log, once for each change, and not to the world', async () => {
    let problem: string | null = 'stuck for 61 s';
    const { ask, lines } = await start({ live: { worker: () => problem } });
    expect((await ask('/livez')).body).not.toContain('stuck');
    await ask('/livez');
    problem = null;
    await ask('/livez');
    expect(lines).toMatchObject([
      { message: 'health check fails', check: 'live worker', problem: 'stuck for 61 s' },
      { message: 'health check passes again', check: 'live worker' },
    ]);
  });

  test('a check that throws is a check that fails', async () => {
    const { ask } = await start({
      live: {
        broken: () => {
          throw new Error('broken');
        },
      },
    });
    expect(await ask('/livez')).toMatchObject({ status: 503 });
  });
});

describe('metrics', () => {
  test('are given with the content type of their format', async () => {
    const { ask } = await start();
    const answer = await ask('/metrics');
    expect(answer).toMatchObject({ status: 200, body: 'serin_info 1\n' });
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  });

  test('are rendered once for scrapes that come together', async () => {
    let renders = 0;
    const gate = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const { server } = await start({
      metrics: {
        render: () => {
          renders += 1;
          asked.resolve();
          return gate.promise;
        },
        contentType: 'text/plain',
      },
    });
    const scrape = 'GET /metrics HTTP/1.1\r\nHost: x\r\n';
    // One packet, so all three are there before the first is answered.
    const text = `${scrape}\r\n${scrape}\r\n${scrape}Connection: close\r\n\r\n`;
    const answer = raw(server.port, text);
    await asked.promise;
    gate.resolve('x 1\n');
    expect((await answer).match(/x 1/g)).toHaveLength(3);
    expect(renders).toBe(1);
  });

  test('that cannot be rendered are a 500, and the next scrape works', async () => {
    let broken = true;
    const { ask } = await start({
      metrics: {
        render: async () => {
          if (broken) throw new Error('secret detail');
          return 'x 1\n';
        },
        contentType: 'text/plain',
      },
    });
    expect(await ask('/metrics')).toMatchObject({ status: 500, body: 'failed\n' });
    broken = false;
    expect(await ask('/metrics')).toMatchObject({ status: 200 });
  });
});

describe('anything else', () => {
  test.each(['/', '/metrics/', '/healthz/x', '/%2e%2e/etc/passwd', '//metrics'])(
    'GET %s is not found',
    async (path) => {
      const { ask } = await start();
      expect((await ask(path)).status).toBe(404);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
    const { ask } = await start();
    const answer = await ask('/metrics', method);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test('a HEAD has no body', async () => {
    const { ask } = await start();
    const answer = await ask('/healthz', 'HEAD');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers.get('content-length')).toBe('3');
  });

  test('a body is not read, and its connection is closed', async () => {
    const { server } = await start();
    const answer = await raw(
      server.port,
      'GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/connection: close/i);
  });

  test('huge headers are refused', async () => {
    const { server } = await start();
    const answer = await raw(
      server.port,
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('closing', () => {
  test('waits for an answer under way and takes nothing new', async () => {
    const gate = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    const { server, ask } = await start({
      metrics: {
        render: () => {
          asked.resolve();
          return gate.promise;
        },
        contentType: 'text/plain',
      },
    });
    const scrape = ask('/metrics');
    await asked.promise;
    const closed = server.close(never);
    await expect(ask('/healthz')).rejects.toThrow('fetch failed');
    gate.resolve('x 1\n');
    const answer = await scrape;
    expect(answer.body).toBe('x 1\n');
    // Otherwise an idle connection would hold up the end until its client lets go.
    expect(answer.headers.get('connection')).toBe('close');
    await closed;
  });

  test('cuts off what is still open when its time is up', async () => {
    const asked = Promise.withResolvers<void>();
    const { server, ask } = await start({
      metrics: {
        render: () => {
          asked.resolve();
          return new Promise(() => {});
        },
        contentType: 'text/plain',
      },
    });
    const scrape = expect(ask('/metrics')).rejects.toThrow('fetch failed');
    await asked.promise;
    await server.close(AbortSignal.abort());
    await scrape;
  });
});

test('a port that is taken is said so', async () => {
  const { server } = await start();
  await expect(start({ port: server.port })).rejects.toThrow(
    `listen on 127.0.0.1:${server.port} for health`,
  );
});
