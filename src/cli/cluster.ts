// One cluster as a command sees it: a client, a clock, and the namespace that is meant.
import type { Clock } from '../clock/clock.ts';
import { systemClock } from '../clock/system-clock.ts';
import type { Client } from '../client/client.ts';
import { loadConfig } from '../client/config.ts';
import { httpClient } from '../client/http-client.ts';
import { userAgent } from '../client/user-agent.ts';
import { type Invocation, text } from './command.ts';
import { VERSION } from './version.ts';

export interface Cluster {
  readonly client: Client;
  readonly clock: Clock;
  /** `--namespace`, else the context's. */
  readonly namespace: string;
}

/** Opens no connection yet; to be held with `await using`. Throws ConfigError. */
export async function openCluster(invocation: Invocation): Promise<Cluster & AsyncDisposable> {
  const clock = systemClock();
  const { environment, signal } = invocation;
  const kubeconfig = text(invocation, 'kubeconfig');
  const context = text(invocation, 'context');
  const master = text(invocation, 'master');
  const config = await loadConfig(
    {
      environment,
      clock,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      ...(master === undefined ? {} : { master }),
    },
    signal,
  );
  const client = httpClient({ config, clock, userAgent: userAgent(VERSION) });
  return {
    client,
    clock,
    namespace: text(invocation, 'namespace') ?? config.namespace,
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
