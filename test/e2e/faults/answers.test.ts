// An API server that answers late, wrongly or not at all in a rollout: it ends as without that, by itself.
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import type { Entry, Fault, FaultProxy, Rule } from '../cluster/fault-proxy.ts';
import { type Call, isDeed, titleOf } from '../cluster/fault-proxy-call.ts';
import { initialized, setImage, untilCanary, untilPhase } from '../journeys/journey.ts';
import { textOf } from './deaths.ts';
import { proxied, Seats } from './proxied.ts';
import { ROLLOUTS } from './rollouts.ts';
import {
  CALM,
  type Disturbance,
  expectSame,
  expectSameEnd,
  report,
  type Run,
  runRollout,
} from './run.ts';

const [ROLLOUT] = ROLLOUTS;
/** Runs wait for each other. */
const LIMIT = { timeout: 600_000 };

/** An operator that is told so has to look again, and must not have believed that all is well. */
const REFUSALS = [
  ['429, asked to come back in a second', { code: 429, retryAfterSeconds: 1 }],
  ['429', { code: 429 }],
  ['500', { code: 500 }],
  ['503', { code: 503 }],
  ['504', { code: 504 }],
  ['409', { code: 409 }],
] as const;

describeE2E('a rollout ends as without it, by itself, when', () => {
  const seats = new Seats(3);
  let reference: Promise<Run>;

  beforeAll(async () => {
    reference = seats.take(() => runRollout(ROLLOUT, CALM));
    await reference;
  });

  async function ends(fault: string, disturb: Disturbance, same = expectSame): Promise<Run> {
    const calm = await reference;
    const run = await seats.take(() => runRollout(ROLLOUT, disturb, calm));
    report(fault, ROLLOUT.name, [run]);
    same(run, calm);
    return run;
  }

  test.concurrent.for(REFUSALS)(
    'each kind of write is first refused: %s',
    LIMIT,
    async ([, how]) => {
      const calm = await reference;
      const run = await ends(
        `${how.code} to the first of each kind of write${'retryAfterSeconds' in how ? ', with Retry-After' : ''}`,
        byRule(firstOfEach(), { kind: 'refuse', when: 'before', ...how }),
      );
      expect(run.strikes).toBeGreaterThanOrEqual(kinds(calm).size);
    },
  );

  test.concurrent('every write is obeyed and answered with an error', LIMIT, async () => {
    const calm = await reference;
    const run = await ends(
      '504 to every write, each obeyed',
      byRule(eachOnce(), { kind: 'refuse', when: 'after', code: 504 }),
      expectSameEnd,
    );
    expect(run.strikes).toBeGreaterThanOrEqual(kinds(calm).size);
  });

  test.concurrent('the connection breaks after each write, before its answer', LIMIT, async () => {
    const calm = await reference;
    const run = await ends(
      'connection cut at every write, each obeyed',
      byRule(eachOnce(), { kind: 'cut', when: 'after' }),
      expectSameEnd,
    );
    expect(run.strikes).toBeGreaterThanOrEqual(kinds(calm).size);
  });

  test.concurrent('every request takes 2 s', LIMIT, async () => {
    await ends(
      '2 s for every request',
      byRule(() => true, { kind: 'delay', ms: 2_000 }),
    );
  });

  test.concurrent('all connections are cut each second', LIMIT, async () => {
    const run = await ends(
      'all connections cut each second, for 15 s',
      cutsEachSecond(15),
      expectSameEnd,
    );
    expect(run.strikes).toBe(15);
  });

  test.concurrent('lists are not streamed and watches lose their history', LIMIT, async () => {
    await ends(
      'no streamed lists, 410 to all watches each second, for 15 s',
      (_, proxy) => {
        proxy.refuseWatchList();
        return eachSecond(15, () => proxy.expireWatches());
      },
      expectSameEnd,
    );
  });

  test.concurrent('its connections fall silent, without an end', LIMIT, async () => {
    await seats.take(() =>
      proxied(async (walk, proxy) => {
        await initialized(walk, {}, { analysis: { stepWeights: [10, 50] } });
        await setImage(walk, 'web:2');
        await untilCanary(walk, 'the first weight', ({ status }) => status.canaryWeight === 10);
        proxy.wires.silenceAll({ newToo: false });
        const fromMs = performance.now();
        const before = proxy.journal.length;
        await untilPhase(walk, 'Succeeded', { limitMs: 200_000 });
        const tookMs = performance.now() - fromMs;
        const again = proxy.journal[before];
        expect(again).toBeDefined();
        report('all connections silent', 'weighted, promoted', [silent(proxy, tookMs)]);
        // A watch is given up after 85 s without a byte; then the rest of the rollout.
        expect(tookMs).toBeLessThan(85_000 + 60_000);
      }),
    );
  });
});

function kinds({ deeds }: Run): ReadonlySet<string> {
  return new Set(deeds.map(({ call }) => titleOf(call)));
}

/** True for each write, but not again for one that says the same: a fault that never ends is not healed. */
function eachOnce(): (call: Call) => boolean {
  const seen = new Set<string>();
  return (call) => {
    const said = textOf(call);
    const first = isDeed(call) && !seen.has(said);
    seen.add(said);
    return first;
  };
}

/** True for the first write of each verb on each object. */
function firstOfEach(): (call: Call) => boolean {
  const seen = new Set<string>();
  return (call) => {
    const title = titleOf(call);
    const first = isDeed(call) && !seen.has(title);
    seen.add(title);
    return first;
  };
}

function byRule(concerns: Rule['concerns'], fault: Fault): Disturbance {
  return (_, proxy) => {
    proxy.harm({ concerns, fault });
    return { count: () => proxy.journal.filter((entry: Entry) => entry.fault !== null).length };
  };
}

function cutsEachSecond(times: number): Disturbance {
  return (_, proxy) => eachSecond(times, () => proxy.wires.cutAll());
}

function eachSecond(times: number, strike: () => void): { readonly count: () => number } {
  let count = 0;
  void (async () => {
    while (count < times) {
      await pause(1_000); // the fault itself
      strike();
      count += 1;
    }
  })();
  return { count: () => count };
}

function silent(proxy: FaultProxy, tookMs: number): Run {
  const { deeds } = proxy;
  return { strikes: 1, deeds, tookMs, queries: 0, ending: {}, effects: EMPTY };
}

const EMPTY = { changes: {}, primaries: [], phases: [], chosen: [], routed: [] };
