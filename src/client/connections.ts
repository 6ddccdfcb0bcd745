// Pooled HTTP/2 connections to one server, made anew when certificates change or when a peer has gone silent.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Clock } from '../clock/clock.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { TlsMaterial } from './credentials.ts';
import { Heartbeat, PING_MS } from './heartbeat.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** The server takes 100 streams a connection, so this is far above what an operator has open. */
const CONNECTIONS_MAX = 64;
/** The server closes idle connections after 90 s. */
const IDLE_CONNECTION_MS = 60_000;
/** A server that is merely slow must not be met with a new connection for every call. */
const SUSPECT_INTERVAL_MS = 10_000;

interface Current {
  readonly tls: TlsMaterial;
  readonly dispatcher: Dispatcher;
}

/** As a reset by the peer: nothing was answered. */
class ConnectionLeft extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('the server closes the connection');
    this.name = 'ConnectionLeft';
  }
}

export class Connections implements AsyncDisposable {
  readonly #config: ClusterConfig;
  readonly #clock: Clock;
  readonly #http2: boolean;
  readonly #pingMs: number;
  readonly #hearts = new WeakMap<Dispatcher, Heartbeat>();
  #current: Current | null = null;
  readonly #draining = new Set<Dispatcher>();
  readonly #leaving = new WeakMap<Dispatcher, AbortSignal>();
  #suspectedAtMs = Number.NEGATIVE_INFINITY;
  #disposed = false;

  /** `http2` false: HTTP/1.1 only, which the API server wants for WebSockets. */
  constructor(config: ClusterConfig, clock: Clock, { http2 = true, pingMs = PING_MS } = {}) {
    this.#config = config;
    this.#clock = clock;
    this.#http2 = http2;
    this.#pingMs = pingMs;
  }

  /** Connections that authenticate with this material; those with older material are drained. */
  with(tls: TlsMaterial): Dispatcher {
    if (this.#disposed) throw new Error('the client is closed');
    if (this.#current?.tls === tls) return this.#current.dispatcher;
    let dispatcher: Dispatcher;
    const heart = new Heartbeat(this.#clock);
    try {
      dispatcher = this.#open(tls, heart);
    } catch (error) {
      // Certificate and key are replaced one after the other: until they fit, the old ones still serve.
      if (this.#current === null) throw error;
      return this.#current.dispatcher;
    }
    this.#retire();
    const leaving = new AbortController();
    this.#current = { tls, dispatcher };
    this.#hearts.set(dispatcher, heart);
    this.#leaving.set(dispatcher, leaving.signal);
    // A server that says goodbye lets streams run to their end; until then nothing new would be sent on that connection.
    dispatcher.on('disconnect', (_origin, _targets, error) => {
      if (!error.message.includes('GOAWAY')) return;
      if (this.#current?.dispatcher === dispatcher) this.#retire();
      leaving.abort(new ConnectionLeft());
    });
    return dispatcher;
  }

  /** Ends when the server closes a connection of this dispatcher to new requests: who still waits asks again. */
  left(dispatcher: Dispatcher): AbortSignal {
    return this.#leaving.get(dispatcher) ?? new AbortController().signal;
  }

  /**
   * The peer did not answer in time. Pings of the pool have no answer deadline, so without this a connection that
   * died silently would take every later request with it. What runs on the old connection keeps its own limits.
   */
  suspect(dispatcher: Dispatcher): void {
    if (this.#current?.dispatcher !== dispatcher) return;
    if (this.#clock.since(this.#suspectedAtMs) < SUSPECT_INTERVAL_MS) return;
    this.#suspectedAtMs = this.#clock.monotonicMs();
    this.#retire();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const all = [...this.#draining, ...(this.#current === null ? [] : [this.#current.dispatcher])];
    this.#current = null;
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  /** The connections of this dispatcher answer pings. False where that cannot be known: HTTP/1.1, or a proxy between. */
  lives(dispatcher: Dispatcher): boolean {
    return this.#hearts.get(dispatcher)?.lives === true;
  }

  #open(tls: TlsMaterial, heart: Heartbeat): Dispatcher {
    const options = {
      allowH2: this.#http2,
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      // Limits on time are the transport's, on its Clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      h2Options: { pingInterval: this.#pingMs },
    };
    return open(this.#config, tls, { options, heart });
  }

  #retire(): void {
    const old = this.#current?.dispatcher;
    this.#current = null;
    if (old === undefined) return;
    this.#draining.add(old);
    // Ends when its last request does. Destroyed meanwhile, it rejects, which is no news.
    old.close().then(
      () => this.#draining.delete(old),
      () => this.#draining.delete(old),
    );
  }
}

function open(
  config: ClusterConfig,
  tls: TlsMaterial,
  { options, heart }: { readonly options: Pool.Options; readonly heart: Heartbeat },
): Dispatcher {
  const material = {
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert }),
    ...(tls.key === null ? {} : { key: tls.key }),
  };
  // Faults show here, and not in the middle of a request.
  createSecureContext(material);
  if (tls.ca !== null) checkBundle(tls.ca);
  const connect = {
    ...material,
    timeout: CONNECT_TIMEOUT_MS,
    rejectUnauthorized: !config.insecureSkipTlsVerify,
    ...(config.tlsServerName === null ? {} : { servername: config.tlsServerName }),
  };
  if (config.proxyUrl !== null)
    return new ProxyAgent({ ...options, uri: config.proxyUrl, requestTls: connect });
  return new Pool(config.server.origin, { ...options, connect, factory: heart.factory });
}

/** Node takes a bundle that it cannot read for an empty one, and would then trust nobody. */
function checkBundle(ca: string): void {
  const ends = ca.split('-----END CERTIFICATE-----').length;
  if (ca.split('-----BEGIN CERTIFICATE-----').length !== ends) throw new Error('half a CA bundle');
  void new X509Certificate(ca);
}
