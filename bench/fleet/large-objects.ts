// Part `large`: a cluster full of Deployments that are no business of ours, and what reading them costs at the start.
import { startCluster } from './cluster.ts';
import { inTurn, quantile, round } from './figures.ts';
import { APPS, largeDeploymentOf, namespaceOf } from './objects.ts';
import { Operator } from './operator.ts';
import type { PartOptions } from './part.ts';

const CALLERS = 16;
const NAMESPACE = 'large';
const READY_LIMIT_MS = 120_000;

export interface LargeOptions extends PartOptions {
  readonly count: number;
  readonly bytes: number;
  readonly runs: number;
}

export interface Large {
  readonly count: number;
  /** Of one object, as the API server serves it. */
  readonly bytes: number;
  /** From the start of the process to caches that are filled; of several starts the middle and the longest. */
  readonly readySeconds: number;
  readonly readySecondsMax: number;
  /** Of the longest start. */
  readonly stallMs: number;
  readonly rssMb: number;
  readonly cpuSeconds: number;
}

export async function largeObjects(options: LargeOptions): Promise<Large> {
  const { count, say } = options;
  await using cluster = await startCluster({ pods: false });
  const { api, plane } = cluster;
  // Nobody makes ReplicaSets of them: they are to be read, not to live.
  await plane.kill('kcm');
  await api.post('/api/v1/namespaces', namespaceOf(NAMESPACE));
  say(`${count} Deployments are made`);
  const path = `${APPS}/namespaces/${NAMESPACE}/deployments`;
  const names = Array.from({ length: count }, (_, index) => `large-${index}`);
  await inTurn(names, CALLERS, async (name) => {
    await api.post(path, largeDeploymentOf(name, options.bytes));
  });
  const { length: bytes } = await api.text('GET', `${path}/${names[0]}`);
  const starts: { readonly ms: number; readonly stallMs: number; readonly rssMb: number }[] = [];
  let cpuSeconds = 0;
  for (let run = 1; run <= options.runs; run += 1) {
    await using operator = new Operator({ ...options, kubeconfig: cluster.kubeconfig });
    const ms = await operator.ready(READY_LIMIT_MS);
    const stall = await operator.metric('serin_event_loop_delay_seconds{quantile="1"}');
    const { peakRssMb, cpuSeconds: cpu } = operator.usage();
    starts.push({ ms, stallMs: stall * 1000, rssMb: peakRssMb });
    cpuSeconds = Math.max(cpuSeconds, cpu);
    say(
      `start ${run}: ready after ${round(ms / 1000)} s, stalled for ${round(stall * 1000, 0)} ms`,
    );
  }
  const most = (of: (start: (typeof starts)[number]) => number) => Math.max(...starts.map(of));
  return {
    count,
    bytes,
    readySeconds: round(
      (quantile(
        starts.map(({ ms }) => ms),
        0.5,
      ) ?? 0) / 1000,
    ),
    readySecondsMax: round(most(({ ms }) => ms) / 1000),
    stallMs: round(
      most(({ stallMs }) => stallMs),
      0,
    ),
    rssMb: round(
      most(({ rssMb }) => rssMb),
      1,
    ),
    cpuSeconds: round(cpuSeconds),
  };
}
