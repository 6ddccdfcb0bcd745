// A primary that an autoscaler scales has the pods for all the load whenever the load comes back to it.
import { describe, expect, test } from 'vitest';
import { asWeight } from '../../../src/api/canary.ts';
import { rfc3339 } from '../../../src/clock/time-format.ts';
import { check } from '../../../src/decision/check.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { World } from '../../../src/decision/world.ts';
import { Model, type Nature } from './model.ts';
import {
  at,
  CALM,
  pods,
  primary,
  R1,
  R2,
  R3,
  recorded,
  rolling,
  rollout,
  spec,
  standing,
  target,
  weighted,
  written,
} from './worlds.ts';

const LOAD = 5;
const NATURE = { scaler: true, replicas: LOAD, load: LOAD } as const;
const SLOW = spec({}, { strategy: weighted([10, 50]), intervalMs: 40_000 });
/** Within one step the autoscaler has followed the load down. */
const READS = { min: 2, max: 6, targetMin: 2, primary: 'right', primaryFloor: 2 } as const;

/** Rolls version 2 out and gives the fewest pods that either side had beyond what its share of the load needs. */
function spare(nature: Partial<Nature>, after: (model: Model) => void = () => undefined): number {
  const model = new Model(SLOW, { ...NATURE, ...nature });
  model.pass(60);
  let least = Number.POSITIVE_INFINITY;
  model.each = () => {
    const share = model.routeInForce?.weight ?? 0;
    const needed = Math.ceil((LOAD * (100 - share)) / 100);
    least = Math.min(least, (model.primary?.ready(model.now) ?? 0) - needed);
  };
  model.setVersion(2);
  model.pass(120);
  after(model);
  model.pass(400);
  expect(model.primary?.replicas, 'the floor is let go in the end').toBe(LOAD);
  expect(model.floor).toBe(2);
  return least;
}

describe('under load, with an autoscaler that follows it late', () => {
  test('the primary never has less than its share needs: promotion', () => {
    expect(spare({})).toBeGreaterThanOrEqual(0);
  });

  test('the primary never has less than its share needs: rollback', () => {
    expect(spare({ badFrom: new Map([[2, 2]]) })).toBeGreaterThanOrEqual(0);
  });

  test('the primary never has less than its share needs: a newer version in the middle', () => {
    expect(spare({}, (model) => model.setVersion(3))).toBeGreaterThanOrEqual(0);
  });

  test('the primary never has less than its share needs: back to the promoted version', () => {
    expect(
      spare({ silentFrom: new Map([[2, 2]]) }, (model) => model.setVersion(1)),
    ).toBeGreaterThanOrEqual(0);
  });
});

describe('the need', () => {
  const full = primary(R1, { pods: pods(5) });

  function promoting(weight: number, own: number, tried: number, kept: number | null) {
    const world: World = {
      ...rolling(2, weight),
      now: at(101),
      scaler: { ...READS, primaryFloor: Math.min(6, Math.max(2, kept ?? 0)) },
      primary: primary(R1, { pods: pods(own) }),
      target: target(R2, tried),
    };
    const plain = spec({}, { metrics: [], strategy: weighted([20, weight]) });
    const canary = { ...world.canary, spec: plain };
    const change = rollout({ step: 2, stepSince: at(95), trafficSince: at(95), capacity: kept });
    const due = standing({ ...world, canary }, { rollout: change });
    return recorded(decide(due)).rollout?.capacity;
  }

  test('is what served all the load when the first of it went to the canary', () => {
    const start = { ...rolling(0, 0), scaler: READS, primary: full };
    expect(recorded(decide(standing(start, {}))).rollout?.capacity).toBe(5);
    const none = { ...rolling(0, 0), primary: full };
    expect(recorded(decide(standing(none, {}))).rollout?.capacity).toBeNull();
  });

  test('grows with either side, up to what the autoscaler may', () => {
    expect(promoting(50, 4, 2, 4)).toBe(4);
    expect(promoting(50, 5, 2, 4)).toBe(6);
    expect(promoting(50, 4, 3, 4)).toBe(6);
    expect(promoting(25, 2, 3, 2)).toBe(5);
    expect(promoting(50, 2, 2, null)).toBe(4);
  });

  test('is kept up from the first weight on', () => {
    const world = { ...rolling(1, 20), scaler: READS, primary: full };
    const kept = rollout({ step: 1, trafficSince: at(95), stepSince: at(95), capacity: 5 });
    expect(written(decide(standing(world, { rollout: kept })))).toEqual([
      { kind: 'scaler', floor: 5 },
    ]);
  });
});

describe('load that comes back', () => {
  const kept = rollout({ step: 2, trafficSince: at(95), stepSince: at(95), capacity: 5 });
  const small = primary(R1, { pods: pods(2) });

  test('by promotion finds template, size and floor written before it', () => {
    const world = standing(
      { ...rolling(2, 50), scaler: READS, primary: small },
      { phase: 'Promoting', rollout: kept },
    );
    expect(written(decide(world))).toEqual([{ kind: 'scaler', floor: 5 }]);
    const floored = { ...world, scaler: { ...READS, primaryFloor: 5 } };
    expect(written(decide(floored))).toEqual([{ kind: 'promote', revision: R2, replicas: 5 }]);
    expect(check(floored, decide(floored))).toEqual([]);
  });

  test('by a rollback comes at once, and its pods right after', () => {
    const failed = standing(
      { ...rolling(2, 50), scaler: READS, primary: small },
      {
        phase: 'Failed',
        canaryWeight: asWeight(0),
        parking: { generation: 1, rounds: 1 },
        rollout: kept,
      },
    );
    expect(written(decide(failed))).toMatchObject([{ kind: 'route', weight: 0 }]);
    const route = { ...failed.route, weight: asWeight(0) };
    expect(written(decide({ ...failed, route }))).toEqual([{ kind: 'scaler', floor: 5 }]);
    const floored = { ...failed, route, scaler: { ...READS, primaryFloor: 5 } };
    expect(written(decide(floored))).toEqual([{ kind: 'scalePrimary', replicas: 5 }]);
    const grown = { ...floored, primary: primary(R1, { pods: pods(5, 2) }) };
    expect(written(decide(grown))).toMatchObject([{ kind: 'scaleTarget', replicas: 0 }]);
  });

  test('keeps its floor for a minute after the end, and then no longer', () => {
    const done: World = { ...CALM, scaler: { ...READS, primaryFloor: 5 } };
    const ended = standing(done, { lastTransitionTime: rfc3339(at(95)) });
    expect(decide(ended)).toMatchObject({ kind: 'rest', wakeAt: at(155) });
    expect(written(decide({ ...ended, now: at(155) }))).toEqual([{ kind: 'scaler', floor: null }]);
  });

  test('keeps its need when a newer revision starts over', () => {
    const world = standing(
      { ...rolling(2, 50), scaler: READS, target: target(R3, 2) },
      { rollout: kept },
    );
    expect(recorded(decide(world))).toMatchObject({ canaryWeight: 0, rollout: { capacity: 5 } });
  });
});
