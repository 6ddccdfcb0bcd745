// The Prometheus source against real servers on loopback.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createEgress } from '../../../src/egress/egress.ts';
import { createPrometheus } from '../../../src/metrics/prometheus.ts';
import type { Query } from '../../../src/metrics/source.ts';
import { atHome, forever, inCluster, passingWaits } from '../egress/calls.ts';
import { TEST_CA, TEST_CERT, TEST_KEY } from '../egress/certificates.ts';
import { type Responder, serve } from '../egress/loopback-server.ts';
import { BAD_ANSWERS, vector } from './answers.ts';

const calm: Query = {
  text: 'sum(rate(http_requests_total[1m]))',
  address: 'http://unset.test',
  headers: {},
  credentials: {},
  insecureSkipVerify: false,
  ca: null,
  region: null,
  extra: {},
};

const ok: Responder = (response) => response.end(vector('42'));

/** Asks a server of its own; waits between tries pass at once, and their sum is told. */
async function ask(respond: Responder, change: Partial<Query> = {}, path = '') {
  const clock = new VirtualClock();
  await using server = await serve(respond);
  await using egress = createEgress({ clock, policy: atHome });
  const source = createPrometheus({ clock, egress });
  const query = { ...calm, address: server.url + path, ...change };
  const options = { signal: forever, deadlineMs: 5000 };
  const sample = await passingWaits(clock, 500, source.query(query, options));
  return { sample, requests: server.requests, waitedMs: clock.monotonicMs(), clock };
}

test('a short query goes by GET, below the path of the address, beside its parameters', async () => {
  const { sample, requests, clock } = await ask(ok, {}, '/base/?dedup=true');
  expect(sample).toEqual({ kind: 'number', value: 42 });
  const search = '?dedup=true&query=sum%28rate%28http_requests_total%5B1m%5D%29%29';
  expect(requests).toMatchObject([{ method: 'GET', url: `/base/api/v1/query${search}`, body: '' }]);
  expect(clock.armed).toBe(0);
});

test('a long query goes by POST as a form', async () => {
  const text = `sum({x=~"${'a|'.repeat(3000)}ä&b=c"})`;
  const { sample, requests } = await ask(ok, { text });
  expect(sample).toMatchObject({ kind: 'number' });
  expect(requests).toMatchObject([{ method: 'POST', url: '/api/v1/query' }]);
  expect(requests[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(new URLSearchParams(requests[0]?.body).get('query')).toBe(text);
});

test('line breaks in a query stay where they are: a comment would swallow the rest', async () => {
  const text = 'sum(x) # of all\n/ sum(y)';
  const { requests } = await ask(ok, { text: `\n${text}\n` });
  const sent = new URL(requests[0]?.url ?? '', 'http://x.test').searchParams.get('query');
  expect(sent).toBe(text);
});

describe('credentials', () => {
  const basic = `Basic ${Buffer.from('me:p ä').toString('base64')}`;
  test.each<[string, Record<string, string>, string | undefined]>([
    ['none', {}, undefined],
    ['a token', { token: 'abc\n' }, 'Bearer abc'],
    ['username and password', { username: 'me\n', password: 'p ä\n' }, basic],
    ['both: the token', { token: 'abc', username: 'me', password: 'p' }, 'Bearer abc'],
  ])('%s', async (_, credentials, expected) => {
    const { requests } = await ask(ok, { credentials });
    expect(requests[0]?.headers.authorization).toBe(expected);
  });

  test.each<[string, Record<string, string>]>([
    ['a token with a line break', { token: 'planted\r\nX-Evil: secret' }],
    ['a token with a space', { token: 'planted secret' }],
    ['no password', { username: 'planted-secret' }],
    ['no username', { password: 'planted-secret' }],
    ['a colon in the username', { username: 'planted:secret', password: 'p' }],
    ['other keys', { key: 'planted-secret' }],
    ['an empty token', { token: ' ' }],
  ])('%s: refused without a request, and not told', async (_, credentials) => {
    const { sample, requests } = await ask(ok, { credentials });
    expect(sample).toMatchObject({ kind: 'none', reason: 'Refused' });
    expect(JSON.stringify(sample)).not.toMatch(/planted|Evil/);
    expect(requests).toHaveLength(0);
  });

  test('they win over a header of the same name, and leave the query as it was', async () => {
    const headers = Object.freeze({ Authorization: ['Bearer old'], 'X-Scope-OrgID': ['a'] });
    const { requests } = await ask(ok, { headers, credentials: { token: 'new' } });
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer new',
      'x-scope-orgid': 'a',
    });
  });

  test('without them a header may carry its own', async () => {
    const { requests } = await ask(ok, { headers: { Authorization: ['Bearer own'] } });
    expect(requests[0]?.headers.authorization).toBe('Bearer own');
  });
});

test.each(BAD_ANSWERS)('%s (%i) is no number', async (_, status, body, reason) => {
  const { sample, clock } = await ask((response) => {
    response.writeHead(status, { location: 'http://planted-secret.test/' });
    response.end(body);
  });
  expect(sample).toMatchObject({ kind: 'none', reason });
  expect(JSON.stringify(sample)).not.toContain('planted-secret');
  expect(clock.armed).toBe(0);
});

describe('tries', () => {
  test('an outage that passes costs two waits', async () => {
    let calls = 0;
    const { sample, waitedMs, requests } = await ask((response) => {
      calls += 1;
      if (calls < 3) response.writeHead(503).end();
      else response.end(vector('1'));
    });
    expect(sample).toEqual({ kind: 'number', value: 1 });
    expect(requests).toHaveLength(3);
    expect(waitedMs).toBe(750);
  });

  test('one that stays is told after the third', async () => {
    const { sample, requests } = await ask((response) => response.destroy());
    expect(sample).toMatchObject({ reason: 'Unreachable' });
    expect(requests).toHaveLength(3);
  });

  test.each([400, 401, 404, 422, 200])('a %i is not asked again', async (status) => {
    const { requests } = await ask((response) => response.writeHead(status).end());
    expect(requests).toHaveLength(1);
  });

  test('no wait goes beyond the deadline', async () => {
    const clock = new VirtualClock();
    await using server = await serve((response) => response.writeHead(500).end());
    await using egress = createEgress({ clock, policy: atHome });
    const source = createPrometheus({ clock, egress });
    const query = { ...calm, address: server.url };
    const sample = await source.query(query, { signal: forever, deadlineMs: 250 });
    expect(sample).toMatchObject({ reason: 'Unreachable' });
    expect(server.requests).toHaveLength(1);
  });
});

test('silence ends with the deadline', async () => {
  const clock = new VirtualClock();
  const arrived = Promise.withResolvers<void>();
  await using server = await serve(() => arrived.resolve());
  await using egress = createEgress({ clock, policy: atHome });
  const source = createPrometheus({ clock, egress });
  const query = { ...calm, address: server.url };
  const asked = source.query(query, { signal: forever, deadlineMs: 5000 });
  await arrived.promise;
  await clock.advance(5000);
  expect(await asked).toMatchObject({ kind: 'none', reason: 'Timeout' });
  expect(server.requests).toHaveLength(1);
  expect(clock.armed).toBe(0);
});

test('the signal ends a wait between tries with its own reason', async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const reason = new Error('lease lost');
  await using server = await serve((response) => response.writeHead(503).end());
  await using egress = createEgress({ clock, policy: atHome });
  const source = createPrometheus({ clock, egress });
  const query = { ...calm, address: server.url };
  const asked = source.query(query, { signal: controller.signal, deadlineMs: 5000 });
  const rejected = expect(asked).rejects.toBe(reason);
  // The wait is armed beside the deadline of the whole query.
  while (clock.nextShotInMs() !== 250) await clock.advance(0);
  controller.abort(reason);
  await rejected;
  expect(clock.armed).toBe(0);
});

test.each<[string, Partial<Query>, string]>([
  ['an empty query', { text: ' \n' }, 'BadQuery'],
  ['an endless query', { text: 'x'.repeat(70_000) }, 'BadQuery'],
  ['no address', { address: '' }, 'Refused'],
  ['half an address', { address: 'prometheus:9090' }, 'Refused'],
  ['an address with a line break', { address: 'http://x.test/\r\nplanted-secret' }, 'Refused'],
  ['an address with a password', { address: 'http://me:planted-secret@x.test/' }, 'Refused'],
  ['an address in this host', { address: 'http://127.0.0.1:9090' }, 'Refused'],
  ['a header of the connection', { headers: { Host: ['planted-secret'] } }, 'Refused'],
])('%s is not asked', async (_, change, reason) => {
  const clock = new VirtualClock();
  const resolver = () => Promise.reject(new Error('resolved'));
  await using egress = createEgress({ clock, policy: inCluster, resolver });
  const source = createPrometheus({ clock, egress });
  const options = { signal: forever, deadlineMs: 5000 };
  const sample = await source.query({ ...calm, ...change }, options);
  expect(sample).toMatchObject({ kind: 'none', reason });
  expect(JSON.stringify(sample)).not.toContain('planted-secret');
});

test('TLS is verified by the given authority, or not at all', async () => {
  const clock = new VirtualClock();
  await using server = await serve(ok, { key: TEST_KEY, cert: TEST_CERT });
  await using egress = createEgress({ clock, policy: atHome });
  const source = createPrometheus({ clock, egress });
  const query = { ...calm, address: server.url };
  // No time for another try.
  const options = { signal: forever, deadlineMs: 200 };
  expect(await source.query(query, options)).toMatchObject({ reason: 'Unreachable' });
  const number = { kind: 'number', value: 42 };
  expect(await source.query({ ...query, ca: TEST_CA }, options)).toEqual(number);
  expect(await source.query({ ...query, insecureSkipVerify: true }, options)).toEqual(number);
});
