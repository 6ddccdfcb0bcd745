// Every invariant bites: a decision that breaks it is told, one that keeps it is not.
import { describe, expect, test } from 'vitest';
import { asWeight, type CanaryStatus } from '../../../src/api/canary.ts';
import { check } from '../../../src/decision/check.ts';
import { act, type Decision, rest, type Write } from '../../../src/decision/decision.ts';
import type { World } from '../../../src/decision/world.ts';
import { CALM, pods, primary, R1, R2, rolling, standing, target } from './worlds.ts';

function record(world: World, change: Partial<CanaryStatus>): Decision {
  const status = { ...world.canary.status, ...change };
  return { kind: 'record', status, tells: [], why: 'a test', asks: [] };
}

function broken(world: World, decision: Decision): readonly string[] {
  return check(world, decision).map(({ invariant }) => invariant);
}

function writing(world: World, write: Write): readonly string[] {
  return broken(world, act('a test', write));
}

const ROLLING = rolling(1, 20);
const DELETED: World = { ...CALM, canary: { ...CALM.canary, deleting: true } };

describe('records', () => {
  test('a phase follows the graph', () => {
    expect(broken(CALM, record(CALM, { phase: 'Progressing' }))).toEqual([]);
    expect(broken(CALM, record(CALM, { phase: 'Promoting' }))).toEqual(['phase-graph']);
  });

  test('the observed generation never goes back', () => {
    expect(broken(CALM, record(CALM, { observedGeneration: 0 }))).toEqual(['observed-generation']);
  });

  test('the weight rises only with a new step', () => {
    const canaryWeight = asWeight(50);
    const { rollout } = ROLLING.canary.status;
    const stepped = rollout === null ? null : { ...rollout, step: 2 };
    expect(broken(ROLLING, record(ROLLING, { canaryWeight }))).toEqual(['step-cap']);
    expect(broken(ROLLING, record(ROLLING, { canaryWeight, rollout: stepped }))).toEqual([]);
  });

  test('no revision inherits the weight of another', () => {
    const of = (turn: string): Partial<CanaryStatus> => ({
      lastAppliedSpec: R1,
      target: { ...ROLLING.canary.status.target, turn },
    });
    expect(broken(ROLLING, record(ROLLING, of('03')))).toEqual(['weight-first']);
    // The same version under another digest.
    expect(broken(ROLLING, record(ROLLING, of('02')))).toEqual([]);
  });

  test('rest breaks nothing', () => expect(broken(CALM, rest('a test'))).toEqual([]));
});

describe('the route', () => {
  const route = (weight: number): Write => ({
    kind: 'route',
    weight: asWeight(weight),
    revision: R2,
    step: 1,
  });
  const unrouted = { ...ROLLING, route: { ...ROLLING.route, weight: asWeight(0) } };

  test('carries no weight that was not recorded', () => {
    expect(writing(unrouted, route(20))).toEqual([]);
    expect(writing(ROLLING, route(50))).toContain('recorded-weight');
  });

  test('gives the canary no more than its ready pods can take', () => {
    const world = { ...unrouted, target: target(R2, 2, { pods: pods(2, 0) }) };
    expect(writing(world, route(20))).toEqual(['no-black-hole']);
  });

  test('raises the weight of the judged revision only', () => {
    expect(writing({ ...unrouted, target: target(R1, 2) }, route(20))).toEqual(['judged-revision']);
  });

  test('does not go back to a primary without pods while the canary has some', () => {
    const world = { ...ROLLING, primary: primary(R1, { pods: pods(2, 0) }) };
    expect(writing(world, route(0))).toEqual(['no-black-hole']);
  });
});

describe('the primary', () => {
  const promote: Write = { kind: 'promote', revision: R2 };
  const promoting = standing(ROLLING, { phase: 'Promoting' });

  test('gets a revision only when its promotion was chosen', () => {
    expect(writing(promoting, promote)).toEqual([]);
    expect(writing(ROLLING, promote)).toEqual(['promotion-gate']);
  });

  test('gets no revision that the target no longer holds', () => {
    expect(writing({ ...promoting, target: target(R1, 2) }, promote)).toEqual(['promotion-gate']);
  });

  test('is never made of a version that was not judged', () => {
    const create: Write = { kind: 'createPrimary', replicas: 2 };
    expect(writing({ ...ROLLING, primary: null }, create)).toEqual(['promotion-gate']);
    expect(writing({ ...CALM, primary: null }, create)).toEqual([]);
    expect(writing({ ...CALM, primary: null, target: target(R2, 2) }, create)).toEqual([
      'promotion-gate',
    ]);
  });
});

describe('the target is scaled to zero only', () => {
  const down: Write = { kind: 'scaleTarget', replicas: 0, generation: 1 };
  const drained = { ...CALM, target: target(R1, 2) };

  test('when everybody is served elsewhere', () => expect(writing(drained, down)).toEqual([]));

  test('when the route sends it nothing', () => {
    const route = { ...CALM.route, weight: asWeight(10) };
    expect(writing({ ...drained, route }, down)).toEqual(['drained']);
  });

  test('when that route is in force', () => {
    const confirmed = { kind: 'waiting', why: 'not yet', until: null } as const;
    expect(writing({ ...drained, route: { ...CALM.route, confirmed } }, down)).toEqual(['drained']);
  });

  test('when the apex is on the primary', () => {
    const services = { ...CALM.services, apexSelects: 'target' } as const;
    expect(writing({ ...drained, services }, down)).toEqual(['drained']);
  });

  test('when the primary has ready pods', () => {
    expect(writing({ ...drained, primary: null }, down)).toEqual(['no-black-hole']);
    const empty = primary(R1, { pods: pods(2, 0) });
    expect(writing({ ...drained, primary: empty }, down)).toEqual(['no-black-hole']);
  });
});

describe('a deletion', () => {
  test('is the only cause to hand back', () => {
    expect(writing(CALM, { kind: 'orphan' })).toEqual(['hand-back']);
    expect(writing(CALM, { kind: 'restoreTarget', generation: 1 })).toEqual(['hand-back']);
    expect(writing(CALM, { kind: 'routeToApex', trailing: true })).toEqual(['hand-back']);
    expect(writing(DELETED, { kind: 'orphan' })).toEqual([]);
  });

  test('takes nothing away before the target serves', () => {
    expect(writing(DELETED, { kind: 'removePrimary' })).toEqual(['no-outage-on-deletion']);
    const services = { ...CALM.services, apexSelects: 'target' } as const;
    const handed = { ...DELETED, services, target: target(R1, 2) };
    expect(writing(handed, { kind: 'removePrimary' })).toEqual(['no-outage-on-deletion']);
    const route = { ...CALM.route, state: 'apex' } as const;
    expect(writing({ ...handed, route }, { kind: 'removePrimary' })).toEqual([]);
    const trailing = { ...route, trailing: true };
    expect(writing({ ...handed, route: trailing }, { kind: 'removePrimary' })).toEqual([
      'no-outage-on-deletion',
    ]);
  });

  test('moves the apex to pods that are there', () => {
    const apex: Write = { kind: 'apex', selects: 'target' };
    expect(writing(DELETED, apex)).toEqual(['no-black-hole']);
    expect(writing({ ...DELETED, target: target(R1, 2) }, apex)).toEqual([]);
  });
});
