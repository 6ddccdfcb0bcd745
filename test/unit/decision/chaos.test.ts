// Whatever people and clusters do, in whatever order, and wherever the operator dies: safe always, and at rest in the end.
import * as fc from 'fast-check';
import { test } from 'vitest';
import { GENTLE, HARSH } from './chaos.ts';
import { assertAtRest, assertTrue, live, SETTINGS } from './life.ts';

const RUNS = 1_000;
const LIMIT_MS = 180_000;

test(
  'whatever people do, somebody serves, nothing unjudged is promoted, and it comes to rest',
  () => {
    fc.assert(
      fc.property(SETTINGS, GENTLE, (setting, turns) => {
        const model = live(setting, turns, true);
        assertAtRest(model);
        assertTrue(model);
      }),
      { numRuns: RUNS },
    );
  },
  LIMIT_MS,
);

test(
  'whatever breaks besides, nothing unjudged is promoted, and it comes to rest',
  () => {
    fc.assert(
      fc.property(SETTINGS, HARSH, (setting, turns) => {
        assertAtRest(live(setting, turns, false));
      }),
      { numRuns: RUNS },
    );
  },
  LIMIT_MS,
);
