// Part `soak`: Canaries that roll in turn for a long time; memory, sockets and watches must stay where they are.
import { setTimeout as pause } from 'node:timers/promises';
import type { Api } from '../../test/e2e/cluster/api.ts';
import { until } from '../../test/e2e/cluster/until.ts';
import { startCluster } from './cluster.ts';
import { round, slope } from './figures.ts';
import { Fleet } from './fleet.ts';
import { Operator } from './operator.ts';
import type { PartOptions } from './part.ts';

const SAMPLE_MS = 30_000;
/** Until caches, code and heap have found their size. */
const WARM_UP_PART = 0.2;
/** How many Canaries are at a rollout at once: with 25 s each, so many begin every 3 s. */
const AT_ONCE = 8;

export interface SoakOptions extends PartOptions {
  readonly count: number;
  readonly minutes: number;
}

export interface Sample {
  readonly minute: number;
  readonly rssMb: number;
  /** After a collection that the sample asked for. */
  readonly heapMb: number;
  readonly sockets: number;
  readonly watches: number;
  readonly cpuSeconds: number;
  readonly rollouts: number;
}

export interface Soak {
  readonly count: number;
  readonly minutes: number;
  readonly rollouts: number;
  readonly stuck: number;
  /** By least squares, after the first fifth. */
  readonly heapGrowthMbPerHour: number;
  readonly rssGrowthMbPerHour: number;
  readonly sockets: readonly [least: number, most: number];
  readonly watches: readonly [least: number, most: number];
  readonly samples: readonly Sample[];
}

export async function soak(options: SoakOptions): Promise<Soak> {
  const { count, minutes, say } = options;
  await using cluster = await startCluster({ pods: true });
  await using operator = new Operator({
    ...options,
    kubeconfig: cluster.kubeconfig,
    // A signal is the way to a collection in a process of which nothing may be changed.
    nodeFlags: [...options.nodeFlags, '--expose-gc', '--import', COLLECT_ON_SIGNAL],
  });
  await operator.ready(60_000);
  await using fleet = new Fleet(cluster, count, { intervalSeconds: 10 });
  await fleet.initialize(say);
  const started = performance.now();
  const end = started + minutes * 60_000;
  let rollouts = 0;
  let stuck = 0;
  const samples: Sample[] = [];
  const names = rounds(fleet.names);
  const rolling = Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < end) {
      const { name, version } = names.next().value;
      const since = await fleet.change(name, `app:${version}`);
      if (await promoted(fleet, name, since)) rollouts += 1;
      else stuck += 1;
    }
  });
  while (performance.now() < end) {
    await pause(SAMPLE_MS);
    process.kill(operator.pid, 'SIGUSR2');
    await pause(500);
    const { rssMb, cpuSeconds } = operator.usage();
    const minute = round((performance.now() - started) / 60_000, 1);
    const heapMb = round((await operator.metric('nodejs_heap_size_used_bytes')) / 2 ** 20, 1);
    const watches = await watchesOf(cluster.api);
    const sample = {
      minute,
      rssMb: round(rssMb, 1),
      heapMb,
      sockets: operator.sockets(),
      watches,
      cpuSeconds: round(cpuSeconds, 1),
      rollouts,
    };
    samples.push(sample);
    say(
      `minute ${minute}: heap ${heapMb} MB, RSS ${sample.rssMb} MB, ${sample.sockets} sockets, ${watches} watches, ${rollouts} rollouts`,
    );
  }
  await Promise.all(rolling);
  return { count, minutes, rollouts, stuck, ...trendOf(samples), samples };
}

const COLLECT_ON_SIGNAL = `data:text/javascript,${encodeURIComponent("process.on('SIGUSR2', () => globalThis.gc());")}`;
const PROMOTED_LIMIT_MS = 120_000;

/** The fleet over and over; no Canary gets a new version while the last one is under way. */
function* rounds(names: readonly string[]): Generator<{ name: string; version: number }, never> {
  for (let version = 2; ; version += 1) for (const name of names) yield { name, version };
}

async function promoted(fleet: Fleet, name: string, since: number): Promise<boolean> {
  const over = () =>
    fleet.firstSeen(name, ['Progressing'], since - 500) !== null &&
    fleet.phaseOf(name) === 'Succeeded';
  return until(`${name} to be promoted`, over, { limitMs: PROMOTED_LIMIT_MS, everyMs: 250 }).catch(
    () => false,
  );
}

/** All of the cluster's, the operator's among them; the others' are constant. */
async function watchesOf(api: Api): Promise<number> {
  const lines = (await api.text('GET', '/metrics')).split('\n');
  return lines
    .filter((line) => /^apiserver_longrunning_requests\{.*verb="WATCH"/.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function trendOf(samples: readonly Sample[]) {
  const warm = samples.slice(Math.ceil(samples.length * WARM_UP_PART));
  const perHour = (of: (sample: Sample) => number) =>
    round(slope(warm.map((sample) => [sample.minute, of(sample)] as const)) * 60, 1);
  const range = (of: (sample: Sample) => number): [number, number] => {
    const values = warm.map(of);
    return [Math.min(...values), Math.max(...values)];
  };
  return {
    heapGrowthMbPerHour: perHour(({ heapMb }) => heapMb),
    rssGrowthMbPerHour: perHour(({ rssMb }) => rssMb),
    sockets: range(({ sockets }) => sockets),
    watches: range(({ watches }) => watches),
  };
}
