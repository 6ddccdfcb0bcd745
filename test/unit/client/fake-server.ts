// An HTTP server in the test's own process that answers as each test says, and remembers what it was asked.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../src/clock/clock.ts';
import type { ClusterConfig } from '../../../src/client/cluster-config.ts';
import { type Credentials, sourceCredentials } from '../../../src/client/credentials.ts';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What the answers of both protocols have in common. */
export interface Response {
  readonly socket: { destroy(): unknown } | null;
  writeHead(code: number, headers: Record<string, string>): unknown;
  write(chunk: Buffer | string): boolean;
  end(text?: string): unknown;
  on(event: 'close', listener: () => void): unknown;
  flushHeaders(): void;
}
export type Answerer = (asked: Asked, response: Response) => void;

export class FakeServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Connections ever made, and open now. */
  connections = 0;
  /** Of HTTP/2, each answered at once. */
  pings = 0;
  readonly open = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  answer: Answerer = (_, response) => json(response, 200, {});
  readonly #server: Server;
  readonly #scheme: string;

  constructor(tls: Certificate | null = null) {
    const listen = (
      request: IncomingMessage | Http2ServerRequest,
      response: ServerResponse | Http2ServerResponse,
    ) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method, url, headers } = request;
        const body = Buffer.concat(parts).toString();
        const asked = { method: method ?? '', url: url ?? '', headers, body };
        this.asked.push(asked);
        this.answer(asked, response as Response);
      });
    };
    this.#scheme = tls === null ? 'http' : 'https';
    this.#server =
      tls === null
        ? createServer(listen)
        : createSecureServer({ ...tls, allowHTTP1: true }, listen);
    this.#server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.on('ping', () => this.pings++);
      session.on('close', () => this.#sessions.delete(session));
    });
    this.#server.on('connection', (socket: Socket) => {
      this.connections++;
      this.open.add(socket);
      socket.on('close', () => this.open.delete(socket));
    });
  }

  /** Says goodbye on every connection of HTTP/2: what runs may run on, nothing new is wanted. */
  goAway(): void {
    for (const session of this.#sessions) session.goaway();
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#scheme}://127.0.0.1:${port}`;
  }

  /** Uses another certificate for connections from now on. */
  present(tls: Certificate): void {
    (this.#server as unknown as { setSecureContext(tls: Certificate): void }).setSecureContext(tls);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.open) socket.destroy();
    await closed;
  }
}

export function json(
  response: Response,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function status(code: number, reason: string, more: Record<string, unknown> = {}): object {
  return { kind: 'Status', apiVersion: 'v1', code, reason, message: `${reason} it is`, ...more };
}

export function configFor(
  server: FakeServer,
  clock: Clock,
  over: { credentials?: Credentials; path?: string } = {},
): ClusterConfig {
  const none = { kind: 'none' } as const;
  return {
    server: new URL(over.path ?? '', server.url),
    namespace: 'default',
    tlsServerName: null,
    insecureSkipTlsVerify: false,
    proxyUrl: null,
    credentials:
      over.credentials ??
      sourceCredentials(
        { token: none, basic: null, ca: none, cert: none, key: none, impersonation: {} },
        clock,
      ),
  };
}

/** Lets sockets do their work until something is so; gives up after many turns of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > 10_000) throw new Error('waited in vain');
    await setImmediate();
  }
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for 127.0.0.1, its own CA. */
export function selfSigned(name: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'serin-cert-'));
  try {
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const san = ['-addext', 'subjectAltName=IP:127.0.0.1', '-subj', `/CN=${name}`];
    const args = ['req', '-x509', ...ec, '-days', '30', '-keyout', key, '-out', cert, ...san];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
