// Parts `fleet` and `few`: many rollouts at once, from idle Canaries to the last one promoted.
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/e2e/cluster/until.ts';
import { between } from './audit-log.ts';
import { startCluster } from './cluster.ts';
import { inTurn, quantile, round, seconds } from './figures.ts';
import { CALLERS, Fleet } from './fleet.ts';
import { Operator } from './operator.ts';
import type { PartOptions } from './part.ts';

/** A change may be seen this long before the caller has its answer. */
const EARLY_MS = 500;
const CALM_MS = 15_000;
const AFTERMATH_MS = 3_000;
const ROLLED_LIMIT_MS = 600_000;

export interface AtOnceOptions extends PartOptions {
  readonly count: number;
  readonly intervalSeconds: number;
  readonly idleSeconds: number;
}

export interface AtOnce {
  readonly count: number;
  readonly idealSeconds: number;
  readonly initSeconds: number;
  readonly initRequests: number;
  readonly idleRequestsPerMinute: number;
  readonly idleCpuSecondsPerMinute: number;
  readonly requestsPerRollout: number;
  readonly requestsByKind: Readonly<Record<string, number>>;
  readonly finished: number;
  readonly detectP50: number | null;
  readonly detectP99: number | null;
  readonly rolloutP50: number | null;
  readonly rolloutP99: number | null;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
}

export async function atOnce(options: AtOnceOptions): Promise<AtOnce> {
  const { count, intervalSeconds, idleSeconds, say } = options;
  await using cluster = await startCluster({ pods: true });
  await using operator = new Operator({ ...options, kubeconfig: cluster.kubeconfig });
  await operator.ready(60_000);
  await using fleet = new Fleet(cluster, count, { intervalSeconds });
  const empty = cluster.audit.count();
  const initSeconds = await fleet.initialize(say);
  const initRequests = round(between(empty, cluster.audit.count()).total / count, 1);
  say(`initialized after ${initSeconds} s; idle for ${idleSeconds} s`);
  await pause(CALM_MS);
  const idle = { requests: cluster.audit.count(), usage: operator.usage() };
  await pause(idleSeconds * 1000);
  const before = { requests: cluster.audit.count(), usage: operator.usage() };
  const perMinute = 60 / idleSeconds;
  const idleRequests = between(idle.requests, before.requests).total / count;
  say(`${count} targets get a new version`);
  const times = await roll(fleet, '2', ROLLED_LIMIT_MS);
  // What is written after the last word of a rollout belongs to it as well.
  await pause(AFTERMATH_MS);
  const requests = between(before.requests, cluster.audit.count());
  const usage = operator.usage();
  say(`${times.finished.length} of ${count} are promoted`);
  return {
    count,
    idealSeconds: 2 * intervalSeconds,
    initSeconds,
    initRequests,
    idleRequestsPerMinute: round(idleRequests * perMinute),
    idleCpuSecondsPerMinute: round(
      (before.usage.cpuSeconds - idle.usage.cpuSeconds) * perMinute,
      3,
    ),
    requestsPerRollout: round(requests.total / count, 1),
    requestsByKind: Object.fromEntries(
      [...requests.kinds].map(([kind, number]) => [kind, round(number / count)]),
    ),
    finished: times.finished.length,
    detectP50: seconds(quantile(times.detected, 0.5)),
    detectP99: seconds(quantile(times.detected, 0.99)),
    rolloutP50: seconds(quantile(times.finished, 0.5)),
    rolloutP99: seconds(quantile(times.finished, 0.99)),
    cpuSeconds: round(usage.cpuSeconds - before.usage.cpuSeconds),
    rssMb: round(usage.rssMb, 1),
    peakRssMb: round(usage.peakRssMb, 1),
  };
}

/**
 * Gives every target a new version and waits for the end of all rollouts. Times in milliseconds from the moment at which
 * the API server had taken the change: to the first status that speaks of it, and to the promotion.
 */
async function roll(
  fleet: Fleet,
  version: string,
  limitMs: number,
): Promise<{ readonly detected: readonly number[]; readonly finished: readonly number[] }> {
  const changed = new Map<string, number>();
  await inTurn(fleet.names, CALLERS, async (name) => {
    changed.set(name, await fleet.change(name, `app:${version}`));
  });
  const detected = new Map<string, number>();
  const finished = new Map<string, number>();
  const look = (): boolean => {
    for (const [name, at] of changed) {
      if (finished.has(name)) continue;
      const start = fleet.firstSeen(name, ['Progressing', 'Waiting'], at - EARLY_MS);
      if (start === null) continue;
      detected.set(name, start - at);
      const end = fleet.firstSeen(name, ['Succeeded'], start);
      if (end !== null) finished.set(name, end - at);
    }
    return finished.size === changed.size;
  };
  // A rollout that does not end is told by the count, beside the figures of the others.
  await until('all rollouts to end', look, { limitMs, everyMs: 200 }).catch(() => undefined);
  return { detected: [...detected.values()], finished: [...finished.values()] };
}
