// When `serin wait` may believe what a status says.
import { describe, expect, test } from 'vitest';
import { asRevision, type CanaryStatus, type RevisionRecord } from '../../../src/api/canary.ts';
import { EMPTY_STATUS } from '../../../src/api/status.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { outcomeOf, type Wish } from '../../../src/cli/outcome.ts';
import { canary, R1, R2 } from './fake-cluster.ts';

const AT = asInstant(1_767_225_600_000);
const PROMOTED: Wish = { goal: 'promoted', revision: null };
const FAILED: Wish = { goal: 'failed', revision: null };

function status(phase: CanaryStatus['phase'], generation: number): Partial<CanaryStatus> {
  return {
    phase,
    lastAppliedSpec: asRevision(R2),
    lastPromotedSpec: asRevision(phase === 'Failed' ? R1 : R2),
    target: { ...EMPTY_STATUS.target, generation },
    lastFailure:
      phase === 'Failed'
        ? { revision: asRevision(R2), reason: 'Aborted', message: 'aborted by jo', at: AT }
        : null,
  };
}

function record(revision: string, outcome: RevisionRecord['outcome']): RevisionRecord {
  return { revision: asRevision(revision), outcome, reason: 'why', startedAt: AT, endedAt: AT };
}

describe('an outcome', () => {
  test('of another generation of the target is an old one, and not believed', () => {
    expect(outcomeOf(canary(status('Succeeded', 3)), 4, PROMOTED).kind).toBe('waiting');
    expect(outcomeOf(canary(status('Succeeded', 4)), 4, PROMOTED).kind).toBe('reached');
    expect(outcomeOf(canary(status('Failed', 3)), 4, PROMOTED).kind).toBe('waiting');
    expect(outcomeOf(canary(status('Succeeded', 4)), null, PROMOTED).kind).toBe('waiting');
  });

  test('is the opposite of the one that was hoped for, with its reason', () => {
    expect(outcomeOf(canary(status('Failed', 4)), 4, PROMOTED)).toEqual({
      kind: 'opposite',
      why: 'revision 222222222222 was rolled back: aborted by jo',
    });
    expect(outcomeOf(canary(status('Failed', 4)), 4, FAILED).kind).toBe('reached');
    expect(outcomeOf(canary(status('Succeeded', 4)), 4, FAILED).kind).toBe('opposite');
  });

  test('is none while a rollout is under way', () => {
    for (const phase of ['Waiting', 'Progressing', 'Promoting', 'Finalising'] as const)
      expect(outcomeOf(canary(status(phase, 4)), 4, PROMOTED).kind).toBe('waiting');
  });

  test('of a named revision is found in the history, whatever the target holds now', () => {
    const wish: Wish = { goal: 'promoted', revision: R1.slice(0, 8) };
    const history = [record(R2, 'current'), record(R1, 'superseded')];
    expect(outcomeOf(canary({ ...status('Progressing', 4), history }), null, wish)).toEqual({
      kind: 'opposite',
      why: 'revision 111111111111 was superseded: why',
    });
    const other: Wish = { goal: 'promoted', revision: R2.slice(0, 8) };
    expect(outcomeOf(canary({ ...status('Progressing', 4), history }), null, other).kind).toBe(
      'waiting',
    );
    expect(outcomeOf(canary(status('Succeeded', 4)), null, other).kind).toBe('reached');
  });

  test('ready is believed only of the newest spec', () => {
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Serving',
        message: 'served',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        observedGeneration: 1,
      },
    ] as const;
    const wish: Wish = { goal: 'ready', revision: null };
    expect(outcomeOf(canary({ conditions }, { generation: 1 }), null, wish).kind).toBe('reached');
    expect(outcomeOf(canary({ conditions }, { generation: 2 }), null, wish).kind).toBe('waiting');
  });
});
