// The live benchmark's own rules: what breaks is told and stops nothing, what disturbs others is walked alone.
import { setImmediate as others } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Ground } from '../../../bench/live/ground.ts';
import { allReached, jsonOf, tableOf } from '../../../bench/live/report.ts';
import { runAll } from '../../../bench/live/run.ts';
import type { Measured, Scenario } from '../../../bench/live/scenario.ts';

const ground: Ground = {
  bundle: '',
  tell: () => undefined,
  standing: new Set(),
  undisturbed: { tookMs: null },
};
const options = { times: null, sideBySide: 2, signal: new AbortController().signal };

function measured(reached: boolean): Measured {
  return { reached, says: reached ? 'promoted' : 'too late', figures: {}, journal: [] };
}

function scenario(name: string, given: Partial<Scenario> = {}): Scenario {
  const base = { row: name, flagger: 'worse', goal: 'better', alone: false, times: 1 };
  return { ...base, name, run: async () => measured(true), ...given };
}

test('a scenario that breaks is a line of the table, and the others are walked', async () => {
  const breaks = scenario('breaks', {
    run: () => Promise.reject(new Error('no node')),
    alone: true,
  });
  const outcomes = await runAll([breaks, scenario('good')], ground, options);
  expect(tableOf(outcomes).split('\n').slice(2, 4)).toEqual([
    '| breaks | worse | better | **broken**: no node |',
    '| good | worse | better | promoted |',
  ]);
  expect(allReached(outcomes)).toBe(false);
  expect(JSON.parse(jsonOf(outcomes, 0))).toMatchObject({
    scenarios: [{ turns: [{ broken: 'no node' }] }, { turns: [{ reached: true }] }],
  });
});

test('all turns of a scenario must reach what it is to reach', async () => {
  const once = scenario('once late', { times: 3, run: async (_, turn) => measured(turn !== 1) });
  const outcomes = await runAll([once], ground, options);
  expect(tableOf(outcomes)).toContain('promoted; **not reached**: too late; promoted');
  expect(allReached(outcomes)).toBe(false);
  expect(allReached(await runAll([scenario('good')], ground, options))).toBe(true);
});

test('what is alone has nothing beside it, and the others no more than was wished', async () => {
  let now = 0;
  const most = new Map<string, number>();
  const run = (name: string) => async (): Promise<Measured> => {
    now += 1;
    most.set(name, Math.max(most.get(name) ?? 0, now));
    await others();
    now -= 1;
    return measured(true);
  };
  const shared = scenario('shared', { times: 6, run: run('shared') });
  const alone = scenario('alone', { times: 2, alone: true, run: run('alone') });
  await runAll([shared, alone], ground, options);
  expect(Object.fromEntries(most)).toEqual({ alone: 1, shared: 2 });
});

test('after it was called off nothing more is begun', async () => {
  const calledOff = AbortSignal.abort();
  const outcomes = await runAll([scenario('good')], ground, { ...options, signal: calledOff });
  expect(tableOf(outcomes)).toContain('not walked');
  expect(allReached(outcomes)).toBe(false);
});
