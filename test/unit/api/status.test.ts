// The status survives being written and read, and stays small.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STATUS_BYTES_MAX, boundStatus } from '../../../src/api/bound-status.ts';
import { INTENT_VERBS, PHASES, asRevision, asWeight } from '../../../src/api/canary.ts';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import { statusSchema } from '../../../src/api/schema/canary-status.ts';
import { check } from '../../../src/api/schema/check.ts';
import { EMPTY_STATUS, parseStatus, renderStatus } from '../../../src/api/status.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { nearly } from './arbitrary.ts';

const instant = fc.integer({ min: 0, max: 4_000_000_000_000 }).map(asInstant);
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const revision = fc
  .string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: 64,
    maxLength: 64,
  })
  .map(asRevision);
const revisionOrNone = fc.oneof(revision, fc.constant('' as const));
const weight = fc.integer({ min: 0, max: 100 }).map(asWeight);
const count = fc.nat();
const message = fc.string({ maxLength: 3000, unit: 'grapheme' });
const word = fc.string({ maxLength: 40 });
const names = fc.dictionary(fc.string({ maxLength: 30 }), word, { maxKeys: 40 });

const rollout = fc.record({
  startedAt: instant,
  step: count,
  stepSince: instant,
  checks: count,
  checkedAt: maybe(instant),
  trafficSince: maybe(instant),
  unknownSince: maybe(instant),
  unreadySince: maybe(instant),
  waitingSince: instant,
  paused: maybe(message),
  resumeWeight: maybe(weight),
  approved: fc.array(word, { maxLength: 80 }),
  capacity: maybe(count),
  configStamp: maybe(word),
});

const status: fc.Arbitrary<CanaryStatus> = fc.record({
  phase: fc.constantFrom(...PHASES),
  observedGeneration: count,
  canaryWeight: weight,
  failedChecks: count,
  iterations: count,
  lastAppliedSpec: revisionOrNone,
  lastPromotedSpec: revisionOrNone,
  trackedConfigs: names,
  configVersions: names,
  lastTransitionTime: fc.constantFrom('', '2026-01-31T08:00:00Z'),
  target: fc.record({ generation: count, revision: revisionOrNone, template: word, turn: word }),
  rollout: maybe(rollout),
  parking: maybe(fc.record({ generation: count, rounds: count })),
  repairs: fc.record({ rounds: count, seen: word }),
  owed: fc.array(word, { maxLength: 5 }),
  measurements: fc.array(
    fc.record({
      name: word,
      verdict: fc.constantFrom('pass', 'fail', 'unknown'),
      value: maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0)),
      message,
      at: instant,
    }),
    { maxLength: 60 },
  ),
  lastFailure: maybe(fc.record({ revision, reason: word, message, at: instant })),
  history: fc.array(
    fc.record({
      revision,
      outcome: fc.constantFrom(
        'current',
        'promoted',
        'failed',
        'superseded',
        'aborted',
        'reverted',
      ),
      reason: message,
      startedAt: instant,
      endedAt: maybe(instant),
    }),
    { maxLength: 40 },
  ),
  intents: fc.array(
    fc.record({
      verb: fc.constantFrom(...INTENT_VERBS),
      value: word,
      manager: word,
      at: instant,
      cleared: fc.boolean(),
    }),
    { maxLength: 60 },
  ),
  conditions: fc.uniqueArray(
    fc.record(
      {
        type: fc.constantFrom('Accepted', 'Ready', 'Stalled', 'Promoted'),
        status: fc.constantFrom('True', 'False', 'Unknown'),
        reason: word,
        message,
        lastTransitionTime: fc.constant('2026-01-31T08:00:00Z'),
        observedGeneration: count,
      },
      { requiredKeys: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
    ),
    { selector: (one) => one.type, maxLength: 4 },
  ),
});

const overTheWire = (rendered: unknown): unknown => JSON.parse(JSON.stringify(rendered));

describe('writing and reading', () => {
  test('what is read is what was written', () => {
    fc.assert(
      fc.property(status, (before) => {
        expect(parseStatus(overTheWire(renderStatus(before)))).toEqual(before);
      }),
    );
  });

  test('no garbage throws, and garbage is as if it were not there', () => {
    expect(parseStatus('garbage')).toEqual(EMPTY_STATUS);
    fc.assert(
      fc.property(fc.oneof(nearly(statusSchema, 2), fc.jsonValue()), (raw) => {
        const read = parseStatus(raw);
        expect(parseStatus(overTheWire(renderStatus(read)))).toEqual(read);
      }),
      { numRuns: 1000 },
    );
  });

  test('a negative zero is a zero', () => {
    const raw = JSON.parse(
      '{"iterations":-0,"canaryWeight":-0,"measurements":[{"verdict":"pass","value":-0,"at":"2026-01-31T08:00:00Z"}]}',
    );
    const { iterations, canaryWeight, measurements } = parseStatus(raw);
    expect([iterations, canaryWeight, measurements[0]?.value]).toEqual([0, 0, 0]);
  });

  test('a status of another operator is read as far as it is one', () => {
    const read = parseStatus({
      phase: 'Progressing',
      canaryWeight: 120,
      failedChecks: -1,
      lastAppliedSpec: '5d8f7c9b4',
      conditions: [
        { type: 'Promoted', status: 'Maybe' },
        { type: 'Ready', status: 'True' },
      ],
    });
    expect(read).toEqual({
      ...EMPTY_STATUS,
      phase: 'Progressing',
      conditions: [
        { type: 'Ready', status: 'True', reason: '', message: '', lastTransitionTime: '' },
      ],
    });
  });
});

describe('bounds', () => {
  const sizeOf = (of: CanaryStatus): number => Buffer.byteLength(JSON.stringify(renderStatus(of)));

  test('a bounded status is small, and the API server takes it', () => {
    fc.assert(
      fc.property(status, (before) => {
        const bounded = boundStatus(before);
        expect(sizeOf(bounded)).toBeLessThanOrEqual(STATUS_BYTES_MAX);
        expect(check(statusSchema, overTheWire(renderStatus(bounded)), 'status')).toMatchObject({
          ok: true,
        });
        expect(boundStatus(bounded)).toEqual(bounded);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing that a decision rests on is lost', () => {
    fc.assert(
      fc.property(status, (before) => {
        const { rollout: of, ...after } = boundStatus(before);
        const { phase, canaryWeight, trackedConfigs, target, repairs, owed } = before;
        expect(after).toMatchObject({ phase, canaryWeight, trackedConfigs, target, repairs, owed });
        expect(of === null).toBe(before.rollout === null);
        if (of === null || before.rollout === null) return;
        expect({ ...of, approved: [], paused: '' }).toEqual({
          ...before.rollout,
          approved: [],
          paused: '',
        });
        expect(of.paused === null).toBe(before.rollout.paused === null);
      }),
      { numRuns: 200 },
    );
  });

  test('the newest entries stay, whichever way round the list is', () => {
    const at = (ms: number) => ({
      revision: asRevision('0'.repeat(64)),
      outcome: 'failed' as const,
      reason: `${ms}`,
      startedAt: asInstant(ms),
      endedAt: null,
    });
    const history = Array.from({ length: 30 }, (_, index) => at(index));
    const reasons = (of: CanaryStatus) => of.history.map(({ reason }) => Number(reason));
    expect(reasons(boundStatus({ ...EMPTY_STATUS, history }))).toEqual([
      20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    ]);
    expect(reasons(boundStatus({ ...EMPTY_STATUS, history: history.toReversed() }))[0]).toBe(29);
  });

  test('the last intent of a verb stays however old, or its annotation would be obeyed twice', () => {
    const intent = (verb: 'pause' | 'approve', ms: number) => ({
      verb,
      value: 'a1b2c3d4',
      manager: '',
      at: asInstant(ms),
      cleared: false,
    });
    const approvals = Array.from({ length: 40 }, (_, index) => intent('approve', index + 1));
    const { intents } = boundStatus({
      ...EMPTY_STATUS,
      intents: [intent('pause', 0), ...approvals],
    });
    expect(intents[0]?.verb).toBe('pause');
    expect(intents).toHaveLength(21);
  });
});
