// Pooled connections: one agent for each way of TLS and reuse, the least used closed when there are too many.
import { createHash, X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { Agent } from 'undici';
import type { EgressCall } from './call.ts';
import { pinnedLookup, type Resolver, shareLookups, systemResolver } from './pinned-lookup.ts';
import type { EgressPolicy } from './policy.ts';

/** Agents kept; one for each certificate authority and way of reuse. */
const AGENTS_MAX = 32;
/** Connections to one origin through one agent; further calls wait, within their deadlines. */
const CONNECTIONS_MAX = 16;
/** Idle connections are closed soon: their address was judged when they were made, and Services move. */
const IDLE_MS = 10_000;
const CONNECT_MS_MAX = 10_000;
const HEAD_BYTES_MAX = 16_384;

type TlsChoice = Pick<EgressCall, 'insecureSkipVerify' | 'ca' | 'reuse'>;

export class AgentPool implements AsyncDisposable {
  readonly #policy: EgressPolicy;
  readonly #resolver: Resolver;
  /** In order of use, the last used last. */
  readonly #agents = new Map<string, Agent>();

  constructor(policy: EgressPolicy, resolver: Resolver = systemResolver) {
    this.#policy = policy;
    this.#resolver = shareLookups(resolver);
  }

  /** Null when `ca` holds no certificate. */
  agentFor(choice: TlsChoice): Agent | null {
    const key = keyOf(choice);
    const agent = this.#agents.get(key) ?? this.#create(choice);
    if (agent === null) return null;
    this.#agents.delete(key);
    this.#agents.set(key, agent);
    const [oldest] = this.#agents;
    if (this.#agents.size > AGENTS_MAX && oldest !== undefined) {
      this.#agents.delete(oldest[0]);
      // Lets calls under way end; nobody waits for it, and closing cannot fail in a way that matters.
      oldest[1].close().catch(() => {});
    }
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #create(choice: TlsChoice): Agent | null {
    if (choice.ca !== null && !holdsCertificate(choice.ca)) return null;
    const trust = choice.ca === null ? {} : { ca: [...getCACertificates('default'), choice.ca] };
    return new Agent({
      allowH2: false,
      connections: CONNECTIONS_MAX,
      // Without pipelining, undici closes a connection after its first answer.
      pipelining: choice.reuse ? 1 : 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
      // The call's deadline is on the Clock and covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: CONNECT_MS_MAX,
        lookup: pinnedLookup(this.#policy, this.#resolver),
        rejectUnauthorized: !choice.insecureSkipVerify,
        ...trust,
      },
    });
  }
}

function keyOf(choice: TlsChoice): string {
  const ca = choice.ca === null ? '' : createHash('sha256').update(choice.ca).digest('hex');
  return `${choice.insecureSkipVerify} ${choice.reuse} ${ca}`;
}

function holdsCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
