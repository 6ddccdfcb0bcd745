// Real HTTP servers on loopback that answer as a test tells them: a webhook receiver, and a stand-in for Prometheus.
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** Listens on a free port. Disposing of it cuts what is under way. */
async function serve(
  answer: (request: IncomingMessage, body: string, signal: AbortSignal) => Promise<Reply | 'hang'>,
): Promise<TestServer> {
  const over = new AbortController();
  const server = createServer((request, response) => {
    reply(request, response).catch((error: unknown) => {
      if (over.signal.aborted) response.destroy();
      else response.writeHead(599).end(`the test's own answer failed: ${String(error)}`);
    });
  });
  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const said = await answer(request, body, over.signal);
    if (said === 'hang') return;
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      over.abort();
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

export type WebhookAnswer =
  | { readonly status: number; readonly delayMs?: number; readonly body?: string }
  /** Takes the request and never answers. */
  | 'hang';

export interface WebhookCall {
  readonly path: string;
  readonly method: string;
  /** Parsed JSON; the text where it is none. */
  readonly body: unknown;
}

export interface WebhookServer extends TestServer {
  /** In the order in which they came, of one path (without its query) or of all. */
  calls(path?: string): readonly WebhookCall[];
  /** What a path answers from now on; a path that was never set answers 200. */
  answer(path: string, with_: WebhookAnswer | ((call: WebhookCall) => WebhookAnswer)): void;
  /** A gate: open answers 200, closed 403. */
  open(path: string): void;
  close(path: string): void;
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const calls: WebhookCall[] = [];
  const answers = new Map<string, (call: WebhookCall) => WebhookAnswer>();
  const server = await serve(async (request, text, signal) => {
    const path = new URL(request.url ?? '/', 'http://test').pathname;
    const call = { path, method: request.method ?? '', body: parsed(text) };
    calls.push(call);
    const answer = answers.get(path)?.(call) ?? { status: 200 };
    if (answer === 'hang') return 'hang';
    if (answer.delayMs !== undefined) await pause(answer.delayMs, undefined, { signal });
    return { status: answer.status, body: answer.body ?? '' };
  });
  const set = (path: string, answer: WebhookAnswer) => answers.set(path, () => answer);
  return {
    ...server,
    calls: (path) => calls.filter((call) => path === undefined || call.path === path),
    answer: (path, with_) =>
      typeof with_ === 'function' ? void answers.set(path, with_) : void set(path, with_),
    open: (path) => void set(path, { status: 200 }),
    close: (path) => void set(path, { status: 403, body: 'not yet' }),
  };
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type PrometheusAnswer =
  /** One series without labels; NaN and Infinity are sent as Prometheus sends them. */
  | number
  | readonly Series[]
  /** A good answer without samples. */
  | 'empty'
  /** 503, as behind a proxy without a backend. */
  | 'outage'
  /** 400 with Prometheus' own error text. */
  | 'bad-query'
  | 'hang'
  | { readonly answer: PrometheusAnswer; readonly delayMs: number };

export interface PrometheusServer extends TestServer {
  /** Every query that came, in order. */
  readonly queries: readonly string[];
  /** The Authorization header of each, in the same order; empty where there was none. */
  readonly authorizations: readonly string[];
  /** What a query gets from now on. At first all are empty. */
  answer(of: (query: string) => PrometheusAnswer): void;
}

/** Answers GET and POST of /api/v1/query. */
export async function startPrometheus(): Promise<PrometheusServer> {
  const queries: string[] = [];
  const authorizations: string[] = [];
  let answerTo: (query: string) => PrometheusAnswer = () => 'empty';
  const server = await serve(async (request, text, signal) => {
    const url = new URL(request.url ?? '/', 'http://test');
    if (!url.pathname.endsWith('/api/v1/query')) return { status: 404, body: 'not found' };
    const query = url.searchParams.get('query') ?? new URLSearchParams(text).get('query') ?? '';
    queries.push(query);
    authorizations.push(request.headers.authorization ?? '');
    let answer = answerTo(query);
    while (typeof answer === 'object' && 'delayMs' in answer) {
      await pause(answer.delayMs, undefined, { signal });
      answer = answer.answer;
    }
    return prometheusReply(answer);
  });
  return { ...server, queries, authorizations, answer: (of) => void (answerTo = of) };
}

function prometheusReply(answer: Exclude<PrometheusAnswer, { delayMs: number }>): Reply | 'hang' {
  if (answer === 'hang') return 'hang';
  if (answer === 'outage') return { status: 503, body: 'no healthy upstream' };
  if (answer === 'bad-query') {
    const error = { status: 'error', errorType: 'bad_data', error: 'parse error: unexpected end' };
    return { status: 400, body: JSON.stringify(error) };
  }
  const series = typeof answer === 'number' ? [{ labels: {}, value: answer }] : answer;
  const at = Date.now() / 1000;
  const result =
    series === 'empty'
      ? []
      : series.map(({ labels, value }) => ({ metric: labels, value: [at, spelled(value)] }));
  const body = { status: 'success', data: { resultType: 'vector', result } };
  return { status: 200, body: JSON.stringify(body) };
}

function spelled(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
