// The small HTTP server for probes and Prometheus: GET of a few paths, bounded in everything, closed gracefully.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../recorder/log.ts';

/** Null when all is well, else what is wrong, for the log. Quick and without waiting: a probe has a second. */
export type Check = () => string | null;

export interface HealthOptions {
  /** Address to listen on. Default: all. */
  readonly host?: string;
  /** 0 = any free port, see `port` of what is returned. */
  readonly port: number;
  /** A failure of one of these gets the pod restarted: for what only a restart mends. `/livez` and `/healthz`. */
  readonly live: Readonly<Record<string, Check>>;
  /** A failure of one of these takes the pod out of Services. Never about being the leader. `/readyz`. */
  readonly ready: Readonly<Record<string, Check>>;
  /** The text for `/metrics` and its content type. */
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  readonly log: Log;
}

export interface HealthServer {
  readonly port: number;
  /** Refuses new connections and waits for answers under way; cuts them off when the signal ends. */
  close(signal: AbortSignal): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const HEADER_BYTES_MAX = 8192;
const REQUEST_LIMIT_MS = 10_000;
const HEADERS_LIMIT_MS = 5000;
const KEEP_ALIVE_MS = 15_000;
const SOCKET_IDLE_MS = 30_000;

/** Resolves once it listens; rejects if the address cannot be had or the signal ends before. */
export async function startHealthServer(
  options: HealthOptions,
  signal: AbortSignal,
): Promise<HealthServer> {
  const answer = answers(options);
  const closing = new AbortController();
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_LIMIT_MS,
      requestTimeout: REQUEST_LIMIT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      void serve({ answer, log: options.log, closing: closing.signal }, request, response);
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  // A reader that takes nothing more must not hold its connection for ever.
  server.setTimeout(SOCKET_IDLE_MS);
  await listening(server, options, signal);
  return {
    port: (server.address() as AddressInfo).port,
    close: (limit) => {
      closing.abort();
      return closed(server, limit);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

type Answers = (path: string, search: URLSearchParams) => Answer | Promise<Answer> | null;

/** Null for paths that are not served. */
function answers(options: HealthOptions): Answers {
  const { live, ready, metrics, log } = options;
  const failing = new Map<string, string>();
  const scrape = shared(() => metrics.render());
  return (path, search) => {
    const verbose = search.has('verbose');
    switch (path) {
      case '/healthz':
      case '/livez':
        return judged('live', live, verbose);
      case '/readyz':
        return judged('ready', ready, verbose);
      case '/metrics':
        return scrape().then((body) => ({ status: 200, contentType: metrics.contentType, body }));
      default:
        return null;
    }
  };

  function judged(kind: string, checks: Readonly<Record<string, Check>>, verbose: boolean): Answer {
    const lines = Object.entries(checks).map(([name, check]) => {
      const problem = problemOf(check);
      tellChange(`${kind} ${name}`, problem);
      return { ok: problem === null, text: `[${problem === null ? '+' : '-'}]${name}` };
    });
    const bad = lines.filter(({ ok }) => !ok);
    const told = verbose || bad.length > 0 ? `${lines.map(({ text }) => text).join('\n')}\n` : '';
    const verdict = bad.length === 0 ? 'ok' : 'not ok';
    return plain(bad.length === 0 ? 200 : 503, `${told}${verdict}`);
  }

  /** Reasons go to the log, once for each change: probes come every few seconds, and from anybody. */
  function tellChange(check: string, problem: string | null): void {
    if (problem === (failing.get(check) ?? null)) return;
    if (problem === null) {
      failing.delete(check);
      log.info({ check }, 'health check passes again');
    } else {
      failing.set(check, problem);
      log.warn({ check, problem }, 'health check fails');
    }
  }
}

function problemOf(check: Check): string | null {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Callers that come while one run is under way get its outcome: ten scrapers cost as much as one. */
function shared(run: () => Promise<string>): () => Promise<string> {
  let current: Promise<string> | null = null;
  return () => {
    current ??= run().finally(() => {
      current = null;
    });
    return current;
  };
}

interface Service {
  readonly answer: Answers;
  readonly log: Log;
  /** Ended once the server closes: answers still under way are the last on their connections. */
  readonly closing: AbortSignal;
}

/** Never rejects. */
async function serve(
  { answer, log, closing }: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = async (): Promise<Answer> => {
    try {
      return await answerTo(answer, request);
    } catch (error) {
      log.error({ error }, 'health request failed');
      return plain(500, 'failed');
    }
  };
  const reached = await reply();
  // Nobody reads request bodies here, so a connection that carries one is of no further use.
  const last = hasBody(request) || closing.aborted;
  if (last) response.once('finish', () => request.socket.destroySoon());
  send(response, reached, { head: request.method === 'HEAD', last });
}

async function answerTo(answer: Answers, request: IncomingMessage): Promise<Answer> {
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET or HEAD only');
  return (await answer(path, new URLSearchParams(search))) ?? plain(404, 'not found');
}

function plain(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function send(
  response: ServerResponse,
  { status, contentType, body }: Answer,
  { head, last }: { readonly head: boolean; readonly last: boolean },
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(last ? { connection: 'close' } : {}),
  });
  response.end(head ? undefined : body);
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function listening(server: Server, options: HealthOptions, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const where = {
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
  };
  const leave = () => {
    server.close();
    reject(signal.reason);
  };
  if (signal.aborted) return Promise.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  server.once('error', reject);
  server.listen(where, () => {
    server.off('error', reject);
    server.on('error', (error) => options.log.error({ error }, 'health server failed'));
    resolve();
  });
  return promise
    .catch((cause: unknown) => {
      throw new Error(`listen on ${options.host ?? '*'}:${options.port} for health`, { cause });
    })
    .finally(() => signal.removeEventListener('abort', leave));
}

function closed(server: Server, limit: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cut = () => server.closeAllConnections();
  server.close(() => {
    limit.removeEventListener('abort', cut);
    resolve();
  });
  server.closeIdleConnections();
  if (limit.aborted) cut();
  else limit.addEventListener('abort', cut, { once: true });
  return promise;
}
