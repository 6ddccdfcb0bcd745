// Commands in pods against a server that speaks the protocol, and one that does not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client, ExecOptions } from '../../../src/client/client.ts';
import type { ClusterConfig } from '../../../src/client/cluster-config.ts';
import { type Source, sourceCredentials } from '../../../src/client/credentials.ts';
import { isApiError } from '../../../src/client/errors.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import type { RequestReport } from '../../../src/client/transport.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { type Exec, ExecServer } from './exec-server.ts';
import { type Certificate, selfSigned, status, until } from './fake-server.ts';

const pod = { namespace: 'shop', name: 'web-1' };
const { signal } = new AbortController();

let server: ExecServer;
let clock: VirtualClock;
let client: Client & AsyncDisposable;
let reports: RequestReport[];

const NONE = { kind: 'none' } as const;

function config(token: Source = NONE, ca: Source = NONE): ClusterConfig {
  const sources = { token, ca, basic: null, cert: NONE, key: NONE };
  const impersonation = { 'Impersonate-Group': ['one', 'two'] };
  return {
    server: new URL('/behind/', server.url),
    namespace: 'default',
    tlsServerName: null,
    insecureSkipTlsVerify: false,
    proxyUrl: null,
    credentials: sourceCredentials({ ...sources, impersonation }, clock),
  };
}

function connect(to: ClusterConfig): void {
  reports = [];
  const onRequest = (report: RequestReport) => reports.push(report);
  client = httpClient({ config: to, clock, userAgent: 'serin/test', onRequest });
}

async function serve(tls: Certificate | null = null): Promise<void> {
  server = await new ExecServer(tls).start();
}

beforeEach(async () => {
  clock = new VirtualClock();
  await serve();
  connect(config());
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  expect(clock.armed).toBe(0);
});

const exec = (options: Partial<ExecOptions> = {}) =>
  client.exec(pod, { command: ['check'], signal, ...options });

async function opened(): Promise<Exec> {
  await until(() => server.execs.length > 0);
  const [first] = server.execs;
  if (first === undefined) throw new Error('unreachable');
  return first;
}

test('stdout and stderr come apart, with the exit code', async () => {
  server.run = (running) => {
    for (const channel of [0, 1, 2, 3]) running.say(channel, '');
    running.say(1, 'out ');
    running.say(2, 'err');
    running.say(9, 'of a later protocol');
    running.say(1, 'more');
    running.exit(3);
  };
  const outcome = await exec({ command: ['sh', '-c', 'a b&c'], container: 'app' });
  expect(outcome).toEqual({
    kind: 'exited',
    exitCode: 3,
    stdout: Buffer.from('out more'),
    stderr: Buffer.from('err'),
    truncated: false,
  });
  const [asked] = server.execs;
  expect(asked?.url.pathname).toBe('/behind/api/v1/namespaces/shop/pods/web-1/exec');
  expect([...(asked?.url.searchParams ?? [])]).toEqual([
    ['command', 'sh'],
    ['command', '-c'],
    ['command', 'a b&c'],
    ['container', 'app'],
    ['stdin', 'false'],
    ['stdout', 'true'],
    ['stderr', 'true'],
    ['tty', 'false'],
  ]);
  expect(asked?.headers).toMatchObject({
    'user-agent': 'serin/test',
    'impersonate-group': 'one, two',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
  });
  expect(reports).toMatchObject([{ verb: 'exec', code: 101, retries: 0 }]);
});

test('a command that succeeds has exit code 0', async () => {
  expect(await exec()).toMatchObject({ kind: 'exited', exitCode: 0, truncated: false });
  await until(() => server.open === 0);
});

test('messages in many frames are put together again, the status too', async () => {
  const text = 'ü'.repeat(50_000);
  server.run = (running) => {
    running.sayInPieces(1, text, 777);
    running.sayInPieces(3, JSON.stringify({ status: 'Success' }), 5);
    running.end(null);
  };
  const outcome = await exec({ outputBytesMax: 1_000_000 });
  expect(outcome).toMatchObject({ kind: 'exited', exitCode: 0 });
  expect(outcome.stdout.toString()).toBe(text);
});

test('of a huge output the beginning is kept, and the exit code still comes', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  server.run = (running) => {
    for (let piece1 = 0; piece1 < 320; piece1++) running.say(1, piece);
    running.say(2, 'short');
    running.exit(7);
  };
  const outcome = await exec({ outputBytesMax: 100_000 });
  expect(outcome).toMatchObject({ kind: 'exited', exitCode: 7, truncated: true });
  expect(outcome.stdout.length).toBe(100_000);
  expect(outcome.stderr.toString()).toBe('short');
});

test('stdin is given whole, then its end, and the command may go on talking', async () => {
  server.run = () => {};
  const stdin = Buffer.alloc(100_000, 'in');
  const running = exec({ stdin });
  const seen = await opened();
  await until(() => seen.sent.some(({ channel }) => channel === 255));
  expect(seen.sent.at(-1)).toEqual({ channel: 255, content: Buffer.of(0) });
  expect(seen.stdin.equals(stdin)).toBe(true);
  expect(seen.url.searchParams.get('stdin')).toBe('true');
  seen.say(1, 'after the end of stdin');
  seen.exit(0);
  expect((await running).stdout.toString()).toBe('after the end of stdin');
});

test('a terminal has its size before anything is typed, and no stderr of its own', async () => {
  server.run = () => {};
  const running = exec({ tty: { columns: 80, rows: 24 }, stdin: Buffer.from('x') });
  const seen = await opened();
  await until(() => seen.sent.length === 3);
  expect(seen.sent.map(({ channel }) => channel)).toEqual([4, 0, 255]);
  expect(JSON.parse(seen.sent[0]?.content.toString() ?? '')).toEqual({ Width: 80, Height: 24 });
  expect(seen.url.searchParams.get('tty')).toBe('true');
  expect(seen.url.searchParams.get('stderr')).toBe('false');
  seen.exit(0);
  await running;
});

test.each([
  [403, 'Forbidden', 'forbidden'],
  [404, 'NotFound', 'not-found'],
  [400, 'BadRequest', 'invalid'],
  [500, 'InternalError', 'transient'],
])('an upgrade refused with %i is %s, in the words of the server', async (code, reason, kind) => {
  server.refuse = () => ({ code, body: JSON.stringify(status(code, reason)) });
  const error = await exec().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind, code, message: `exec in pods shop/web-1: ${reason} it is` });
  expect(reports).toMatchObject([{ code }]);
});

test('a refusal without end is given up', async () => {
  server.refuse = () => ({ code: 403, body: 'x'.repeat(200_000) });
  const error = await exec().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'forbidden' });
});

test('another protocol than the one asked for is a broken connection', async () => {
  server.protocol = 'v4.channel.k8s.io';
  await expect(exec()).rejects.toMatchObject({ kind: 'transient' });
});

test('a close without a status is not taken for success', async () => {
  server.run = (running) => {
    running.say(1, 'all is well');
    running.end(null);
  };
  await expect(exec()).rejects.toMatchObject({
    kind: 'transient',
    message: 'exec in pods shop/web-1: the connection ended before the command',
  });
  server.run = (running) => running.drop();
  await expect(exec()).rejects.toMatchObject({ kind: 'transient' });
});

test('a status that makes no sense is not taken for success', async () => {
  for (const said of [{}, { status: 'Failure', reason: 'NonZeroExitCode' }, { status: 'Maybe' }]) {
    server.run = (running) => running.end(said);
    const error: unknown = await exec().catch((thrown: unknown) => thrown);
    expect(isApiError(error, 'transient')).toBe(true);
  }
});

test('a command that cannot be started throws with the words of the runtime', async () => {
  const message = 'exec: "check": executable file not found in $PATH';
  server.run = (running) => running.end({ status: 'Failure', reason: 'InternalError', message });
  await expect(exec()).rejects.toThrow(`exec in pods shop/web-1: ${message}`);
});

test('the status counts although the server never closes', async () => {
  server.run = (running) => {
    running.say(3, JSON.stringify({ status: 'Success' }));
  };
  const running = exec();
  await until(() => clock.armed === 3);
  await clock.advance(1_000);
  expect(await running).toMatchObject({ exitCode: 0 });
  await until(() => server.open === 0);
});

test('a command that runs on at the deadline is unfinished, with what it said so far', async () => {
  server.run = (running) => running.say(1, 'still at it');
  const running = exec({ deadlineMs: 4_000 });
  const seen = await opened();
  await until(() => clock.armed === 2);
  await clock.advance(4_000);
  await until(() => seen.pings === 1);
  const outcome = await running;
  expect(outcome).toMatchObject({ kind: 'unfinished', truncated: false });
  expect(outcome.stdout.toString()).toBe('still at it');
  await until(() => server.open === 0);
});

test('a connection that is dead at the deadline says nothing of the command', async () => {
  server.run = (running) => {
    running.pongs = false;
  };
  const running = exec({ deadlineMs: 4_000 });
  const failed = expect(running).rejects.toMatchObject({ kind: 'transient' });
  await opened();
  await until(() => clock.armed === 2);
  await clock.advance(4_000);
  await clock.advance(2_000);
  await failed;
  await until(() => server.open === 0);
});

test('a connection without a sign of life for 15 s is given up long before the deadline', async () => {
  server.run = (running) => {
    running.pongs = false;
  };
  const running = exec({ deadlineMs: 600_000 });
  const failed = expect(running).rejects.toThrow('not a sign of life for 15000 ms');
  const seen = await opened();
  await until(() => clock.armed === 2);
  await clock.advance(5_000);
  await clock.advance(5_000);
  await until(() => seen.pings === 2);
  await clock.advance(5_000);
  await failed;
});

test('a long silent command is left alone while the connection lives', async () => {
  server.run = () => {};
  const running = exec({ deadlineMs: 600_000 });
  const seen = await opened();
  await until(() => clock.armed === 2);
  for (let ping = 1; ping <= 12; ping++) {
    await clock.advance(5_000);
    await until(() => seen.pings === ping);
    // The answer has to arrive before time goes on.
    seen.say(1, '');
    await setImmediate();
  }
  seen.exit(0);
  expect(await running).toMatchObject({ exitCode: 0 });
});

test('a server that never answers the upgrade is given up at the deadline', async () => {
  server.refuse = 'stall';
  const running = exec({ deadlineMs: 3_000 });
  const failed = expect(running).rejects.toThrow('the server did not answer in time');
  await until(() => server.asked.length === 1);
  await clock.advance(3_000);
  await failed;
  expect(reports).toMatchObject([{ code: 0 }]);
  await until(() => server.open === 0);
});

test('the signal ends it with its own reason, before and after the upgrade', async () => {
  const reason = new Error('no longer wanted');
  server.refuse = 'stall';
  for (const stage of ['asked', 'open'] as const) {
    const stop = new AbortController();
    const running = exec({ signal: stop.signal });
    const failed = expect(running).rejects.toBe(reason);
    if (stage === 'asked') await until(() => server.asked.length === 1);
    else await opened();
    stop.abort(reason);
    await failed;
    await until(() => server.open === 0);
    server.refuse = () => null;
    server.run = () => {};
  }
});

test('closing the client ends what runs', async () => {
  server.run = () => {};
  const failed = expect(exec()).rejects.toMatchObject({ kind: 'transient' });
  await opened();
  await client[Symbol.asyncDispose]();
  await failed;
});

test.each([
  ['there is no command', { command: [] }],
  ['stdin is over 1048576 bytes', { stdin: Buffer.alloc(1024 * 1024 + 1) }],
])('a call that could only fail is not sent: %s', async (words, options) => {
  await expect(exec(options)).rejects.toThrow(words);
  await expect(
    client.exec({ namespace: 'shop', name: '' }, { command: ['a'], signal }),
  ).rejects.toThrow('not the name of an object');
  expect(server.asked).toEqual([]);
});

test('a replica that does not lead runs no command', async () => {
  const reason = new Error('another replica leads');
  const beforeWrite = () => {
    throw reason;
  };
  await using standby = httpClient({ config: config(), clock, beforeWrite });
  await expect(standby.exec(pod, { command: ['check'], signal })).rejects.toBe(reason);
  expect(server.asked).toEqual([]);
});

test('a token that was replaced is read again after 401, over TLS as the client trusts it', async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const certificate = selfSigned('exec');
  const folder = mkdtempSync(join(tmpdir(), 'serin-exec-'));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  writeFileSync(path, 'old');
  await serve(certificate);
  connect(config({ kind: 'file', path }, { kind: 'value', text: certificate.cert }));
  server.refuse = () => {
    const last = server.asked.at(-1)?.headers.authorization;
    return last === 'Bearer new'
      ? null
      : { code: 401, body: JSON.stringify(status(401, 'Unauthorized')) };
  };
  await expect(exec()).rejects.toMatchObject({ kind: 'unauthorized' });
  expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer old']);
  writeFileSync(path, 'new');
  expect(await exec()).toMatchObject({ exitCode: 0 });
  expect(server.asked.at(-1)?.headers.authorization).toBe('Bearer new');
});
