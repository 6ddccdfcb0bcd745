// The operator killed after each of its writes in turn and started again: the same end, and nothing done twice.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { deathAfterEvery, deathAt, textOf } from './deaths.ts';
import { Seats } from './proxied.ts';
import { type Rollout, ROLLOUTS } from './rollouts.ts';
import { CALM, expectSame, report, type Run, runRollout } from './run.ts';

/** `FAULTS=all`: a death at each single write of all rollouts, before and after it; else of the first one. */
const ALL = process.env['FAULTS'] === 'all';
/** Runs wait for each other. */
const LIMIT = { timeout: ALL ? 7_200_000 : 600_000 };
/** Every so many writes; before a write is rarer: with none of it done, that is a death after the write before it. */
const EVERY = ALL ? { after: 1, before: 1 } : { after: 6, before: 12 };

describeE2E('an operator that is killed', () => {
  const seats = new Seats(3);
  const references = new Map<string, Promise<Run>>();

  function referenceOf(rollout: Rollout): Promise<Run> {
    const known = references.get(rollout.name);
    if (known !== undefined) return known;
    const run = seats.take(() => runRollout(rollout, CALM));
    references.set(rollout.name, run);
    return run;
  }

  test.concurrent.for(ROLLOUTS.map((rollout) => [rollout.name, rollout] as const))(
    'after every write ends as if it had lived: %s',
    LIMIT,
    async ([, rollout]) => {
      const reference = await referenceOf(rollout);
      const run = await seats.take(() => runRollout(rollout, deathAfterEvery(), reference));
      report('none', rollout.name, [reference]);
      report('death after every write', rollout.name, [run]);
      expectSame(run, reference);
      // Two records may come as one, by when the target's controller counts: its effects may not.
      const effects = reference.deeds.filter(({ call }) => call.subresource !== 'status');
      const writes = new Set(effects.map(({ call }) => textOf(call)));
      expect(run.strikes).toBeGreaterThan(writes.size);
    },
  );

  test.concurrent.for(
    ROLLOUTS.slice(0, ALL ? ROLLOUTS.length : 1).flatMap((rollout) =>
      (['after', 'before'] as const).map((when) => [when, rollout.name, rollout] as const),
    ),
  )('once, %s any one write, ends as if it had lived: %s', LIMIT, async ([when, , rollout]) => {
    const reference = await referenceOf(rollout);
    const numbers = reference.deeds
      .map(({ deed }) => deed)
      .filter((deed) => deed % EVERY[when] === 0);
    const runs = await Promise.all(
      numbers.map((number) =>
        seats.take(async () => {
          const run = await runRollout(rollout, deathAt(when, number), reference);
          expect(run.strikes).toBe(1);
          expectSame(run, reference);
          return run;
        }),
      ),
    );
    report(`death ${when} any one write`, rollout.name, runs);
  });
});
