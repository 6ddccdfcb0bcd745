// Judging: bounds are inclusive, what is no number is never a pass, and messages say what was compared.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../src/api/canary.ts';
import { combine, judge } from '../../../src/analysis/judge.ts';
import type { Sample } from '../../../src/analysis/sample.ts';

function metric(min: number | null, max: number | null) {
  return { name: 'request-success-rate', range: { min, max } };
}

function number(value: number): Sample {
  return { kind: 'number', value };
}

test.each<[number | null, number | null, number, Verdict, string]>([
  [99, null, 97.2, 'fail', 'request-success-rate 97.20 is below the minimum 99'],
  [99, null, 98.9999, 'fail', 'request-success-rate 98.9999 is below the minimum 99'],
  [99, null, 99, 'pass', 'request-success-rate 99 is within the minimum 99'],
  [null, 500, 500, 'pass', 'request-success-rate 500 is within the maximum 500'],
  [null, 500, 500.001, 'fail', 'request-success-rate 500.001 is above the maximum 500'],
  [null, 500, 1234.5, 'fail', 'request-success-rate 1234.50 is above the maximum 500'],
  [1, 2, 1.5, 'pass', 'request-success-rate 1.50 is within 1 and 2'],
  [1, 2, 0.5, 'fail', 'request-success-rate 0.50 is below the minimum 1'],
  [null, 0, 0.000012345, 'fail', 'request-success-rate 0.0000123 is above the maximum 0'],
  [null, -1, -0.25, 'fail', 'request-success-rate -0.25 is above the maximum -1'],
  [0, 0, 0, 'pass', 'request-success-rate 0 is within 0 and 0'],
])('between %d and %d, %d is a %s', (min, max, value, verdict, message) => {
  expect(judge(metric(min, max), number(value))).toEqual({ verdict, value, message });
});

describe('unknown is', () => {
  test.each([Number.NaN, Infinity, -Infinity])('%d', (value) => {
    for (const range of [metric(0, null), metric(null, 100), metric(0, 100)]) {
      expect(judge(range, number(value))).toMatchObject({ verdict: 'unknown', value: null });
    }
  });

  test('no sample, with its reason', () => {
    const sample = { kind: 'none', reason: 'NoData', message: 'the query gave no series' } as const;
    expect(judge(metric(99, null), sample)).toEqual({
      verdict: 'unknown',
      value: null,
      message: 'request-success-rate is unknown: the query gave no series',
    });
  });

  test.each<[number | null, number | null]>([
    [null, null],
    [Number.NaN, null],
    [0, Number.NaN],
  ])('a metric with the bounds %d and %d', (min, max) => {
    expect(judge(metric(min, max), number(50)).verdict).toBe('unknown');
  });
});

test('a pass is a finite number inside the bounds, whatever they are', () => {
  const bound = fc.option(fc.double(), { nil: null });
  fc.assert(
    fc.property(bound, bound, fc.double(), (min, max, value) => {
      const { verdict, message } = judge(metric(min, max), number(value));
      const bounded = min !== null || max !== null;
      const inside = (min === null || value >= min) && (max === null || value <= max);
      expect(verdict === 'pass').toBe(bounded && inside && Number.isFinite(value));
      expect(message).toMatch(
        /^request-success-rate (?:is unknown: .+|\S+ is (?:within|below|above) .+)$/,
      );
    }),
    { numRuns: 2000 },
  );
});

describe('of many verdicts', () => {
  test.each<[Verdict[], Verdict]>([
    [[], 'pass'],
    [['pass', 'pass'], 'pass'],
    [['pass', 'unknown'], 'unknown'],
    [['unknown', 'fail', 'pass'], 'fail'],
  ])('%j are %s', (verdicts, combined) => {
    expect(combine(verdicts)).toBe(combined);
  });
});
