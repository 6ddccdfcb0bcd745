// Runs a rollout while something disturbs it, and compares its end and its effects with those of a calm run.
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { Entry, FaultProxy } from '../cluster/fault-proxy.ts';
import { until } from '../cluster/until.ts';
import type { Journey } from '../journeys/journey.ts';
import { Serving } from '../journeys/serving.ts';
import { proxied } from './proxied.ts';
import type { Rollout } from './rollouts.ts';
import { type Effects, effectsOf, type Ending, endingOf } from './trace.ts';

/** Begins before the first object is made. */
export type Disturbance = (
  walk: Journey,
  proxy: FaultProxy,
) => {
  /** How often it has struck so far. */
  readonly count: () => number;
};

export const CALM: Disturbance = () => ({ count: () => 0 });

export interface Run {
  readonly strikes: number;
  readonly deeds: readonly Entry[];
  readonly effects: Effects;
  readonly ending: Ending;
  /** Questions to the source of metrics. */
  readonly queries: number;
  readonly tookMs: number;
}

/** Without a reference the run is one: it waits until nothing changes any more. */
export async function runRollout(
  rollout: Rollout,
  disturb: Disturbance,
  reference?: Run,
): Promise<Run> {
  const runs: Run[] = [];
  await proxied(async (walk, proxy) => {
    const startMs = performance.now();
    const { count } = disturb(walk, proxy);
    await using serving = new Serving(walk);
    await rollout.walk(walk);
    const tookMs = Math.round(performance.now() - startMs);
    const ending = await settled(walk, proxy, reference?.ending);
    expect(serving.gaps(), 'moments at which nobody was served').toEqual([]);
    const { deeds } = proxy;
    const queries = walk.prometheus.queries.length;
    runs.push({ strikes: count(), deeds, effects: effectsOf(deeds), ending, queries, tookMs });
  });
  const [run] = runs;
  if (run === undefined) throw new Error('the rollout has not run');
  return run;
}

/** The same end, and nothing twice. */
export function expectSame(run: Run, reference: Run): void {
  expect(run.ending, 'end').toEqual(reference.ending);
  expect(run.effects, 'effects').toEqual(reference.effects);
  expect(run.queries, 'questions').toBeGreaterThanOrEqual(reference.queries);
}

/** The same end by the same images. Where answers are lost at random, the journal does not know of every effect. */
export function expectSameEnd(run: Run, reference: Run): void {
  expect(run.ending, 'end').toEqual(reference.ending);
  expect(run.effects.primaries, 'images of the primary').toEqual(reference.effects.primaries);
}

/** A row for docs/faults.md. */
export function report(fault: string, rollout: string, runs: readonly Run[]): void {
  const strikes = runs.reduce((sum, run) => sum + run.strikes, 0);
  const [shortest = 0, ...rest] = runs.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  const seconds = [shortest, rest.at(-1) ?? shortest].map((ms) => (ms / 1000).toFixed(1));
  console.log(
    `| ${fault} | ${rollout} | ${runs.length} | ${strikes} | ${seconds.join(' to ')} s |`,
  );
}

/** What has not changed for a while; with a reference, what that came to, if it comes. */
async function settled(walk: Journey, proxy: FaultProxy, wanted?: Ending): Promise<Ending> {
  const look = async (): Promise<string> =>
    JSON.stringify([await endingOf(walk), proxy.deeds.length]);
  let before = '';
  const still = async (): Promise<boolean> => {
    const now = await look();
    const same = now === before;
    before = now;
    return same;
  };
  const calm = { limitMs: 60_000, everyMs: 4_000 };
  if (wanted === undefined) {
    await until('an end at which nothing changes', still, calm);
    return endingOf(walk);
  }
  const same = async (): Promise<boolean> => isDeepStrictEqual(await endingOf(walk), wanted);
  // In vain, the comparison tells what is not so.
  await until('the end of the calm run', same, { limitMs: 45_000, everyMs: 250 }).catch(() => null);
  await until('an end at which nothing changes', still, { ...calm, everyMs: 1_000 });
  return endingOf(walk);
}
