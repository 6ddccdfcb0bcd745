// What each seed draws: faults at writes, parts that go away for a while. Each class is left out half of the time.
import { chance } from './chance.ts';
import { type Fault, MODES } from './faults.ts';
import type { ModelCluster } from './model-cluster.ts';

export interface Outage {
  readonly what: 'prometheus-unreachable' | 'prometheus-silent' | 'gateway-away' | 'compaction';
  /** After the release. */
  readonly atMs: number;
  readonly forMs: number;
}

/** How slow this world is; whole milliseconds. */
export interface Pace {
  /** From the write of a route to the moment at which requests go by it. */
  readonly routeMs: number;
  readonly podReadyMs: number;
}

export interface Draw {
  readonly pace: Pace;
  readonly plan: readonly Fault[];
  readonly outages: readonly Outage[];
}

const WRITES_MAX = 45;
const FAULTS_MAX = 4;
const CHAOS_MS = 60_000;
const OUTAGE_MAX_MS = 30_000;
const OUTAGES = [
  'prometheus-unreachable',
  'prometheus-silent',
  'gateway-away',
  'compaction',
] as const satisfies readonly Outage['what'][];

/** A pure function of the seed. Times are log-uniform: slow worlds are as likely as quick ones. */
export function draw(seed: number): Draw {
  const random = chance(seed ^ 0x5eed);
  const below = (limit: number) => Math.floor(random() * limit);
  const logUniform = (least: number, most: number) =>
    Math.round(least * (most / least) ** random());
  const writes = new Map<number, Fault>();
  if (random() < 0.5) {
    for (let left = 1 + below(FAULTS_MAX); left > 0; left -= 1) {
      const write = 1 + below(WRITES_MAX);
      writes.set(write, { write, mode: MODES[below(MODES.length)] ?? 'rejected' });
    }
  }
  const outages = OUTAGES.filter(() => random() < 0.25).map((what) => ({
    what,
    atMs: below(CHAOS_MS),
    forMs: 1_000 + below(OUTAGE_MAX_MS),
  }));
  const pace = { routeMs: logUniform(50, 8_000), podReadyMs: logUniform(500, 20_000) };
  return { pace, plan: [...writes.values()].toSorted((a, b) => a.write - b.write), outages };
}

/** Arms the outages, from now on. */
export function arm(cluster: ModelCluster, outages: readonly Outage[]): void {
  const { clock } = cluster;
  for (const outage of outages) {
    clock.newTimer(outage.atMs, () => begin(cluster, outage));
    clock.newTimer(outage.atMs + outage.forMs, () => end(cluster, outage));
  }
}

function begin(cluster: ModelCluster, { what }: Outage): void {
  switch (what) {
    case 'prometheus-unreachable':
      return cluster.egress.away('prometheus', 'unreachable');
    case 'prometheus-silent':
      return cluster.egress.away('prometheus', 'silent');
    case 'gateway-away':
      return cluster.gateway.away(true);
    case 'compaction':
      return cluster.store.compact(cluster.store.revision);
  }
}

function end(cluster: ModelCluster, { what }: Outage): void {
  switch (what) {
    case 'prometheus-unreachable':
    case 'prometheus-silent':
      return cluster.egress.away('prometheus', null);
    case 'gateway-away':
      return cluster.gateway.away(false);
    case 'compaction':
      return undefined;
  }
}
