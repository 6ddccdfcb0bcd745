// What one line says of a Canary in each situation.
import { describe, expect, test } from 'vitest';
import { asRevision, asWeight, type CanaryStatus } from '../../../src/api/canary.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { age, rowOf } from '../../../src/cli/row.ts';
import { freshRollout } from '../../../src/decision/record.ts';
import { canary, R1, R2 } from './fake-cluster.ts';

const NOW = asInstant(1_767_225_600_000);
const ROLLING: Partial<CanaryStatus> = {
  phase: 'Progressing',
  canaryWeight: asWeight(25),
  lastAppliedSpec: asRevision(R2),
  lastPromotedSpec: asRevision(R1),
  rollout: { ...freshRollout(NOW), step: 1 },
};

function condition(type: string, status: 'True' | 'False', message: string) {
  return { type, status, reason: 'Some', message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

describe('a line about a Canary', () => {
  test('says of a rollout its weight, its step among all, and the worst of its last verdicts', () => {
    const good = { name: 'a', verdict: 'pass', value: 99.5, message: 'a 99.50 is fine', at: NOW };
    const bad = { name: 'b', verdict: 'fail', value: 9, message: 'b 9 is too much', at: NOW };
    const of = (measurements: CanaryStatus['measurements']) =>
      rowOf(canary({ ...ROLLING, measurements }));
    expect(of([good] as never)).toMatchObject({
      status: 'Progressing',
      weight: '25',
      step: '1/2',
      reason: 'pass: a 99.50 is fine',
    });
    expect(of([good, bad] as never).reason).toBe('fail: b 9 is too much');
  });

  test('puts a pause before any verdict, and keeps the step that it goes back to', () => {
    const rollout = {
      ...freshRollout(NOW),
      step: 3,
      paused: 'no verdict',
      resumeWeight: asWeight(50),
    };
    expect(rowOf(canary({ ...ROLLING, canaryWeight: asWeight(0), rollout }))).toMatchObject({
      weight: '0',
      step: '2/2',
      reason: 'no verdict',
    });
  });

  test('says why a revision was rolled back', () => {
    const lastFailure = {
      revision: asRevision(R2),
      reason: 'AnalysisFailed',
      message: 'too many errors',
      at: NOW,
    };
    const row = rowOf(canary({ ...ROLLING, phase: 'Failed', lastFailure }));
    expect(row.reason).toBe('AnalysisFailed: too many errors');
    expect(row.step).toBe('-');
  });

  test('tells a refused Canary from one that nobody has looked at', () => {
    expect(rowOf(canary())).toMatchObject({ status: 'Pending', ready: '-' });
    const conditions = [condition('Accepted', 'False', 'spec.x: is wrong')];
    expect(rowOf(canary({ conditions }))).toMatchObject({
      status: 'Refused',
      reason: 'spec.x: is wrong',
    });
  });

  test('speaks of trouble before it speaks of success', () => {
    const conditions = [condition('Ready', 'False', 'no pod of the primary is ready')];
    const status = { phase: 'Succeeded', lastPromotedSpec: asRevision(R1), conditions } as const;
    expect(rowOf(canary(status)).reason).toBe('no pod of the primary is ready');
    expect(rowOf(canary({ ...status, conditions: [] })).reason).toBe(
      'revision 111111111111 is promoted',
    );
  });

  test('is made of any JSON at all', () => {
    const garbage = {
      apiVersion: 'x',
      kind: 'Canary',
      metadata: { name: 'x' },
      spec: 7,
      status: [],
    };
    expect(rowOf(garbage)).toMatchObject({ name: 'x', status: 'Pending', target: '-' });
  });
});

test.each([
  [0, '0s'],
  [119, '119s'],
  [200, '3m20s'],
  [180, '3m'],
  [3_600, '60m'],
  [5 * 3_600, '5h'],
  [49 * 3_600, '2d'],
])('an age of %d s reads %s', (seconds, words) => {
  expect(age(NOW, asInstant(NOW + seconds * 1_000))).toBe(words);
});
