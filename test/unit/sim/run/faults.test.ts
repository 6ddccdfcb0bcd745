// A sample of what `npm run sim` walks whole: the operator dies, is refused or misunderstood, and its users do not notice.
import { describe, expect, test } from 'vitest';
import { MODES } from '../../../../src/sim/run/faults.ts';
import { JOURNEYS, walk } from '../../../../src/sim/run/journey.ts';
import { draw } from '../../../../src/sim/run/swarm.ts';
import { faultsOf } from '../../../../src/sim/run/verdict.ts';
import { kinds } from './kinds.ts';

const SEEDS = 24;

describe.each(JOURNEYS)('$name', (journey) => {
  test('ends as it must without faults, the same each time', async () => {
    const first = await walk(journey, { kinds, seed: 7 });
    expect(faultsOf(journey, first)).toEqual([]);
    expect(first.writes).toBeGreaterThan(first.writesBefore);
    expect(await walk(journey, { kinds, seed: 7 })).toEqual(first);
  });

  test.each(MODES)('ends so with %s at writes of the release', async (mode) => {
    const { writesBefore, writes } = await walk(journey, { kinds, seed: 1 });
    for (let write = writesBefore + 1; write <= writes; write += 5) {
      const end = await walk(journey, { kinds, seed: 1, plan: [{ write, mode }] });
      expect(end.struck).toEqual([{ write, mode }]);
      expect(faultsOf(journey, end), `write ${write}`).toEqual([]);
    }
  });
});

test(`seeds 1 to ${SEEDS} of the swarm end as they must`, async () => {
  let struck = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const journey = JOURNEYS[seed % JOURNEYS.length]!;
    const end = await walk(journey, { kinds, seed, ...draw(seed) });
    struck += end.struck.length;
    expect(faultsOf(journey, end), `seed ${seed}, ${journey.name}`).toEqual([]);
  }
  expect(struck).toBeGreaterThan(10);
});
