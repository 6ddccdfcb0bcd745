// One HTTP call to the API server: credentials, deadline, retries, and an ApiError for every way it can fail.
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock/clock.ts';
import { type Deadline, DeadlineExceeded, startDeadline } from '../clock/deadline.ts';
import { orAborted } from '../clock/or-aborted.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { Connections } from './connections.ts';
import type { Credential } from './credentials.ts';
import { ApiError } from './errors.ts';
import { brokenError, refusalError } from './failure.ts';
import { basePath } from './paths.ts';

export interface Request {
  /** `get deployments shop/web`: begins every error. */
  readonly attempt: string;
  readonly verb: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's base address, with query. */
  readonly path: string;
  readonly accept?: string;
  readonly body?: { readonly type: string; readonly text: string };
  /** The body is a JSON Patch with a `test` operation. */
  readonly tested?: boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** One request as it went over the wire; retries are told one by one. */
export interface RequestReport {
  readonly verb: string;
  readonly method: string;
  readonly host: string;
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /** To the end of the answer; for a watch, to its start. */
  readonly seconds: number;
  /** Bytes of the answer's body; 0 for a watch. */
  readonly bytes: number;
  /** How many requests of the same call came before this one. */
  readonly retries: number;
}

export interface TransportOptions {
  readonly config: ClusterConfig;
  readonly clock: Clock;
  /** Default `serin`. */
  readonly userAgent?: string;
  readonly onRequest?: (report: RequestReport) => void;
  /** Between two pings on a connection of watches. Default 20 s. */
  readonly pingMs?: number | undefined;
  /** Asked right before each write goes out, repeated ones too: what it throws ends the call, and nothing is sent. */
  readonly beforeWrite?: () => void;
}

/** What `read` makes of a good answer, and how much of it came over the wire. */
export interface Taken<T> {
  readonly value: T;
  readonly bytes: number;
}

export type Answer = Dispatcher.ResponseData;

interface Round<T> {
  readonly request: Request;
  readonly life: AbortController | null;
  readonly deadline: Deadline;
  readonly retries: number;
  readonly take: Take<T>;
}

export type Take<T> = (answer: Answer, from: Dispatcher) => Promise<Taken<T>> | Taken<T>;

type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly credential: Credential };

interface Way {
  readonly connections: Connections;
  readonly dispatcher: Dispatcher;
}

interface Failure {
  readonly error: ApiError;
  readonly retries: number;
}

const RETRIES_MAX = 10;
const RESET_RETRY_MS = 1000;
const REFUSAL_BYTES_MAX = 1024 * 1024;
/** Far above any list that an operator should hold; a bound, not a budget. */
const BODY_BYTES_MAX = 256 * 1024 * 1024;

export class Transport implements AsyncDisposable {
  readonly clock: Clock;
  readonly #config: ClusterConfig;
  readonly #userAgent: string;
  readonly #onRequest: (report: RequestReport) => void;
  readonly #beforeWrite: () => void;
  readonly #calls: Connections;
  /** Watches have connections of their own: one that the server wants to leave is held open by them for minutes. */
  readonly #streams: Connections;
  readonly #basePath: string;

  constructor(options: TransportOptions) {
    this.clock = options.clock;
    this.#config = options.config;
    this.#userAgent = options.userAgent ?? 'serin';
    this.#onRequest = options.onRequest ?? (() => {});
    this.#beforeWrite = options.beforeWrite ?? (() => {});
    this.#calls = new Connections(options.config, options.clock);
    this.#streams = new Connections(options.config, options.clock, { pingMs: options.pingMs });
    this.#basePath = basePath(options.config.server);
  }

  /** The parsed JSON of a good answer. Throws ApiError or the signal's reason. */
  async call(request: Request): Promise<unknown> {
    const body = await this.send(request, null, async (answer) => {
      const bytes = await readBody(answer.body, BODY_BYTES_MAX);
      return { value: bytes, bytes: bytes.length };
    });
    try {
      return JSON.parse(body.toString('utf8'));
    } catch (error) {
      throw brokenError(request.attempt, error, 'the answer is not JSON');
    }
  }

  /**
   * Sends, and sends again where that is right: up to 10 times after 429 or 5xx with Retry-After, once after 401 if
   * the credential could be renewed, and GET also after a lost connection; other writes never, as the first may have
   * been obeyed. `take` runs inside the deadline. With `life` given the answer's body ends with it and may outlive
   * the deadline; else the body ends with the deadline.
   */
  async send<T>(request: Request, life: AbortController | null, take: Take<T>): Promise<T> {
    using deadline = startDeadline(this.clock, request.deadlineMs, request.signal);
    const end = () => life?.abort(deadline.signal.reason);
    deadline.signal.addEventListener('abort', end, { once: true });
    try {
      let renewed = false;
      for (let retries = 0; ; retries++) {
        const outcome = await this.#once({ request, life, deadline, retries, take });
        if (outcome.kind === 'done') return outcome.value;
        const { error } = outcome;
        if (error.kind === 'unauthorized' && !renewed) {
          renewed = outcome.credential !== (await this.#credential(request, deadline));
          if (renewed) continue;
        }
        await this.#pause(request, deadline, { error, retries });
      }
    } finally {
      deadline.signal.removeEventListener('abort', end);
    }
  }

  /** A stream of this dispatcher went silent: see Connections.suspect. */
  suspect(dispatcher: Dispatcher): void {
    this.#calls.suspect(dispatcher);
    this.#streams.suspect(dispatcher);
  }

  /** The connections of this dispatcher are known to live: see Connections.lives. */
  lives(dispatcher: Dispatcher): boolean {
    return this.#streams.lives(dispatcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#calls, this.#streams].map((each) => each[Symbol.asyncDispose]()));
  }

  async #once<T>(round: Round<T>): Promise<Outcome<T>> {
    const { request, life, deadline, retries, take } = round;
    const credential = await this.#credential(request, deadline);
    if (request.method !== 'GET') this.#beforeWrite();
    const startMs = this.clock.monotonicMs();
    let dispatcher: Dispatcher | null = null;
    let code = 0;
    let bytes = 0;
    try {
      const connections = life === null ? this.#calls : this.#streams;
      dispatcher = connections.with(credential.tls);
      const answer = await this.#answer(round, credential, { connections, dispatcher });
      code = answer.statusCode;
      if (code >= 200 && code <= 299) {
        const taken = await take(answer, dispatcher);
        bytes = taken.bytes;
        return { kind: 'done', value: taken.value };
      }
      if (code === 401) this.#config.credentials.refuse(credential);
      const body = await readBody(answer.body, REFUSAL_BYTES_MAX);
      bytes = body.length;
      const retryAfter = oneOf(answer.headers['retry-after']);
      const refusal = { code, retryAfter, body, tested: request.tested === true };
      return {
        kind: 'failed',
        error: refusalError(request.attempt, refusal, this.clock),
        credential,
      };
    } catch (error) {
      if (code === 0 && deadline.exceeded && dispatcher !== null) this.suspect(dispatcher);
      return { kind: 'failed', error: failed(request, deadline, error), credential };
    } finally {
      const { verb, method } = request;
      const seconds = this.clock.since(startMs) / 1000;
      const { host } = this.#config.server;
      this.#onRequest({ verb, method, host, code, seconds, bytes, retries });
    }
  }

  /** The pool heeds a signal only once it has sent the request, which it may not do for a long time. */
  #answer(
    { request, life, deadline }: Pick<Round<unknown>, 'request' | 'life' | 'deadline'>,
    credential: Credential,
    { connections, dispatcher }: Way,
  ): Promise<Answer> {
    const signal = life?.signal ?? deadline.signal;
    const sent = dispatcher.request({
      method: request.method,
      path: `${this.#basePath}${request.path}`,
      origin: this.#config.server.origin,
      headers: this.#headers(request, credential),
      body: request.body?.text ?? null,
      signal,
    });
    // A write may have been sent: it waits for its answer. Joining signals costs more than all else here.
    const asks = request.method === 'GET';
    const until =
      asks || life !== null
        ? AbortSignal.any([
            signal,
            deadline.signal,
            ...(asks ? [connections.left(dispatcher)] : []),
          ])
        : deadline.signal;
    return orAborted(sent, until, discarded);
  }

  async #credential(request: Request, deadline: Deadline): Promise<Credential> {
    try {
      return await this.#config.credentials.current(deadline.signal);
    } catch (error) {
      throw failed(request, deadline, error);
    }
  }

  /** Returns when the call should be sent again; throws its error if it should not. */
  async #pause(request: Request, deadline: Deadline, { error, retries }: Failure): Promise<void> {
    const delayMs = retryDelayMs(request, error, retries);
    if (delayMs === null || delayMs >= deadline.leftMs()) throw error;
    if (delayMs === 0) return;
    try {
      await this.clock.sleep(delayMs, deadline.signal);
    } catch {
      request.signal.throwIfAborted();
      throw error; // what the server last said tells more than that time ran out
    }
  }

  #headers(request: Request, credential: Credential): Record<string, string | string[]> {
    const headers: Record<string, string | string[]> = {
      accept: request.accept ?? 'application/json',
      'user-agent': this.#userAgent,
    };
    if (request.body !== undefined) headers['content-type'] = request.body.type;
    for (const [name, value] of Object.entries(credential.headers)) {
      headers[name] = typeof value === 'string' ? value : [...value];
    }
    return headers;
  }
}

/** Milliseconds before the next attempt; null if there should be none. */
function retryDelayMs(request: Request, error: ApiError, retries: number): number | null {
  if (retries >= RETRIES_MAX) return null;
  const asked =
    error.kind === 'too-many-requests' || (error.kind === 'transient' && error.code >= 500);
  if (asked) return error.retryAfterMs;
  if (error.code === 0 && request.method === 'GET' && connectionLost(error.cause)) {
    return retries === 0 ? 0 : RESET_RETRY_MS;
  }
  return null;
}

/** The connection was there and broke off; not: refused, timed out, or a certificate that does not fit. */
function connectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return LOST.test(code) || connectionLost(error.cause);
}

const LOST = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|ERR_HTTP2_.*)$/;

/** The ApiError for what was thrown; throws the caller's own reason if that is why. */
function failed(request: Request, deadline: Deadline, error: unknown): ApiError {
  request.signal.throwIfAborted();
  if (error instanceof ApiError) return error;
  const late = deadline.exceeded || error instanceof DeadlineExceeded;
  return late
    ? brokenError(request.attempt, error, `no answer within ${request.deadlineMs} ms`)
    : brokenError(request.attempt, error);
}

/** An answer that came too late. */
function discarded({ body }: Answer): void {
  body.on('error', () => {});
  body.destroy();
}

async function readBody(body: Answer['body'], bytesMax: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts, bytes);
}

function oneOf(header: string | string[] | undefined): string | null {
  return (Array.isArray(header) ? header[0] : header) ?? null;
}
