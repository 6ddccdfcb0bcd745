// A good version while something else breaks: the operator, the API server, Prometheus, the Canary itself.
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../../test/e2e/cluster/until.ts';
import { OwnPrometheus } from '../../../test/e2e/node/own-prometheus.ts';
import { bringBack, killPart } from '../../../test/e2e/node/parts.ts';
import { comeUsers, failed } from '../../../test/e2e/node/users.ts';
import {
  deleteCanary,
  initialized,
  release,
  untilStatus,
  versionOf,
  type Walk,
} from '../../../test/e2e/node/walk.ts';
import { type Ground, onGround } from '../ground.ts';
import { type Journal, watchStatus } from '../journal.ts';
import {
  analysisMs,
  figuresOf,
  inSeconds,
  promotedUnharmed,
  rollOut,
  seconds,
  toldShort,
} from '../rollout.ts';
import type { Measured, Scenario } from '../scenario.ts';
import { undisturbedMs } from './versions.ts';

/** When a weight was seen first, and so much later. */
async function momentAfter(seen: () => Journal, weight: number, delayMs: number): Promise<void> {
  await until(`weight ${weight}`, () => seen().some((entry) => entry.weight >= weight), {
    limitMs: 120_000,
  });
  await pause(delayMs);
}

const OPERATOR_AWAY_MS = 5_000;
const LATE_MAX_MS = 6_000;
/** Five steps of 10 s. */
const STEPS_MS = 50_000;
/** Each time at another weight and at another moment between two checks. */
const KILLS: readonly { readonly weight: number; readonly delayMs: number }[] = [
  { weight: 10, delayMs: 1_000 },
  { weight: 20, delayMs: 3_000 },
  { weight: 30, delayMs: 5_000 },
  { weight: 40, delayMs: 7_000 },
  { weight: 50, delayMs: 9_000 },
];

export const operatorKilled: Scenario = {
  name: 'operator-killed',
  row: 'operator killed in the middle, back after 5 s',
  flagger: 'promoted, 10 to 13 s late, 0 failed',
  goal: 'promoted, ≤ 6 s late, 0 failed',
  alone: false,
  times: KILLS.length,
  run: async (ground, turn) => {
    const { weight, delayMs } = KILLS[turn % KILLS.length] ?? { weight: 30, delayMs: 0 };
    const withoutMs = await undisturbedMs(ground);
    return onGround(ground, async (on) => {
      await initialized(on);
      const story = await rollOut(ground, on, {
        meanwhile: async (seen) => {
          await momentAfter(seen, weight, delayMs);
          ground.tell(`${on.namespace}: the operator is killed`);
          await on.operator.end('SIGKILL');
          await pause(OPERATOR_AWAY_MS);
          await on.operator.start();
          ground.tell(`${on.namespace}: the operator is back`);
        },
      });
      const lateMs = story.tookMs - withoutMs;
      const stepsLateMs = analysisMs(story.journal) - STEPS_MS;
      return {
        reached: promotedUnharmed(story) && lateMs <= LATE_MAX_MS,
        says: `killed ${seconds(delayMs)} into ${weight} %: ${toldShort(story)}, ${seconds(lateMs)} late (its steps alone ${seconds(stepsLateMs)})`,
        figures: {
          ...figuresOf(story),
          lateSeconds: inSeconds(lateMs),
          stepsLateSeconds: inSeconds(stepsLateMs),
          undisturbedSeconds: inSeconds(withoutMs),
          killedAtWeight: weight,
          killedSecondsIntoStep: inSeconds(delayMs),
        },
        journal: story.journal,
      };
    });
  },
};

const API_AWAY_MS = 5_000;

export const apiServerKilled: Scenario = {
  name: 'apiserver-killed',
  row: 'API server killed in the middle, back after 5 s',
  flagger: 'promoted, 0 failed',
  goal: 'same',
  alone: true,
  times: 1,
  run: (ground) =>
    onGround(ground, async (on) => {
      await initialized(on);
      const story = await rollOut(ground, on, {
        meanwhile: async (seen) => {
          await momentAfter(seen, 20, 3_000);
          ground.tell('the API server is killed');
          await killPart('apiserver');
          await pause(API_AWAY_MS);
          await bringBack('apiserver');
          ground.tell('the API server is started again');
        },
      });
      return {
        reached: promotedUnharmed(story),
        says: toldShort(story),
        figures: figuresOf(story),
        journal: story.journal,
      };
    }),
};

const PROMETHEUS_AWAY_MS = 60_000;

export const prometheusAway: Scenario = {
  name: 'prometheus-away',
  row: 'Prometheus away for 60 s in a good rollout',
  flagger: '**rolled back**',
  goal: 'held, then promoted',
  alone: false,
  times: 1,
  run: async (ground, turn) => {
    await using prometheus = new OwnPrometheus(9_190 + (turn % 100));
    await prometheus.start();
    const body = async (on: Walk) => {
      await initialized(on);
      let heldAt: readonly number[] = [];
      const story = await rollOut(ground, on, {
        meanwhile: async (seen) => {
          await momentAfter(seen, 20, 3_000);
          ground.tell(`${on.namespace}: Prometheus goes`);
          await prometheus.end();
          const goneMs = Date.now();
          await pause(PROMETHEUS_AWAY_MS);
          heldAt = seen()
            .filter(({ atMs }) => atMs >= goneMs)
            .map(({ weight }) => weight);
          await prometheus.start();
          ground.tell(`${on.namespace}: Prometheus is back`);
        },
      });
      // A check that had its answers already may still come in after the end of Prometheus.
      const held = heldAt.length <= 1;
      return {
        reached: promotedUnharmed(story) && held,
        says: `${held ? 'held' : `not held (weights ${heldAt.join(', ')})`}, then ${toldShort(story)}`,
        figures: { ...figuresOf(story), changesWhileAway: heldAt.length },
        journal: story.journal,
      };
    };
    // Awaited here: Prometheus must not go before.
    return await onGround(ground, body, { prometheus: prometheus.url });
  },
};

const MINUTE_MS = 60_000;

export const canaryDeleted: Scenario = {
  name: 'canary-deleted',
  row: 'Canary deleted in the middle, nothing else said',
  flagger: "**outage**: 99.6 to 99.8 % of the next minute's requests fail",
  goal: '0 failed',
  alone: false,
  times: 1,
  run: (ground) => onGround(ground, (on) => deletedInTheMiddle(ground, on)),
};

async function deletedInTheMiddle(ground: Ground, on: Walk): Promise<Measured> {
  await initialized(on);
  await using users = await comeUsers({ host: on.host });
  await using watching = watchStatus(on, ({ phase, weight }) =>
    ground.tell(`${on.namespace} ${phase}, weight ${weight}`),
  );
  await release(on, 'v2');
  await untilStatus(on, 'weight 30', ({ canaryWeight }) => canaryWeight === 30);
  const deletedMs = Date.now();
  await deleteCanary(on);
  const goneMs = Date.now();
  await pause(Math.max(0, deletedMs + MINUTE_MS - Date.now()));
  const summary = await users.leave();
  const serving = Object.keys(summary.spans?.at(-1)?.answers ?? {}).join(' and ');
  const target = await versionOf(on, 'web');
  return {
    reached: failed(summary) === 0,
    says: `${failed(summary)} failed; the Canary was gone after ${seconds(goneMs - deletedMs)}, after a minute ${serving} serves`,
    figures: {
      requests: summary.requests,
      failedRequests: failed(summary),
      goneSeconds: inSeconds(goneMs - deletedMs),
      serving,
      target,
    },
    journal: [...watching.entries],
  };
}
