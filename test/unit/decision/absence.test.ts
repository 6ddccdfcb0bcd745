// An operator that is away in the middle of a rollout makes it as late as it was away itself, whenever that was.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CanarySpec } from '../../../src/api/canary.ts';
import { Model, type Nature } from './model.ts';
import { METRIC, spec, weighted } from './worlds.ts';

const FIVE_STEPS = spec({}, { strategy: weighted([10, 20, 30, 40, 50]), intervalMs: 10_000 });
const metrics = [
  { ...METRIC, name: 'short', intervalMs: 10_000 },
  { ...METRIC, name: 'long', intervalMs: 25_000 },
];

const SPECS: readonly CanarySpec[] = [
  FIVE_STEPS,
  { ...FIVE_STEPS, analysis: { ...FIVE_STEPS.analysis, metrics } },
  { ...FIVE_STEPS, analysis: { ...FIVE_STEPS.analysis, metrics: [] } },
  spec({}, { strategy: { kind: 'blue-green', iterations: 4 }, intervalMs: 10_000 }),
];

/** One second for the model's own steps of a second, one for the questions that are put anew. */
const ALLOWED_S = 2;

function rolled(
  of: CanarySpec,
  nature: Partial<Nature>,
  away?: { at: number; for: number; dies: number },
): number {
  const model = new Model(of, nature);
  model.pass(60);
  model.setVersion(2);
  const began = model.now;
  if (away !== undefined) {
    model.pass(away.at);
    model.pass(1, [away.dies]);
    model.away(away.for);
  }
  while (model.status.phase !== 'Succeeded') {
    model.pass(1);
    if (model.now - began > 600_000) throw new Error(`never ends: ${model.last?.why}`);
  }
  expect(model.status.failedChecks).toBe(0);
  return (model.now - began) / 1_000;
}

test('a rollout is late by the absence of its operator, and a second or two', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SPECS),
      fc.record({ routeMs: fc.constantFrom(0, 2_000), answerMs: fc.constantFrom(1_000, 3_000) }),
      fc.record({
        at: fc.integer({ min: 1, max: 55 }),
        for: fc.integer({ min: 1, max: 40 }),
        dies: fc.nat(2),
      }),
      (of, nature, away) => {
        const late = rolled(of, nature, away) - rolled(of, nature);
        expect(late).toBeLessThanOrEqual(away.for + ALLOWED_S + nature.answerMs / 1_000 - 1);
      },
    ),
    { numRuns: 400 },
  );
}, 60_000);
