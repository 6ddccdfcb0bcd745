// Hooks against real servers on loopback: Flagger's meaning of yes, its retries, and nothing told of the answer.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createEgress } from '../../../src/egress/egress.ts';
import { createHookCaller, type HookRequest } from '../../../src/webhooks/caller.ts';
import { atHome, forever, inCluster, passingWaits } from '../egress/calls.ts';
import { TEST_CERT, TEST_KEY } from '../egress/certificates.ts';
import { type Responder, serve } from '../egress/loopback-server.ts';

const payload = {
  name: 'web',
  namespace: 'shop',
  phase: 'Progressing',
  checksum: '0123456789abcdef',
  metadata: { type: 'bash' },
} as const;

function hook(url: string, change: Partial<HookRequest['hook']> = {}): HookRequest {
  const calm = { name: 'acceptance', url, timeoutMs: 60_000, retries: 0, disableTLS: false };
  return { hook: { ...calm, ...change }, payload };
}

async function callServer(respond: Responder, change: Partial<HookRequest['hook']> = {}) {
  const clock = new VirtualClock();
  await using server = await serve(respond);
  await using egress = createEgress({ clock, policy: atHome });
  const call = createHookCaller({ clock, egress });
  const request = hook(`${server.url}/gate?token=planted-secret`, change);
  const outcome = await passingWaits(clock, 30_000, call(request, forever));
  expect(clock.armed).toBe(0);
  expect(outcome.message).not.toContain('planted-secret');
  return { outcome, requests: server.requests, waitedMs: clock.monotonicMs() };
}

test('the payload is posted as JSON', async () => {
  const { requests } = await callServer((response) => response.end());
  expect(requests).toMatchObject([{ method: 'POST', url: '/gate?token=planted-secret' }]);
  expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
  expect(JSON.parse(requests[0]?.body ?? '')).toEqual(payload);
});

test.each([
  [200, true],
  [201, true],
  [202, true],
  [203, false],
  [204, false],
  [206, false],
  [302, false],
  [400, false],
  [403, false],
  [404, false],
  [418, false],
  [500, false],
  [501, false],
  [599, false],
])('%i: %s', async (status, ok) => {
  const { outcome, requests } = await callServer((response) => {
    response.writeHead(status, { location: 'http://planted-secret.test/' });
    response.end(status === 204 ? undefined : 'planted-secret');
  });
  expect(outcome).toMatchObject({ ok, status });
  expect(outcome.message).toContain(`${status}`);
  expect(outcome.message).toContain('hook acceptance');
  expect(requests).toHaveLength(1);
});

test('a message tells status and length', async () => {
  const { outcome } = await callServer((response) => {
    response.writeHead(500).end('planted-secret');
  });
  expect(outcome).toEqual({
    ok: false,
    status: 500,
    message: 'hook acceptance answered 500 (14 bytes)',
  });
});

test('a long output behind a yes is a yes, and is not read to its end', async () => {
  const { outcome } = await callServer((response) => response.end(Buffer.alloc(1_000_000, 'x')));
  expect(outcome).toMatchObject({
    ok: true,
    message: 'hook acceptance answered 200 (65536+ bytes)',
  });
});

test('a yes that breaks off is none', async () => {
  const { outcome } = await callServer((response) => {
    response.writeHead(200, { 'content-length': '99' });
    response.write('half', () => response.destroy());
  });
  expect(outcome).toMatchObject({ ok: false, status: null });
});

describe('retries', () => {
  test.each([500, 502, 503, 504, 429])(
    'a %i is tried again, as often as allowed',
    async (status) => {
      const respond: Responder = (response) => response.writeHead(status).end();
      const { outcome, requests, waitedMs } = await callServer(respond, { retries: 3 });
      expect(outcome).toMatchObject({ ok: false, status });
      expect(requests).toHaveLength(4);
      expect(waitedMs).toBe(1000 + 2000 + 4000);
    },
  );

  test('so is a broken connection, until an answer comes', async () => {
    let calls = 0;
    const { outcome, waitedMs } = await callServer(
      (response) => {
        calls += 1;
        if (calls < 3) response.destroy();
        else response.end();
      },
      { retries: 5 },
    );
    expect(outcome).toMatchObject({ ok: true, status: 200 });
    expect(waitedMs).toBe(3000);
  });

  test.each([203, 302, 400, 403, 404, 501])('a %i is an answer', async (status) => {
    const respond: Responder = (response) => response.writeHead(status).end();
    const { requests } = await callServer(respond, { retries: 3 });
    expect(requests).toHaveLength(1);
  });

  test('waits double up to 30 s', async () => {
    const respond: Responder = (response) => response.writeHead(500).end();
    const { waitedMs } = await callServer(respond, { retries: 7 });
    expect(waitedMs).toBe((1 + 2 + 4 + 8 + 16 + 30 + 30) * 1000);
  });

  test.each([
    ['7', 7000],
    ['86400', 30_000],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 1000],
    ['-1', 1000],
  ])('a Retry-After of %s is heard', async (retryAfter, expected) => {
    const respond: Responder = (response) => {
      response.writeHead(429, { 'retry-after': retryAfter }).end();
    };
    const { waitedMs } = await callServer(respond, { retries: 1 });
    expect(waitedMs).toBe(expected);
  });
});

test('each try has its own timeout', async () => {
  const clock = new VirtualClock();
  let arrived = Promise.withResolvers<void>();
  await using server = await serve(() => arrived.resolve());
  await using egress = createEgress({ clock, policy: atHome });
  const call = createHookCaller({ clock, egress });
  const called = call(hook(server.url, { timeoutMs: 10_000, retries: 1 }), forever);
  await arrived.promise;
  arrived = Promise.withResolvers<void>();
  await clock.advance(10_000);
  while (clock.nextShotInMs() === null) await clock.advance(0);
  await clock.advance(1000);
  await arrived.promise;
  await clock.advance(10_000);
  const message = `hook acceptance: 127.0.0.1:${server.port} did not answer within 10000 ms`;
  expect(await called).toEqual({ ok: false, status: null, message });
  expect(server.requests).toHaveLength(2);
});

test('the signal ends a wait with its own reason', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const reason = new Error('revision is gone');
  await using server = await serve((response) => response.writeHead(500).end());
  await using egress = createEgress({ clock, policy: atHome });
  const call = createHookCaller({ clock, egress });
  const called = call(hook(server.url, { retries: 3 }), controller.signal);
  const rejected = expect(called).rejects.toBe(reason);
  while (clock.nextShotInMs() !== 1000) await clock.advance(0);
  controller.abort(reason);
  await rejected;
  expect(server.requests).toHaveLength(1);
  expect(clock.armed).toBe(0);
});

test.each(['http://127.0.0.1/', 'http://169.254.169.254/', 'http://u:planted-secret@x.test/', ''])(
  '%s is refused and not tried again',
  async (url) => {
    const clock = new VirtualClock();
    await using egress = createEgress({ clock, policy: inCluster });
    const call = createHookCaller({ clock, egress });
    const outcome = await call(hook(url, { retries: 5 }), forever);
    expect(outcome).toMatchObject({ ok: false, status: null });
    expect(outcome.message).not.toContain('planted-secret');
  },
);

test.each([
  [true, { ok: true, status: 200 }],
  [false, { ok: false, status: null }],
])('with disableTLS %s, a self-made certificate gives %j', async (disableTLS, expected) => {
  const clock = new VirtualClock();
  const tls = { key: TEST_KEY, cert: TEST_CERT };
  await using server = await serve((response) => response.end(), tls);
  await using egress = createEgress({ clock, policy: atHome });
  const call = createHookCaller({ clock, egress });
  expect(await call(hook(server.url, { disableTLS }), forever)).toMatchObject(expected);
});
