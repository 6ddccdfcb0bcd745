// Conditions as kstatus, Flux, Argo CD and `kubectl wait` read them, and the story for people.
import { describe, expect, test } from 'vitest';
import { asWeight } from '../../../src/api/canary.ts';
import type { Condition } from '../../../src/api/kubernetes.ts';
import { decide } from '../../../src/decision/decide.ts';
import { explain, planned } from '../../../src/decision/explain.ts';
import type { World } from '../../../src/decision/world.ts';
import {
  answered,
  at,
  CALM,
  hook,
  pods,
  primary,
  R2,
  recorded,
  rolling,
  rollout,
  said,
  sample,
  spec,
  standing,
  target,
  UNREADY,
  withSpec,
} from './worlds.ts';

const PROBLEM = { reason: 'NameTaken', path: 'spec.service.name', message: 'is taken' };

function summary(world: World): Record<string, string> {
  const { conditions } = standing(world, {}).canary.status;
  return Object.fromEntries(
    conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

describe('conditions', () => {
  test('a calm Canary is ready, promoted, and not under way', () => {
    expect(summary(CALM)).toEqual({
      Accepted: 'True Accepted',
      Ready: 'True Serving',
      Reconciling: 'False Succeeded',
      Stalled: 'False NotStalled',
      Promoted: 'True Succeeded',
    });
  });

  test('a rollout is ready and reconciling', () => {
    expect(summary(rolling(1, 20))).toMatchObject({
      Ready: 'True Serving',
      Reconciling: 'True Progressing',
      Promoted: 'Unknown Progressing',
    });
  });

  test('a rollback leaves it ready, and not promoted', () => {
    expect(
      summary(standing({ ...rolling(1, 0), target: target(R2, 0) }, { phase: 'Failed' })),
    ).toMatchObject({
      Ready: 'True Serving',
      Reconciling: 'False Failed',
      Promoted: 'False Failed',
    });
  });

  test('a spec that cannot be obeyed is stalled', () => {
    expect(summary({ ...CALM, problems: [PROBLEM] })).toMatchObject({
      Accepted: 'False NameTaken',
      Stalled: 'True NameTaken',
    });
  });

  test('a pause, a refused route and a lost primary are stalled', () => {
    const paused = standing(rolling(1, 20), { rollout: rollout({ paused: 'by someone' }) });
    expect(summary(paused)).toMatchObject({ Stalled: 'True Paused' });
    const confirmed = { kind: 'refused', why: 'no such Gateway' } as const;
    expect(summary({ ...CALM, route: { ...CALM.route, confirmed } })).toMatchObject({
      Stalled: 'True RouteRefused',
    });
    expect(summary({ ...CALM, primary: null, target: target(R2, 2) })).toMatchObject({
      Stalled: 'True PrimaryMissing',
      Ready: 'False PrimaryMissing',
    });
  });

  test('a route or a primary that is late is stalled after the progress deadline, not before', () => {
    const confirmed = { kind: 'waiting', why: 'not yet', until: null } as const;
    const world = rolling(1, 20);
    const waiting = { ...world, route: { ...world.route, confirmed } };
    expect(summary({ ...waiting, now: at(154) })).toMatchObject({ Stalled: 'False NotStalled' });
    expect(summary({ ...waiting, now: at(155) })).toMatchObject({
      Stalled: 'True RouteNotConfirmed',
    });
    const promoting = standing(
      { ...world, primary: primary(R2, { readiness: UNREADY }) },
      {
        phase: 'Promoting',
      },
    );
    expect(summary({ ...promoting, now: at(149) })).toMatchObject({ Stalled: 'False NotStalled' });
    expect(summary({ ...promoting, now: at(150) })).toMatchObject({
      Stalled: 'True PrimaryNotReady',
    });
  });

  test('a new generation, and nothing else, renews them without a move', () => {
    const world = standing(CALM, {});
    const later = { ...world, now: at(500), canary: { ...world.canary, generation: 2 } };
    const after = recorded(decide(later));
    expect(after.observedGeneration).toBe(2);
    const times = (conditions: readonly Condition[]): readonly unknown[] =>
      conditions.map(({ lastTransitionTime }) => lastTransitionTime);
    expect(times(after.conditions)).toEqual(times(world.canary.status.conditions));
  });

  test('pods that come and go, and time that passes, cause no write', () => {
    const world = standing(rolling(1, 20), {});
    for (const ready of [1, 2]) {
      const moved = { ...world, now: at(97), target: target(R2, 2, { pods: pods(2, ready) }) };
      expect(decide(moved).kind).toBe('rest');
    }
  });
});

describe('the story', () => {
  function told(world: World): string {
    return explain(world, decide(world)).join('\n');
  }

  test('says where, what, how much and when next', () => {
    const text = told({ ...rolling(1, 20), now: at(98) });
    expect(text).toContain('Canary shop/web is Progressing');
    expect(text).toContain('Revision under judgement: 020202020202');
    expect(text).toContain('Step 1, weight 20 of 20, 50, for 3s');
    expect(text).toContain('80 % primary, 20 % canary; in force for 3s');
    expect(text).toMatch(/At rest until .* \(in 2s\) or a change: next check of step 1/);
    expect(text).toContain('Failed checks: 0 of 2');
  });

  test('tells the last numbers', () => {
    const due = { ...rolling(1, 20), now: at(101) };
    const after = standing(due, recorded(decide(answered(due, sample(50)))));
    expect(told(after)).toContain(
      'Last check of success-rate: fail, 0s ago: success-rate 50 is below the minimum 99',
    );
  });

  test('names the gate and the command that opens it', () => {
    const gated = withSpec(
      { ...CALM, target: target(R2, 0) },
      spec({}, { webhooks: [hook('confirm-rollout')] }),
    );
    const closed = answered(standing(gated, {}), said(false));
    const waiting = standing(closed, recorded(decide(closed)));
    expect(told(waiting)).toContain('Gates ahead: confirm-rollout (confirm-rollout)');
    expect(told(waiting)).toContain('serin approve web -n shop');
  });

  test('names the command that goes on, or tries again', () => {
    const paused = standing(rolling(1, 20), { rollout: rollout({ paused: 'paused by someone' }) });
    expect(told(paused)).toContain('serin resume web -n shop');
    const failed = standing(rolling(1, 0), { phase: 'Failed', canaryWeight: asWeight(0) });
    expect(told(failed)).toContain('serin retry web -n shop');
  });

  test('a plan lists its writes in words', () => {
    const world = standing({ ...rolling(1, 20), route: CALM.route }, {});
    expect(planned(decide(world))).toEqual([
      'write: route 20 % to the canary',
      'route 20 % of the traffic to the canary, the rest to the primary',
    ]);
  });
});
