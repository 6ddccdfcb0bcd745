// Credentials of exec plugins and OIDC, by way of @kubernetes/client-node: loaded only for users that need it.
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { Clock } from '../clock/clock.ts';
import { orAborted } from '../clock/or-aborted.ts';
import { type Credential, type Credentials, unchanged } from './credentials.ts';

export interface PluginOptions {
  /** The user entry, in the package's own shape; paths already absolute. */
  readonly user: User;
  readonly server: string;
  /** CA and impersonation come from here. */
  readonly base: Credentials;
}

/** The package looks at the expiry of its token itself; this only spares the look before every request. */
const FRESH_MS = 10_000;

export function pluginCredentials(options: PluginOptions, clock: Clock): Credentials {
  return new PluginCredentials(options, clock);
}

class PluginCredentials implements Credentials {
  readonly #options: PluginOptions;
  readonly #clock: Clock;
  #config: KubeConfig | null = null;
  #reading: Promise<Credential> | null = null;
  #last: Credential | null = null;
  #readAtMs = 0;

  constructor(options: PluginOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  async current(signal: AbortSignal): Promise<Credential> {
    if (this.#last !== null && this.#clock.since(this.#readAtMs) < FRESH_MS) return this.#last;
    // One plugin run for all callers; each waits only as long as its own signal allows.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return orAborted(this.#reading, signal);
  }

  refuse(credential: Credential): void {
    if (credential !== this.#last) return;
    this.#config = null; // its plugin cache goes with it
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  async #read(): Promise<Credential> {
    const { user, server, base } = this.#options;
    const foundation = await base.current(new AbortController().signal);
    if (this.#config === null) {
      const { KubeConfig } = await import('@kubernetes/client-node');
      this.#config = new KubeConfig();
      this.#config.loadFromClusterAndUser({ name: 'cluster', server, skipTLSVerify: false }, user);
    }
    const answer: { headers: Record<string, string>; cert?: unknown; key?: unknown } = {
      headers: {},
    };
    await this.#config.applyToHTTPSOptions(answer);
    const given = answer.headers['Authorization'];
    const headers = given === undefined ? {} : { authorization: given };
    this.#last = unchanged(
      this.#last,
      { ...foundation.headers, ...headers },
      { ca: foundation.tls.ca, cert: pem(answer.cert), key: pem(answer.key) },
    );
    this.#readAtMs = this.#clock.monotonicMs();
    return this.#last;
  }
}

function pem(value: unknown): string | null {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return typeof value === 'string' && value !== '' ? value : null;
}
