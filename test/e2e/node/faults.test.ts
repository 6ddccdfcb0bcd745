// Each part of the cluster dies in turn in the middle of a good rollout under load. Runs alone: others would notice, too.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { until } from '../cluster/until.ts';
import { type Gap, watchEndpoints } from './endpoints.ts';
import { describeNode, load, type LoadSummary } from './node.ts';
import { bringBack, killPart, type Part } from './parts.ts';
import { comeUsers, failed, SPAN_MS, story } from './users.ts';
import {
  checkedOver,
  deploymentPath,
  followRollout,
  initialized,
  lastWords,
  release,
  startWalk,
  untilNoPods,
  untilStatus,
  versionOf,
  type Walk,
} from './walk.ts';

/** From the API server's word to Envoy, and from Envoy's start to its first answer. */
const SETTLES_MS = 500;
const QUICK = { interval: '4s', stepWeight: 20, maxWeight: 60, metrics: checkedOver('4s') };

interface Fault {
  readonly what: string;
  readonly awayMs: number;
  /**
   * When requests cannot be answered, whatever the operator does. `absence`: they go through the part that is away.
   * `endpoints`: a kubelet that starts takes all pods of its node for unready until their probes have passed again, and this
   * cluster has one node; so while nobody is ready behind the primary's or the canary's Service.
   */
  readonly excuse: 'none' | 'absence' | 'endpoints';
  readonly kill: (on: Walk) => Promise<void>;
  /** Resolves when it does its work again. */
  readonly back: (on: Walk) => Promise<void>;
}

const EXCUSES: Readonly<Record<Part, Fault['excuse']>> = {
  apiserver: 'none',
  etcd: 'none',
  envoy: 'absence',
  kubelet: 'endpoints',
  prometheus: 'none',
};

function part(
  what: string,
  name: Part,
  awayMs: number,
  works: (on: Walk) => Promise<boolean>,
): Fault {
  return {
    what,
    awayMs,
    excuse: EXCUSES[name],
    kill: () => killPart(name),
    back: async (on) => {
      await bringBack(name);
      await until(`${what} to be back`, () => works(on), { limitMs: 60_000 });
    },
  };
}

/** While it starts, the API server lets calls wait. */
const answers = async (on: Walk): Promise<boolean> => {
  await on.api.get(deploymentPath(on), { signal: AbortSignal.timeout(2_000) });
  return true;
};

const FAULTS: readonly Fault[] = [
  part('the API server', 'apiserver', 3_000, answers),
  part('etcd', 'etcd', 3_000, answers),
  part('Envoy', 'envoy', 1_000, async ({ host }) => {
    const got = await load({ host, requests: 1, limitMs: 5_000 });
    return Object.values(got.answers).some((byStatus) => '200' in byStatus);
  }),
  part('the kubelet', 'kubelet', 3_000, async () => {
    return (await fetch('http://127.0.0.1:10248/healthz')).ok;
  }),
  part('Prometheus', 'prometheus', 6_000, async () => {
    return (await fetch('http://127.0.0.1:9090/-/ready')).ok;
  }),
  {
    what: 'the operator',
    awayMs: 3_000,
    excuse: 'none',
    kill: (on) => on.operator.end('SIGKILL'),
    back: (on) => on.operator.start(),
  },
];

describeNode('a fault in the middle of a good rollout', () => {
  let on: Walk & AsyncDisposable;
  let released = 1;

  beforeAll(async () => {
    on = await startWalk();
    await initialized(on, QUICK);
  });
  afterAll(() => on[Symbol.asyncDispose]());

  test.each(FAULTS)(
    'of $what ends promoted, with no request that failed by our doing',
    async ({ what, awayMs, excuse, kill, back }) => {
      onTestFailed(async () => void process.stderr.write(await lastWords(on)));
      released += 1;
      const version = `v${released}`;
      await using users = await comeUsers({ host: on.host });
      await using primary = watchEndpoints(on, 'web-primary');
      await using canary = watchEndpoints(on, 'web-canary');
      await release(on, version);
      const rollout = followRollout(on);
      rollout.catch(() => undefined);
      await untilStatus(on, 'weight 20', ({ canaryWeight }) => canaryWeight === 20);
      const killedMs = Date.now();
      await kill(on);
      await pause(awayMs); // the fault itself
      await back(on);
      const backMs = Date.now();
      const { status, steps } = await rollout;
      await untilNoPods(on);
      const summary = await users.leave();
      const late = Math.round((steps.at(-1)?.sinceMs ?? 0) - killedMs);
      console.info(
        `${what}: away for ${backMs - killedMs} ms, ${status.phase} ${late} ms after the kill; ${story(summary)}`,
      );
      expect(status.phase).toBe('Succeeded');
      expect(status.failedChecks).toBe(0);
      expect(await versionOf(on, 'web-primary')).toBe(version);
      expect(Object.keys(summary.spans?.at(-1)?.answers ?? {})).toEqual([version]);
      const excused = {
        none: [],
        absence: [{ fromMs: killedMs, toMs: backMs }],
        endpoints: [...primary.gaps(), ...canary.gaps()],
      };
      expect(story(without(summary, excused[excuse]))).toMatch(/^0 of /);
      // Users who were cut off show that there were users.
      if (excuse === 'absence') expect(failed(summary)).toBeGreaterThan(0);
    },
    120_000,
  );
});

/** Without the spans that touch the gaps; a request that was under way at a gap's start began a span earlier at most. */
function without(summary: LoadSummary, gaps: readonly Gap[]): LoadSummary {
  const touched = (atMs: number): boolean =>
    gaps.some(
      ({ fromMs, toMs }) => atMs + SPAN_MS >= fromMs - SPAN_MS && atMs <= toMs + SETTLES_MS,
    );
  const spans = (summary.spans ?? []).filter(({ atMs }) => !touched(atMs));
  return { ...summary, spans };
}
