// Versions whose pods die after a while of serving.
import { until } from '../../../test/e2e/cluster/until.ts';
import { firstCrash } from '../../../test/e2e/node/pod-logs.ts';
import { failed, lastSeen } from '../../../test/e2e/node/users.ts';
import { checkedOver, initialized } from '../../../test/e2e/node/walk.ts';
import { onGround } from '../ground.ts';
import { figuresOf, inSeconds, rollOut, seconds } from '../rollout.ts';
import type { Scenario } from '../scenario.ts';

const LIMIT_MS = 6_000;
const FAILED_MAX = 100;

function crashes(
  after: string,
  windows: string,
  named: Pick<Scenario, 'name' | 'row' | 'flagger'>,
): Scenario {
  return {
    ...named,
    goal: 'rolled back ≤ 6 s after the first crash, ≤ 100 failed',
    alone: false,
    times: 1,
    run: (ground) =>
      onGround(ground, async (on) => {
        await initialized(on, { metrics: checkedOver(windows) });
        let crashedMs = Infinity;
        const story = await rollOut(ground, on, {
          env: { CRASH_AFTER: after },
          // Now: what pods said is gone with them.
          meanwhile: async () => {
            const first = (): number | false => {
              crashedMs = firstCrash(on.namespace);
              return Number.isFinite(crashedMs) && crashedMs;
            };
            await until('the first crash', first, { limitMs: 120_000, everyMs: 200 });
          },
        });
        const { status, summary, journal, releasedMs, tookMs } = story;
        const decidedMs = releasedMs + tookMs - crashedMs;
        const atUsersMs = (lastSeen(summary, 'v2')?.atMs ?? crashedMs) - crashedMs;
        const reached =
          status.phase === 'Failed' &&
          Math.max(decidedMs, atUsersMs) <= LIMIT_MS &&
          failed(summary) <= FAILED_MAX;
        return {
          reached,
          says: `${status.phase} ${seconds(decidedMs)} after the first crash (last canary answer ${seconds(atUsersMs)} after it), ${failed(summary)} failed`,
          figures: {
            ...figuresOf(story),
            decidedSecondsAfterCrash: inSeconds(decidedMs),
            lastCanaryAnswerSecondsAfterCrash: inSeconds(atUsersMs),
          },
          journal,
        };
      }),
  };
}

export const crash20: Scenario = crashes('20s', '10s', {
  name: 'crash-20s',
  row: 'pods crash after 20 s of serving, 10 s metric windows',
  flagger: '**promoted** 2 of 2, 10,590 and 8,050 requests failed, a third of all',
});

export const crash13: Scenario = crashes('13s', '10s', {
  name: 'crash-13s',
  row: 'pods crash after 13 s of serving, 10 s metric windows',
  flagger: 'stuck at 40 %, 4,035 failed',
});

export const crashWindows60: Scenario = crashes('20s', '60s', {
  name: 'crash-60s-windows',
  row: 'pods crash after 20 s of serving, 60 s metric windows',
  flagger: 'rolled back 48 s after the first crash, 315 failed',
});
