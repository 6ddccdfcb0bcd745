// What people ask for, and the gates that ask them.
import { describe, expect, test } from 'vitest';
import { asWeight, type Canary, INTENT_VERBS, type IntentVerb } from '../../../src/api/canary.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { World } from '../../../src/decision/world.ts';
import {
  answered,
  at,
  CALM,
  hook,
  intent,
  R1,
  R2,
  recorded,
  rolling,
  rollout,
  said,
  sample,
  spec,
  standing,
  target,
  withIntents,
  withSpec,
  written,
} from './worlds.ts';

const ROLLING = { ...rolling(1, 20), now: at(101) };
const FAILED = standing(
  { ...ROLLING, route: CALM.route, target: target(R2, 0) },
  { phase: 'Failed', canaryWeight: asWeight(0) },
);

function asked(world: World, verb: IntentVerb, of: string = R2, step: number | null = null): World {
  return withIntents(world, intent(verb, of, step));
}

function after(world: World): Canary['status'] {
  return recorded(decide(world));
}

describe('each verb', () => {
  test('abort rolls back, and says who asked', () => {
    expect(after(asked(ROLLING, 'abort'))).toMatchObject({
      phase: 'Failed',
      canaryWeight: 0,
      history: [{ outcome: 'aborted' }],
      lastFailure: { reason: 'Aborted', message: 'aborted by kubectl-annotate' },
    });
  });

  test('pause holds the weight, and nothing passes while it lasts', () => {
    const status = after(asked(ROLLING, 'pause'));
    expect(status).toMatchObject({
      canaryWeight: 20,
      rollout: { paused: 'paused by kubectl-annotate' },
    });
    const paused = standing(ROLLING, { rollout: status.rollout });
    expect(after(answered(paused, sample(100)))).toMatchObject({
      canaryWeight: 20,
      rollout: { step: 1 },
    });
  });

  test('pause before the first weight holds it back', () => {
    const world = standing(rolling(0, 0), { rollout: rollout({ paused: 'paused by someone' }) });
    expect(decide(world)).toMatchObject({ kind: 'rest', why: 'paused: paused by someone' });
  });

  test('resume gives back the weight that a pause took', () => {
    const world = standing(ROLLING, {
      canaryWeight: asWeight(0),
      rollout: rollout({ step: 2, paused: 'no verdict', resumeWeight: asWeight(20) }),
    });
    expect(after(asked(world, 'resume'))).toMatchObject({
      canaryWeight: 20,
      rollout: { step: 3, paused: null, resumeWeight: null },
    });
  });

  test('retry starts over from weight 0', () => {
    expect(after(asked(FAILED, 'retry'))).toMatchObject({
      phase: 'Progressing',
      canaryWeight: 0,
      failedChecks: 0,
      rollout: { step: 0 },
    });
  });

  test('approve opens the gate of this revision', () => {
    const gated = standing(
      withSpec(ROLLING, spec({}, { webhooks: [hook('confirm-traffic-increase')] })),
      {},
    );
    const approved = standing(gated, { rollout: after(asked(gated, 'approve')).rollout });
    expect(after(answered(approved, sample(100)))).toMatchObject({ canaryWeight: 50 });
  });
});

describe('an intent', () => {
  test.each(INTENT_VERBS)('%s for another revision has no effect, and is told', (verb) => {
    const decision = decide(asked(ROLLING, verb, R1));
    expect(recorded(decision)).toMatchObject({ phase: 'Progressing', canaryWeight: 20 });
    expect(decision).toMatchObject({ tells: [{ reason: 'IntentIgnored' }] });
  });

  test('for another step has no effect', () => {
    expect(after(asked(ROLLING, 'abort', R2, 2))).toMatchObject({ phase: 'Progressing' });
    expect(after(asked(ROLLING, 'abort', R2, 1))).toMatchObject({ phase: 'Failed' });
  });

  test('is taken once, then its annotation is cleared, and then the same words count again', () => {
    const world = asked(ROLLING, 'pause');
    const taken = standing(world, after(world));
    expect(written(decide(taken))).toEqual([{ kind: 'clearIntent', verb: 'pause', value: R2 }]);
    const gone = withIntents(taken);
    const cleared = standing(gone, after(gone));
    expect(cleared.canary.status.intents).toMatchObject([{ verb: 'pause', cleared: true }]);
    expect(after(asked(cleared, 'pause')).intents).toHaveLength(2);
  });

  test('to abort comes too late once the primary carries the revision', () => {
    const promoting = standing(ROLLING, { phase: 'Promoting' });
    const carrying = { ...promoting, primary: { ...promoting.primary, revision: R2 } } as World;
    expect(after(asked(carrying, 'abort'))).toMatchObject({ phase: 'Promoting' });
    expect(after(asked(promoting, 'abort'))).toMatchObject({ phase: 'Failed' });
  });

  test('to abort a revision that waits is final: it is not asked about again', () => {
    const webhooks = [hook('confirm-rollout')];
    const world = withSpec({ ...CALM, target: target(R2, 0) }, spec({}, { webhooks }));
    const closed = answered(standing(world, {}), said(false));
    const waiting = standing(closed, after(closed));
    expect(waiting.canary.status.phase).toBe('Waiting');
    const aborted = after(asked(waiting, 'abort'));
    expect(aborted).toMatchObject({
      phase: 'Failed',
      lastAppliedSpec: R2,
      lastFailure: { revision: R2 },
    });
    const gone = standing(waiting, { ...aborted, intents: [] });
    expect(recorded(decide(gone)).phase).toBe('Failed');
  });
});

describe('a gate', () => {
  const webhooks = [hook('confirm-rollout'), hook('confirm-promotion')];
  const gated = standing(withSpec({ ...CALM, target: target(R2, 0) }, spec({}, { webhooks })), {});

  test('that has not answered is asked, and nothing begins', () => {
    expect(decide(gated)).toMatchObject({
      kind: 'rest',
      asks: [{ hook: { type: 'confirm-rollout' } }],
    });
  });

  test('that says yes lets it begin', () => {
    expect(after(answered(gated, said(true)))).toMatchObject({ phase: 'Progressing' });
  });

  test('that says no is asked again after an interval', () => {
    const closed = answered(gated, said(false));
    const waiting = standing(closed, after(closed));
    const again = answered(waiting, said(false));
    expect(decide(again)).toMatchObject({ kind: 'rest', wakeAt: at(105), asks: [] });
    expect(decide({ ...again, now: at(105) }).asks).toMatchObject([{ newerThan: at(105) }]);
  });

  test('is not asked when the analysis is skipped', () => {
    const skipping = withSpec(gated, spec({ skipAnalysis: true }, { webhooks }));
    expect(after(skipping)).toMatchObject({ phase: 'Progressing' });
  });

  test('before promotion holds at the last weight', () => {
    const last = standing(
      withSpec({ ...rolling(2, 50), now: at(101) }, spec({}, { webhooks })),
      {},
    );
    const passed = answered(answered(last, sample(100)), said(false));
    expect(after(passed)).toMatchObject({ phase: 'WaitingPromotion', canaryWeight: 50 });
    expect(after(answered(answered(last, sample(100)), said(true)))).toMatchObject({
      phase: 'Promoting',
    });
  });

  test('waited for in vain: the target that goes back to what failed is failed again', () => {
    const world = standing(FAILED, { phase: 'Waiting' });
    expect(after(world)).toMatchObject({ phase: 'Failed', lastAppliedSpec: R2 });
  });
});
