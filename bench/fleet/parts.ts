// The parts of the benchmark: what each one measures, and the lines of the table that it fills.
import { type AtOnce, atOnce } from './at-once.ts';
import { type Large, largeObjects } from './large-objects.ts';
import type { PartOptions } from './part.ts';
import { type Restart, restart } from './restart.ts';
import { type Soak, soak } from './soak.ts';
import { type Verdict, verdict } from './verdict.ts';

export interface Sizes {
  /** Canaries of `fleet`, `verdict` and `soak`. */
  readonly count: number;
  readonly minutes: number;
}

export interface Line {
  readonly what: string;
  readonly flagger: string;
  readonly argo: string;
  readonly toReach: string;
  readonly measured: string;
  /** null: there is no limit. */
  readonly reached: boolean | null;
}

export interface Part {
  readonly name: string;
  readonly summary: string;
  /** Runs only when asked for. */
  readonly onlyByName?: boolean;
  run(
    options: PartOptions,
    sizes: Sizes,
  ): Promise<{ readonly result: unknown; readonly lines: readonly Line[] }>;
}

export const PARTS: readonly Part[] = [
  {
    name: 'fleet',
    summary:
      'idle requests, requests of a rollout, detection, duration, CPU and RSS with all at once',
    async run(options, { count }) {
      const result = await atOnce({ ...options, count, intervalSeconds: 10, idleSeconds: 60 });
      return { result, lines: fleetLines(result) };
    },
  },
  {
    name: 'few',
    summary: 'duration of 20 rollouts at once',
    async run(options) {
      const result = await atOnce({ ...options, count: 20, intervalSeconds: 10, idleSeconds: 5 });
      return { result, lines: [durationLine(result, { flagger: '52 s', argo: '–', limit: 25 })] };
    },
  },
  {
    name: 'large',
    summary: 'start with 5,000 Deployments of 9 KB in the cluster',
    async run(options, { count }) {
      const result = await largeObjects({ ...options, count: 25 * count, bytes: 9_000, runs: 3 });
      return { result, lines: largeLines(result) };
    },
  },
  {
    name: 'start',
    summary: 'start of the process with 1,000 Canaries at rest',
    async run(options, { count }) {
      const result = await restart({ ...options, count: 5 * count, runs: 5 });
      return { result, lines: [startLine(result)] };
    },
  },
  {
    name: 'verdict',
    summary: 'failed verdict to weight 0',
    async run(options, { count }) {
      const result = await verdict({ ...options, count, intervalSeconds: 10 });
      return { result, lines: [verdictLine(result)] };
    },
  },
  {
    name: 'soak',
    summary: 'Canaries that roll in turn for a long time (--minutes)',
    onlyByName: true,
    async run(options, { count, minutes }) {
      const result = await soak({ ...options, count, minutes });
      return { result, lines: [soakLine(result)] };
    },
  },
];

const UNKNOWN = '–';

function fleetLines(of: AtOnce): readonly Line[] {
  const all = of.finished === of.count;
  return [
    {
      what: `requests of an idle canary, per minute (${of.count} canaries, interval 10 s)`,
      flagger: '66',
      argo: '0',
      toReach: '0',
      measured: String(of.idleRequestsPerMinute),
      reached: of.idleRequestsPerMinute === 0,
    },
    {
      what: 'requests for one rollout (2 steps), Events included',
      flagger: '129',
      argo: '33',
      toReach: '≤ 20',
      measured: String(of.requestsPerRollout),
      reached: all && of.requestsPerRollout <= 20,
    },
    {
      what: `change seen to Progressing, ${of.count} at once: p50; p99`,
      flagger: '–; 7.1 s',
      argo: '–; 5.8 s',
      toReach: '–; ≤ 1 s',
      measured: `${of.detectP50 ?? UNKNOWN} s; ${of.detectP99 ?? UNKNOWN} s`,
      reached: of.detectP99 !== null && of.detectP99 <= 1,
    },
    durationLine(of, { flagger: '73 s', argo: '46 s', limit: 32 }),
    {
      what: `CPU seconds for ${of.count} rollouts`,
      flagger: '9.8',
      argo: '13.0',
      toReach: '≤ 8',
      measured: String(of.cpuSeconds),
      reached: all && of.cpuSeconds <= 8,
    },
    {
      what: `peak RSS with ${of.count} canaries`,
      flagger: '86 MB',
      argo: '128 MB',
      toReach: '≤ 110 MB',
      measured: `${of.peakRssMb} MB`,
      reached: of.peakRssMb <= 110,
    },
  ];
}

function durationLine(
  of: AtOnce,
  {
    flagger,
    argo,
    limit,
  }: { readonly flagger: string; readonly argo: string; readonly limit: number },
): Line {
  const missing = of.finished === of.count ? '' : ` (${of.finished} of ${of.count} ended)`;
  return {
    what: `rollout time, ideal ${of.idealSeconds} s, ${of.count} at once: p50; p99`,
    flagger: `–; ${flagger}`,
    argo: argo === UNKNOWN ? UNKNOWN : `–; ${argo}`,
    toReach: `–; ≤ ${limit} s`,
    measured: `${of.rolloutP50 ?? UNKNOWN} s; ${of.rolloutP99 ?? UNKNOWN} s${missing}`,
    reached: of.finished === of.count && of.rolloutP99 !== null && of.rolloutP99 <= limit,
  };
}

function largeLines(of: Large): readonly Line[] {
  const size = `${of.count} Deployments of ${(of.bytes / 1000).toFixed(1)} KB`;
  const line = (what: string, limit: string, measured: string, reached: boolean): Line => ({
    what: `${size}: ${what}`,
    flagger: UNKNOWN,
    argo: UNKNOWN,
    toReach: limit,
    measured,
    reached,
  });
  return [
    line('process start to caches filled', '≤ 4 s', `${of.readySeconds} s`, of.readySeconds <= 4),
    line('longest event-loop stall', '≤ 60 ms', `${of.stallMs} ms`, of.stallMs <= 60),
    line('peak RSS', '≤ 150 MB', `${of.rssMb} MB`, of.rssMb <= 150),
  ];
}

function startLine(of: Restart): Line {
  return {
    what: `process start to ready, ${of.count} canaries: median; longest`,
    flagger: UNKNOWN,
    argo: UNKNOWN,
    toReach: '≤ 2.5 s',
    measured: `${of.readySecondsMedian} s; ${of.readySecondsMax} s`,
    reached: of.readySecondsMax <= 2.5,
  };
}

function verdictLine(of: Verdict): Line {
  const missing = of.rolledBack === of.count ? '' : ` (${of.rolledBack} of ${of.count})`;
  return {
    what: `failed verdict to weight 0 written, ${of.count} within 10 s: p50; p99`,
    flagger: 'up to a tick',
    argo: UNKNOWN,
    toReach: '–; ≤ 0.3 s',
    measured: `${of.p50 ?? UNKNOWN} s; ${of.p99 ?? UNKNOWN} s${missing}`,
    reached: of.rolledBack === of.count && of.p99 !== null && of.p99 <= 0.3,
  };
}

function soakLine(of: Soak): Line {
  return {
    what: `${of.minutes} minutes, ${of.count} canaries in turn (${of.rollouts} rollouts): heap; RSS; sockets; watches`,
    flagger: UNKNOWN,
    argo: UNKNOWN,
    toReach: 'flat; –; constant; constant',
    measured: `${of.heapGrowthMbPerHour} MB/h; ${of.rssGrowthMbPerHour} MB/h; ${of.sockets.join('–')}; ${of.watches.join('–')}`,
    reached: of.stuck === 0 && of.heapGrowthMbPerHour <= 5,
  };
}
