// Part `verdict`: from the answer that fails a canary to the route that takes its traffic away.
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { startPrometheus } from '../../test/e2e/cluster/http-servers.ts';
import { until } from '../../test/e2e/cluster/until.ts';
import { startCluster, type Cluster } from './cluster.ts';
import { quantile, round } from './figures.ts';
import { Fleet } from './fleet.ts';
import { NETWORKING } from './objects.ts';
import { Operator } from './operator.ts';
import type { PartOptions } from './part.ts';

const ROLLED_BACK_LIMIT_MS = 180_000;
const WEIGHT = 'nginx.ingress.kubernetes.io/canary-weight';

export interface VerdictOptions extends PartOptions {
  readonly count: number;
  readonly intervalSeconds: number;
}

export interface Verdict {
  readonly count: number;
  readonly rolledBack: number;
  /** From the answer's last byte to the watch event of the route at weight 0, of rollouts spread over one interval. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Every rollout fails its first check. The source of metrics stands in and notes when it answered whom. */
export async function verdict(options: VerdictOptions): Promise<Verdict> {
  const { count, intervalSeconds, say } = options;
  await using prometheus = await startPrometheus();
  const answered = new Map<string, number>();
  prometheus.answer((query) => {
    const name = /canary="(app-\d+)"/.exec(query)?.[1];
    if (name !== undefined) answered.set(name, performance.now());
    return 0.5;
  });
  await using cluster = await startCluster({ pods: true });
  await using operator = new Operator({
    ...options,
    kubeconfig: cluster.kubeconfig,
    flags: ['--metrics-server', prometheus.url],
  });
  await operator.ready(60_000);
  await using fleet = new Fleet(cluster, count, {
    intervalSeconds,
    threshold: 1,
    metrics: [
      {
        name: 'errors',
        interval: '1s',
        thresholdRange: { max: 0.01 },
        query: 'errors{canary="{{ target }}"}',
      },
    ],
  });
  await fleet.initialize(say);
  await using routes = followRoutes(cluster, fleet);
  say(`${count} targets get a new version within ${intervalSeconds} s`);
  for (const name of fleet.names) {
    await fleet.change(name, 'app:2');
    await pause((intervalSeconds * 1000) / count);
  }
  const over = () => fleet.names.every((name) => routes.lowered.has(name));
  await until('all canaries to lose their traffic', over, { limitMs: ROLLED_BACK_LIMIT_MS }).catch(
    () => undefined,
  );
  const took = [...routes.lowered].flatMap(([name, at]) => {
    const asked = answered.get(name);
    return asked === undefined ? [] : [at - asked];
  });
  say(`${took.length} of ${count} have lost their traffic`);
  const inSeconds = (ms: number | null) => (ms === null ? null : round(ms / 1000, 3));
  return {
    count,
    rolledBack: took.length,
    p50: inSeconds(quantile(took, 0.5)),
    p99: inSeconds(quantile(took, 0.99)),
    max: inSeconds(quantile(took, 1)),
  };
}

/** When each route went back to 0 after it had been above. */
function followRoutes(
  cluster: Cluster,
  fleet: Fleet,
): { readonly lowered: ReadonlyMap<string, number> } & AsyncDisposable {
  const lowered = new Map<string, number>();
  const raised = new Set<string>();
  const end = new AbortController();
  const follow = async (): Promise<void> => {
    const path = `${NETWORKING}/namespaces/${fleet.namespace}/ingresses`;
    for await (const { object } of cluster.api.follow<KubeObject>(path, end.signal)) {
      const weight = object.metadata.annotations?.[WEIGHT];
      const name = object.metadata.name.replace(/-canary$/, '');
      if (weight === undefined) continue;
      if (weight !== '0') raised.add(name);
      else if (raised.has(name) && !lowered.has(name)) lowered.set(name, performance.now());
    }
  };
  const following = follow();
  return {
    lowered,
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await following;
    },
  };
}
