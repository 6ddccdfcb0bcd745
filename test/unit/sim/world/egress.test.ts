// The model's way out: metrics server and hooks in process, outages, deadlines, and nothing else.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../../src/clock/virtual-clock.ts';
import type { EgressCall } from '../../../../src/egress/call.ts';
import { createPrometheus } from '../../../../src/metrics/prometheus.ts';
import { MetricsSource } from '../../../../src/sim/world/metrics-source.ts';
import { createSimEgress } from '../../../../src/sim/world/sim-egress.ts';
import { Webhooks } from '../../../../src/sim/world/webhooks.ts';

const never = new AbortController().signal;
const calm: EgressCall = {
  method: 'POST',
  url: 'http://hooks.test/gate',
  headers: { 'content-type': ['application/json'] },
  body: '{"name":"web"}',
  bodyBytesMax: 16,
  overflow: 'cut',
  deadlineMs: 5000,
  insecureSkipVerify: false,
  ca: null,
  reuse: false,
};

function start(delayMs = 0) {
  const clock = new VirtualClock();
  const hooks = new Webhooks(clock);
  const metrics = new MetricsSource({ clock, traffic: [] });
  const egress = createSimEgress({ clock, hooks, metrics, delayMs: () => delayMs });
  return { clock, hooks, metrics, egress };
}

/** What a call came to, and when; null = nothing yet. */
function follow({ clock, egress }: ReturnType<typeof start>, change: Partial<EgressCall> = {}) {
  const seen: { end: unknown; atMs: number } = { end: null, atMs: -1 };
  const done = egress.call({ ...calm, ...change }, never).then((end) => {
    seen.end =
      end.kind === 'answer' ? [end.status, new TextDecoder().decode(end.body)] : end.failure;
    seen.atMs = clock.monotonicMs();
  });
  return { seen, done };
}

test('a hook answers as scripted, after its delay, and remembers what it was asked', async () => {
  const world = start();
  world.hooks.script('gate', [
    { status: 500, body: 'no' },
    { status: 200, body: 'a body that is too long', delayMs: 2000 },
  ]);
  const first = follow(world);
  await first.done;
  expect(first.seen).toEqual({ end: [500, 'no'], atMs: 0 });
  for (const startMs of [0, 2000]) {
    const next = follow(world);
    await world.clock.advance(2000);
    expect(next.seen).toEqual({ end: [200, 'a body that is t'], atMs: startMs + 2000 });
  }
  expect(world.hooks.calls('gate').map(({ atMs, body }) => [atMs, body])).toEqual([
    [0, '{"name":"web"}'],
    [0, '{"name":"web"}'],
    [2000, '{"name":"web"}'],
  ]);
  const unknown = follow(world, { url: 'http://hooks.test/other' });
  await unknown.done;
  expect(unknown.seen.end).toEqual([404, 'no such hook']);
  expect(world.clock.armed).toBe(0);
});

test('a hook that hangs ends at the deadline, or with the signal and its reason', async () => {
  const world = start();
  world.hooks.script('gate', 'hang');
  const { seen } = follow(world);
  await world.clock.advance(4999);
  expect(seen.end).toBeNull();
  await world.clock.advance(1);
  expect(seen).toEqual({ end: 'Timeout', atMs: 5000 });
  const stop = new AbortController();
  const call = world.egress.call(calm, stop.signal);
  stop.abort(new Error('leader no more'));
  await expect(call).rejects.toThrow('leader no more');
  expect(world.clock.armed).toBe(0);
});

test('whatever is no part of the model is refused', async () => {
  const world = start();
  const urls = [
    'http://web.shop/',
    'https://hooks.test/gate',
    'http://hooks-b.test/gate',
    'file:///x',
  ];
  for (const url of urls) {
    const { seen, done } = follow(world, { url });
    await done;
    expect([url, seen.end]).toEqual([url, 'Refused']);
  }
  const { seen, done } = follow(world, { headers: { host: ['x'] } });
  await done;
  expect(seen.end).toBe('Refused');
  expect(world.hooks.calls()).toEqual([]);
});

test('redirects and bodies that are too large are failures, as with real servers', async () => {
  const world = start();
  world.hooks.script('gate', [{ status: 302 }, { status: 200, body: 'x'.repeat(17) }]);
  const ends: unknown[] = [];
  for (let turn = 0; turn < 2; turn += 1) {
    const { seen, done } = follow(world, { overflow: 'fail' });
    await done;
    ends.push(seen.end);
  }
  expect(ends).toEqual(['Redirected', 'TooLarge']);
});

test('outages come and go for each host by itself, and cut what is under way', async () => {
  const world = start(100);
  world.hooks.script('gate', { status: 200 });
  const under = follow(world);
  await world.clock.advance(50);
  world.egress.away('hooks', 'unreachable');
  await under.done;
  expect(under.seen).toEqual({ end: 'Unreachable', atMs: 50 });
  world.egress.away('hooks', 'unavailable');
  const busy = follow(world);
  await world.clock.advance(100);
  expect(busy.seen.end).toMatchObject([503, {}]);
  world.egress.away('hooks', 'silent');
  const silent = follow(world);
  await world.clock.advance(5000);
  expect(silent.seen.end).toBe('Timeout');
  world.egress.away('hooks', null);
  const back = follow(world);
  await world.clock.advance(100);
  expect(back.seen.end).toEqual([200, '']);
  expect(world.clock.armed).toBe(0);
});

test('the metric source of Serin reads the metrics server, by GET and by POST', async () => {
  const { clock, egress, metrics } = start();
  const source = createPrometheus({ clock, egress });
  const long = `sum(x{pod=~"${'a|'.repeat(3000)}ä"})`;
  metrics.script('up', 7);
  metrics.script(long, 8);
  const values: unknown[] = [];
  for (const text of ['up', long]) {
    const query = {
      text,
      address: 'http://prometheus.monitoring:9090/base',
      headers: {},
      credentials: { token: 't' },
      insecureSkipVerify: false,
      ca: null,
      region: null,
      extra: {},
    };
    values.push(await source.query(query, { signal: never, deadlineMs: 1000 }));
  }
  expect(values).toEqual([
    { kind: 'number', value: 7 },
    { kind: 'number', value: 8 },
  ]);
});
