// A target with an autoscaler under a load that costs CPU: the primary must have the pods that its share of the load needs.
import { setTimeout as pause } from 'node:timers/promises';
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import { until } from '../../../test/e2e/cluster/until.ts';
import {
  backendsOf,
  checkedOver,
  createCanary,
  deploymentPath,
  deployTarget,
  type Place,
  untilStatus,
  type Walk,
} from '../../../test/e2e/node/walk.ts';
import { onGround } from '../ground.ts';
import { figuresOf, promotedUnharmed, rollOut, seconds, toldShort } from '../rollout.ts';
import type { Scenario } from '../scenario.ts';

const LEAST = 2;
const MOST = 6;
/** 100 requests a second cost 0.15 to 0.2 cores with what the server itself takes: four pods. */
const SHAPE = {
  replicas: LEAST,
  env: { WORK: '1ms' },
  resources: { requests: { cpu: '120m' }, limits: { cpu: '200m' } },
};
const FOR_EACH_POD = '45m';
const WARMUP_MS = 60_000;
const STEADY_MS = 20_000;
const LOOK_EVERY_MS = 200;

interface Autoscaler extends KubeObject {
  readonly status?: { readonly desiredReplicas?: number };
}

function autoscalerPath({ namespace }: Place, name = ''): string {
  return `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/${name}`;
}

async function createAutoscaler(on: Place, scaleDownAfterSeconds: number): Promise<void> {
  const target = { type: 'AverageValue', averageValue: FOR_EACH_POD };
  await on.api.post(autoscalerPath(on), {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: LEAST,
      maxReplicas: MOST,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: scaleDownAfterSeconds } },
    },
  });
}

async function readyOf(on: Place): Promise<number> {
  const { status } = await on.api.get<Deployment>(deploymentPath(on, 'web-primary'));
  return status?.readyReplicas ?? 0;
}

/** With how many pods the primary carried the whole load, once its autoscaler had the time to make up its mind. */
async function steadyCount(on: Place): Promise<number> {
  const beganMs = Date.now();
  const seen: { readonly atMs: number; readonly ready: number }[] = [];
  await until(
    'the autoscaler to have made up its mind',
    async () => {
      const ready = await readyOf(on);
      const { status } = await on.api.get<Autoscaler>(autoscalerPath(on, 'web-primary'));
      seen.push({ atMs: Date.now(), ready });
      const settled = ready > LEAST && status?.desiredReplicas === ready;
      return settled && Date.now() - beganMs >= WARMUP_MS;
    },
    { limitMs: 180_000, everyMs: 500 },
  );
  const latest = seen.filter(({ atMs }) => atMs >= Date.now() - STEADY_MS);
  return Math.min(...latest.map(({ ready }) => ready));
}

interface Look {
  /** Since 1970. */
  readonly atMs: number;
  /** Of the traffic, in percent. */
  readonly share: number;
  readonly ready: number;
}

/** Looks at route and primary until `ended`. The route first: capacity must be there before traffic is. */
async function looksUntil(
  on: Place,
  ended: AbortSignal,
  tell: (changed: Look) => void,
): Promise<readonly Look[]> {
  const looks: Look[] = [];
  while (!ended.aborted) {
    const { 'web-primary': share = 0 } = await backendsOf(on);
    const look = { atMs: Date.now(), share, ready: await readyOf(on) };
    const last = looks.at(-1);
    if (last?.share !== look.share || last.ready !== look.ready) tell(look);
    looks.push(look);
    await pause(LOOK_EVERY_MS);
  }
  return looks;
}

/** An autoscaler tolerates a tenth more than it was told, so a part of a pod is not missed. */
function needed(steady: number, { share }: Look): number {
  return Math.floor((steady * share) / 100);
}

interface Kind {
  readonly intervalSeconds: number;
  /** 0: it follows a falling load at once. */
  readonly scaleDownAfterSeconds: number;
  /** From the release to the success; null: not asked for. */
  readonly limitMs: number | null;
}

async function initializedWith(on: Walk, kind: Kind): Promise<void> {
  const interval = `${kind.intervalSeconds}s`;
  await deployTarget(on, SHAPE);
  await createAutoscaler(on, kind.scaleDownAfterSeconds);
  const autoscalerRef = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    name: 'web',
  };
  await createCanary(on, { interval, metrics: checkedOver('10s') }, { autoscalerRef });
  await untilStatus(on, 'the first version', ({ phase }) => phase === 'Initialized');
}

function autoscaled(
  kind: Kind,
  named: Pick<Scenario, 'name' | 'row' | 'flagger' | 'goal'>,
): Scenario {
  return {
    ...named,
    alone: true,
    times: 1,
    run: (ground) =>
      onGround(ground, async (on) => {
        await initializedWith(on, kind);
        let steady = 0;
        const over = new AbortController();
        let looking: Promise<readonly Look[]> = Promise.resolve([]);
        const before = async (): Promise<void> => {
          steady = await steadyCount(on);
          ground.tell(`${on.namespace}: the load needs ${steady} pods`);
          looking = looksUntil(on, over.signal, ({ share, ready }) =>
            ground.tell(`${on.namespace}: ${ready} primary pods are ready for ${share} %`),
          );
          looking.catch(() => undefined);
        };
        const story = await rollOut(ground, on, { before }).finally(() => over.abort());
        const looks = await looking;
        const below = looks.filter((look) => look.ready < needed(steady, look));
        const returned = looks.filter(
          ({ share, atMs }) =>
            share === 100 && atMs > story.releasedMs + kind.intervalSeconds * 2_000,
        );
        const figures = {
          podsForTheWholeLoad: steady,
          fewestPrimaryPods: Math.min(...looks.map(({ ready }) => ready)),
          fewestPrimaryPodsWithAllTraffic: Math.min(...returned.map(({ ready }) => ready)),
          looks: looks.length,
          looksBelowNeed: below.length,
        };
        return {
          reached:
            promotedUnharmed(story) &&
            below.length === 0 &&
            (kind.limitMs === null || story.tookMs <= kind.limitMs),
          says: `${toldShort(story)}; the load needs ${steady} pods, the primary had ${figures.fewestPrimaryPods} at least, ${figures.fewestPrimaryPodsWithAllTraffic} when all traffic was back; below its need for ${seconds(below.length * LOOK_EVERY_MS)}`,
          figures: { ...figuresOf(story), ...figures },
          journal: story.journal,
        };
      }),
  };
}

export const hpa: Scenario = autoscaled(
  { intervalSeconds: 10, scaleDownAfterSeconds: 300, limitMs: 60_000 },
  {
    name: 'hpa',
    row: 'HPA (2 to 6) on a loaded target',
    flagger: 'promoted in 81 s, 0 failed',
    goal: 'promoted in ≤ 60 s, primary never below what the load needs, 0 failed',
  },
);

export const hpaShrunk: Scenario = autoscaled(
  { intervalSeconds: 20, scaleDownAfterSeconds: 0, limitMs: null },
  {
    name: 'hpa-shrunk',
    row: 'the same with 20 s steps and a primary that shrank meanwhile',
    flagger: 'traffic returned to 3 and 4 pods, once 8,347 failed',
    goal: 'promoted, primary never below what the load needs, 0 failed',
  },
);
