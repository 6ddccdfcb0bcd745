// A proxy between the operator and its API server: passes everything on, writes it down, and does harm by rules.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './api.ts';
import {
  type Call,
  isDeed,
  isWrite,
  parseCall,
  type Refusal,
  statusObject,
} from './fault-proxy-call.ts';
import { type Wire, Wires } from './fault-proxy-wires.ts';

/** What happens to a request. `before`: it never reaches the API server; `after`: it was obeyed there. */
export type Fault =
  | { readonly kind: 'delay'; readonly ms: number }
  | ({ readonly kind: 'refuse'; readonly when: 'before' | 'after' } & Refusal)
  /** The whole connection, by a reset. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  /** No answer, ever; other requests on the connection go on. A watch stalled `after` gets its headers and no event. */
  | { readonly kind: 'stall'; readonly when: 'before' | 'after' }
  /** Nothing flows on this connection any more, and nobody is told. */
  | { readonly kind: 'silence' }
  /** A watch gets 410 as its first event. */
  | { readonly kind: 'expire' };

export interface Rule {
  readonly concerns: (call: Call) => boolean;
  readonly fault: Fault;
  /** So many calls that it concerns pass first. Default 0. */
  readonly skip?: number;
  /** Default: every one. */
  readonly times?: number;
}

/** One request, as it went. */
export interface Entry {
  readonly call: Call;
  readonly atMs: number;
  /** From 1: the how-manieth deed (a write; Events and leases aside); 0 for everything else. */
  readonly deed: number;
  /** What the API server said; 0: it was not asked, or has not answered. */
  code: number;
  /** The answer to a write; the rest is not kept. */
  answer: string;
  /** What was done to it. Default null. */
  fault: Fault | null;
}

/** Called in the course of each deed; what they return is waited for. `drop`: the connection is cut there and then. */
export interface Hooks {
  /** It has not been passed on yet. */
  readonly before?: (entry: Entry) => Promise<'drop' | undefined> | 'drop' | undefined;
  /** The API server has answered; the operator does not know it yet. */
  readonly after?: (entry: Entry) => Promise<'drop' | undefined> | 'drop' | undefined;
}

export interface ProxyOptions {
  /** The folder of the control plane: its kubeconfigs, and the certificate that the proxy wears too. */
  readonly dir: string;
  /** Who is behind the proxy; the operator keeps its own token. */
  readonly upstream: Connection;
  readonly hooks?: Hooks;
}

const HOP_BY_HOP = ['connection', 'host', 'http2-settings', 'keep-alive', 'transfer-encoding'];

interface Exchange {
  readonly entry: Entry;
  readonly req: Http2ServerRequest;
  readonly res: Http2ServerResponse;
  readonly wire: Wire | undefined;
}

/** A watch under way: an event may be put between two lines. */
interface Watch {
  readonly res: Http2ServerResponse;
  readonly stream: ClientHttp2Stream;
  betweenLines: boolean;
  expiring: boolean;
}

export class FaultProxy implements AsyncDisposable {
  readonly #options: ProxyOptions;
  readonly #server: Http2SecureServer;
  readonly #rules: { readonly rule: Rule; seen: number }[] = [];
  readonly #entries: Entry[] = [];
  /** By the port that a connection comes from. */
  readonly #upstreams = new Map<number, ClientHttp2Session>();
  readonly #watches = new Set<Watch>();
  #wires: Wires | null = null;
  #hooks: Hooks;
  #deeds = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#hooks = options.hooks ?? {};
    // The API server's own certificate: whoever trusts that trusts the proxy, and openssl is not needed.
    this.#server = createSecureServer({
      allowHTTP1: true,
      cert: readFileSync(join(options.dir, 'certs/apiserver.crt')),
      key: readFileSync(join(options.dir, 'certs/apiserver.key')),
    });
    this.#server.on('sessionError', () => undefined);
    this.#server.on('request', (req, res) => void this.#serve(req, res));
  }

  static async start(options: ProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.#wires = await Wires.to((proxy.#server.address() as AddressInfo).port);
    return proxy;
  }

  get wires(): Wires {
    if (this.#wires === null) throw new Error('the proxy has not started');
    return this.#wires;
  }

  /** As the upstream's, through the proxy. */
  get connection(): Connection {
    return { ...this.#options.upstream, server: `https://127.0.0.1:${this.wires.port}` };
  }

  /** Writes a kubeconfig that leads through the proxy, and gives its path. */
  kubeconfig(): string {
    const { server, ca, token } = this.connection;
    const cluster = {
      server,
      'certificate-authority-data': Buffer.from(ca).toString('base64'),
    };
    const path = join(this.#options.dir, `proxy-${this.wires.port}.kubeconfig`);
    writeFileSync(
      path,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'test', cluster }],
        users: [{ name: 'user', user: { token } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
        'current-context': 'test',
      }),
    );
    return path;
  }

  /** Every request so far, in the order of their coming. */
  get journal(): readonly Entry[] {
    return this.#entries;
  }

  /** The writes that a rollout consists of. */
  get deeds(): readonly Entry[] {
    return this.#entries.filter(({ deed }) => deed > 0);
  }

  hook(hooks: Hooks): void {
    this.#hooks = hooks;
  }

  /** The first rule that concerns a call counts. Ends when the result is called. */
  harm(rule: Rule): () => void {
    const kept = { rule, seen: 0 };
    this.#rules.push(kept);
    return () => {
      const index = this.#rules.indexOf(kept);
      if (index >= 0) this.#rules.splice(index, 1);
    };
  }

  /** As API servers that stream no lists. */
  refuseWatchList(): () => void {
    return this.harm({
      concerns: ({ verb, path }) => verb === 'watch' && path.includes('sendInitialEvents'),
      fault: {
        kind: 'refuse',
        when: 'before',
        code: 422,
        message:
          'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
      },
    });
  }

  /** Every watch under way is told that its history is gone. */
  expireWatches(): void {
    for (const watch of this.#watches) {
      watch.expiring = true;
      if (watch.betweenLines) this.#expire(watch);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wires[Symbol.asyncDispose]();
    for (const session of this.#upstreams.values()) session.destroy();
    this.#server.close();
  }

  async #serve(req: Http2ServerRequest, res: Http2ServerResponse): Promise<void> {
    req.on('error', () => undefined);
    res.on('error', () => undefined);
    const port = portOf(req);
    const wire = this.wires.of(port);
    try {
      const entry = this.#note(req, await textOf(req));
      await this.#exchange({ entry, req, res, wire }, port);
    } catch {
      // Somebody has gone: the one who asked, or the one who was to answer, and then nobody must wait for it.
      wire?.cut();
    }
  }

  #note(req: Http2ServerRequest, body: string): Entry {
    const contentType = req.headers['content-type'] ?? '';
    const call = parseCall({ method: req.method, path: req.url, contentType, body });
    const deed = isDeed(call) ? ++this.#deeds : 0;
    const fault = this.#faultFor(call);
    const entry = { call, atMs: Date.now(), deed, code: 0, answer: '', fault };
    this.#entries.push(entry);
    return entry;
  }

  #faultFor(call: Call): Fault | null {
    for (const kept of this.#rules) {
      const { concerns, fault, skip = 0, times = Infinity } = kept.rule;
      if (!concerns(call)) continue;
      kept.seen += 1;
      if (kept.seen > skip && kept.seen <= skip + times) return fault;
    }
    return null;
  }

  async #exchange(exchange: Exchange, port: number): Promise<void> {
    const { entry, req, res, wire } = exchange;
    const { fault, call, deed } = entry;
    if (fault?.kind === 'delay') await pause(fault.ms);
    if (fault?.kind === 'silence') return wire?.silence();
    if (fault !== null && 'when' in fault && fault.when === 'before') return harm(exchange, fault);
    if (fault?.kind === 'expire') return sendExpiry(res);
    if (deed > 0 && (await this.#hooks.before?.(entry)) === 'drop') return wire?.cut();
    const target = {
      [constants.HTTP2_HEADER_METHOD]: call.method,
      [constants.HTTP2_HEADER_PATH]: call.path,
    };
    // By itself a client takes it that no DELETE has a body.
    const endStream = call.body === '';
    const stream = this.#upstream(port).request(
      { ...passed(req.headers), ...target },
      { endStream },
    );
    const over = new AbortController();
    stream.on('error', () => undefined);
    stream.once('close', () => over.abort());
    res.once('close', () => stream.close(constants.NGHTTP2_CANCEL));
    if (!endStream) stream.end(call.body);
    const [headers] = (await once(stream, 'response', { signal: over.signal })) as [
      IncomingHttpHeaders,
    ];
    entry.code = Number(headers[constants.HTTP2_HEADER_STATUS]);
    if (isWrite(call)) {
      entry.answer = await textOf(stream);
      if (deed > 0 && (await this.#hooks.after?.(entry)) === 'drop') return wire?.cut();
      if (fault !== null && 'when' in fault) return harm(exchange, fault);
      res.writeHead(entry.code, passed(headers));
      res.end(entry.answer);
      return;
    }
    if (fault !== null && 'when' in fault && !(fault.kind === 'stall' && call.verb === 'watch'))
      return harm(exchange, fault);
    res.writeHead(entry.code, passed(headers));
    if (fault?.kind === 'stall') return flush(res);
    if (call.verb === 'watch' && entry.code === 200) this.#passWatch(res, stream);
    else stream.pipe(res);
  }

  #passWatch(res: Http2ServerResponse, stream: ClientHttp2Stream): void {
    const watch: Watch = { res, stream, betweenLines: true, expiring: false };
    this.#watches.add(watch);
    flush(res);
    stream.on('data', (chunk: Buffer) => {
      res.write(chunk);
      watch.betweenLines = chunk.at(-1) === NEWLINE;
      if (watch.expiring && watch.betweenLines) this.#expire(watch);
    });
    stream.once('end', () => res.end());
    stream.once('close', () => this.#watches.delete(watch));
  }

  #expire(watch: Watch): void {
    this.#watches.delete(watch);
    watch.stream.removeAllListeners('data');
    watch.res.end(expiry());
  }

  /** One connection to the API server for each that comes in; when it breaks, both are gone. */
  #upstream(port: number): ClientHttp2Session {
    const known = this.#upstreams.get(port);
    if (known !== undefined) return known;
    const { server, ca } = this.#options.upstream;
    const session = connect(server, { ca });
    this.#upstreams.set(port, session);
    session.on('error', () => undefined);
    session.once('close', () => {
      this.#upstreams.delete(port);
      this.wires.of(port)?.cut();
    });
    return session;
  }
}

const NEWLINE = '\n'.charCodeAt(0);

/** In place of an answer. */
function harm({ res, wire }: Exchange, fault: Fault & { readonly when: string }): void {
  switch (fault.kind) {
    case 'refuse': {
      const retry = fault.retryAfterSeconds;
      res.writeHead(fault.code, {
        'content-type': 'application/json',
        ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
      });
      res.end(JSON.stringify(statusObject(fault)));
      return;
    }
    case 'cut':
      wire?.cut();
      return;
    case 'stall':
    case 'delay':
    case 'silence':
    case 'expire':
      return;
  }
}

function expiry(): string {
  const object = statusObject({ code: 410, message: 'too old resource version' });
  return `${JSON.stringify({ type: 'ERROR', object })}\n`;
}

function sendExpiry(res: Http2ServerResponse): void {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(expiry());
}

/** Headers, even while no event has come. */
function flush(res: Http2ServerResponse): void {
  (res as unknown as { flushHeaders: () => void }).flushHeaders();
}

function passed(headers: IncomingHttpHeaders): Record<string, string | string[] | undefined> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !name.startsWith(':') && !HOP_BY_HOP.includes(name) && name !== 'content-length',
    ),
  );
}

/** The port of the proxy's own end of the wire. */
function portOf(req: Http2ServerRequest): number {
  const socket = req.httpVersionMajor === 2 ? req.stream.session?.socket : req.socket;
  return socket?.remotePort ?? 0;
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString('utf8');
}
