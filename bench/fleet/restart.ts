// Part `start`: how long a new process takes until it is ready, with a fleet of Canaries that an earlier one left at rest.
import { setTimeout as pause } from 'node:timers/promises';
import { startCluster } from './cluster.ts';
import { quantile, round } from './figures.ts';
import { Fleet } from './fleet.ts';
import { Operator } from './operator.ts';
import type { PartOptions } from './part.ts';

const CALM_MS = 5_000;
const INITIALIZED_LIMIT_MS = 900_000;
const READY_LIMIT_MS = 60_000;

export interface RestartOptions extends PartOptions {
  readonly count: number;
  readonly runs: number;
}

export interface Restart {
  readonly count: number;
  readonly readySecondsMedian: number;
  readonly readySecondsMax: number;
  readonly initSeconds: number;
  /** Of the process that initialized them all. */
  readonly initCpuSeconds: number;
  readonly initPeakRssMb: number;
}

export async function restart(options: RestartOptions): Promise<Restart> {
  const { count, say } = options;
  await using cluster = await startCluster({ pods: true });
  const start = () => new Operator({ ...options, kubeconfig: cluster.kubeconfig });
  const init = await initialize();
  const times: number[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    await using operator = start();
    const ms = await operator.ready(READY_LIMIT_MS);
    times.push(ms);
    say(`start ${run}: ready after ${round(ms / 1000)} s`);
    // All are looked at once: a process that is stopped in the middle of that stops late.
    await pause(CALM_MS);
  }
  return {
    count,
    readySecondsMedian: round((quantile(times, 0.5) ?? 0) / 1000),
    readySecondsMax: round(Math.max(...times) / 1000),
    ...init,
  };

  async function initialize() {
    await using operator = start();
    await operator.ready(READY_LIMIT_MS);
    await using fleet = new Fleet(cluster, count, { intervalSeconds: 10 });
    const initSeconds = await fleet.initialize(say, INITIALIZED_LIMIT_MS);
    say(`initialized after ${initSeconds} s`);
    await pause(CALM_MS);
    const { cpuSeconds, peakRssMb } = operator.usage();
    return { initSeconds, initCpuSeconds: round(cpuSeconds), initPeakRssMb: round(peakRssMb, 1) };
  }
}
