// The rules of the design, one world each.
import { describe, expect, test } from 'vitest';
import { asWeight } from '../../../src/api/canary.ts';
import { rfc3339 } from '../../../src/clock/time-format.ts';
import { check } from '../../../src/decision/check.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { World } from '../../../src/decision/world.ts';
import {
  answered,
  at,
  CALM,
  hook,
  NO_DATA,
  pods,
  primary,
  R1,
  R2,
  R3,
  recorded,
  rolling,
  rollout,
  said,
  sample,
  spec,
  standing,
  target,
  UNREADY,
  weighted,
  withSpec,
  written,
} from './worlds.ts';

const PROBLEM = { reason: 'TemplateNotFound', path: 'spec.analysis', message: 'no MetricTemplate' };

function kinds(world: World): readonly string[] {
  expect(check(world, decide(world))).toEqual([]);
  return written(decide(world)).map(({ kind }) => kind);
}

/** The status that a decision leaves. */
function recordedOrRest(world: World): World['canary']['status'] {
  const decision = decide(world);
  return decision.kind === 'record' ? decision.status : world.canary.status;
}

describe('at rest', () => {
  test('a calm world is settled after its conditions are stored, and has no writes', () => {
    expect(decide(standing(CALM, {}))).toMatchObject({ kind: 'rest', wakeAt: null, asks: [] });
  });

  test('decisions are deterministic, and leave their world as it is', () => {
    const world = Object.freeze(rolling(1, 20));
    expect(decide(world)).toEqual(decide(structuredClone(world)));
  });

  test('a new revision is taken up at weight 0', () => {
    const status = recorded(decide(standing({ ...CALM, target: target(R2, 0) }, {})));
    expect(status).toMatchObject({ phase: 'Progressing', canaryWeight: 0, lastAppliedSpec: R2 });
  });

  test('defaults that were added to the template start no rollout', () => {
    const rewritten = target(R2, 0, { turn: '01' });
    const status = recorded(decide(standing({ ...CALM, target: rewritten }, {})));
    expect(status).toMatchObject({ phase: 'Succeeded', lastAppliedSpec: R2, lastPromotedSpec: R2 });
  });

  test('a count that has just not moved proves nothing: a new size is seen before a new template is counted', () => {
    const uncounted = target(R2, 0, { turn: '01', standsSince: at(95) });
    const world = standing({ ...CALM, target: uncounted }, {});
    expect(decide(world)).toMatchObject({ kind: 'rest', wakeAt: at(155) });
    expect(decide({ ...world, now: at(156) })).toMatchObject({
      kind: 'record',
      why: 'the template was rewritten without a new version',
    });
    const counted = { ...world, target: target(R2, 0, { turn: '02', standsSince: at(99) }) };
    expect(recorded(decide(counted))).toMatchObject({ phase: 'Progressing', lastAppliedSpec: R2 });
  });

  test('another image is a new version before its controller has counted it, any other change after', () => {
    const uncounted = { turn: '01', pods: { ...pods(0), settled: false } };
    const edited = target(R2, 0, { ...uncounted, otherImages: true });
    const status = recorded(decide(standing({ ...CALM, target: edited }, {})));
    expect(status).toMatchObject({ phase: 'Progressing', lastAppliedSpec: R2 });
    expect(status.target.turn).toBe('');
    const other = standing({ ...CALM, target: target(R2, 0, uncounted) }, {});
    expect(recordedOrRest(other).phase).toBe('Succeeded');
    const paused = { ...edited, pods: { ...edited.pods, paused: true } };
    expect(recordedOrRest(standing({ ...CALM, target: paused }, {})).phase).toBe('Succeeded');
  });

  test('a version that was taken up at once gets pods only when its controller has seen its template', () => {
    const unseen = target(R2, 0, {
      turn: '01',
      otherImages: true,
      pods: { ...pods(0), settled: false },
    });
    const begun = { ...rolling(0, 0), target: unseen };
    expect(decide(begun)).toMatchObject({ kind: 'rest' });
    expect(decide({ ...begun, target: target(R2, 0, { turn: '02' }) })).toMatchObject({
      kind: 'act',
      writes: [{ kind: 'scaleTarget' }],
    });
  });

  test('while a revision is judged its image tells nothing: it differs from the primary in any case', () => {
    const world = rolling(1, 20);
    const rewritten = target(R3, 2, { turn: '02', otherImages: true });
    expect(recordedOrRest({ ...world, target: rewritten })).toMatchObject({
      phase: 'Progressing',
      lastAppliedSpec: R3,
      rollout: { step: 1 },
    });
  });

  test('the count of templates is followed, so that a stamp of ours makes no later defaults a new version', () => {
    const stamped = target(R1, 0, { generation: 5, turn: '03' });
    const status = recorded(decide(standing({ ...CALM, target: stamped }, {})));
    expect(status.target).toMatchObject({ generation: 5, turn: '03', revision: R1 });
  });

  test('a success names the generation that its own scaling made, before the controller has counted it', () => {
    const unsettled = { ...pods(0), settled: false };
    const scaled = target(R2, 0, { generation: 9, turn: '07', pods: unsettled });
    const ending = { ...rolling(2, 0), target: scaled, primary: primary(R2) };
    const done = recorded(
      decide(standing(ending, { phase: 'Finalising', lastPromotedSpec: R2, rollout: null })),
    );
    expect(done).toMatchObject({ phase: 'Succeeded', target: { generation: 9, turn: '02' } });
    const counted = { ...ending, target: target(R2, 0, { generation: 9, turn: '07' }) };
    expect(recorded(decide(standing(counted, done))).target.turn).toBe('07');
    expect(decide(standing({ ...ending, now: at(300) }, done))).toMatchObject({ kind: 'rest' });
  });

  test('a suspended Canary still takes a canary out that crashes under traffic', () => {
    const crash = { pod: 'web-1', container: 'app', restarts: 1, reason: 'OOMKilled' };
    const world = rolling(1, 20, { target: target(R2, 2, { crashes: [crash] }) });
    const suspended = withSpec(world, spec({ suspend: true }));
    expect(recorded(decide(standing(suspended, {})))).toMatchObject({ phase: 'Failed' });
  });

  test('a decision that was refused for an invariant is told in Stalled', () => {
    const status = recorded(decide({ ...CALM, violation: 'drained: requests may arrive' }));
    const stalled = status.conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'InvariantViolated' });
  });

  test('a suspended Canary takes up no revision', () => {
    const world = withSpec({ ...CALM, target: target(R2, 0) }, spec({ suspend: true }));
    expect(decide(standing(world, {}))).toMatchObject({ kind: 'rest', why: 'suspended' });
  });

  test('a gate that let a revision pass is asked again when that revision comes back later', () => {
    const gated = withSpec(CALM, spec({}, { webhooks: [hook('confirm-rollout')] }));
    const world = standing({ ...gated, target: target(R2, 0) }, {});
    const passed = answered(world, said(true));
    expect(recorded(decide(passed))).toMatchObject({ phase: 'Progressing' });
    const later = standing(passed, { lastTransitionTime: rfc3339(at(60)) });
    expect(decide(later)).toMatchObject({ kind: 'rest', asks: [{ kind: 'hook' }] });
  });

  test('an apex that was moved is put back, and each round is recorded first', () => {
    const services = { ...CALM.services, apex: 'wrong', apexSelects: 'target' } as const;
    const world = standing({ ...CALM, services }, {});
    const { repairs } = recorded(decide(world));
    expect(repairs).toEqual({ rounds: 1, seen: '5' });
    expect(kinds(standing(world, { repairs }))).toEqual(['apex']);
  });

  test('after five rounds the target is scaled up, and the condition names the other', () => {
    const services = {
      ...CALM.services,
      apex: 'wrong',
      apexSelects: 'target',
      apexWriter: 'argocd',
    } as const;
    const world = standing({ ...CALM, services }, { repairs: { rounds: 5, seen: '4' } });
    expect(kinds(world)).toEqual(['scaleTarget']);
    const stalled = world.canary.status.conditions.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({ status: 'True', reason: 'FieldConflict' });
    expect(stalled?.message).toContain('argocd');
  });

  test('a primary that was deleted is made again of the promoted version only', () => {
    expect(kinds(standing({ ...CALM, primary: null }, {}))).toEqual(['createPrimary']);
    const other = standing({ ...CALM, primary: null, target: target(R2, 2) }, {});
    expect(decide(other)).toMatchObject({ kind: 'rest' });
  });
});

describe('a rollback', () => {
  const failed = standing(rolling(1, 20), {
    phase: 'Failed',
    canaryWeight: asWeight(0),
    parking: { generation: 1, rounds: 1 },
  });

  test('moves traffic before pods', () => expect(kinds(failed)).toEqual(['route']));

  test('scales the canary down when it is drained', () => {
    expect(kinds({ ...failed, route: CALM.route })).toEqual(['scaleTarget']);
  });

  test('is carried out although the spec cannot be obeyed any more', () => {
    const world = standing({ ...failed, problems: [PROBLEM] }, {});
    expect(kinds(world)).toEqual(['route']);
  });

  test('takes the traffic away although the Services cannot be written', () => {
    const services = { ...failed.services, primary: 'wrong' } as const;
    expect(kinds(standing({ ...failed, services }, {}))).toEqual(['route']);
  });

  test('is carried out although the target is gone', () => {
    const world = standing({ ...failed, target: null, problems: [PROBLEM] }, {});
    expect(kinds(world)).toEqual(['route']);
  });

  test('is carried out although the Canary was suspended', () => {
    const world = withSpec(failed, spec({ suspend: true }));
    expect(kinds(standing(world, {}))).toEqual(['route']);
  });

  test('is carried out before a newer revision is asked about', () => {
    const gated = spec({}, { webhooks: [hook('confirm-rollout')] });
    const world = withSpec({ ...failed, target: target(R3, 2) }, gated);
    expect(kinds(standing(world, {}))).toEqual(['route']);
  });

  test('waits for a primary that has no pod while the canary has some', () => {
    const world = { ...failed, primary: primary(R1, { pods: pods(2, 0), readiness: UNREADY }) };
    expect(decide(standing(world, {}))).toMatchObject({ kind: 'rest' });
  });

  test('that meets its promoted version takes the canary out of service', () => {
    const status = recorded(decide({ ...failed, target: target(R1, 2) }));
    expect(status).toMatchObject({ phase: 'Finalising', lastAppliedSpec: R1 });
  });
});

describe('in analysis', () => {
  const due = { ...rolling(1, 20), now: at(101) };

  test('a passed check earns the next weight', () => {
    const status = recorded(decide(answered(due, sample(100))));
    expect(status).toMatchObject({ canaryWeight: 50, failedChecks: 0, rollout: { step: 2 } });
  });

  test('no check comes before its interval', () => {
    const { why, ...decision } = decide({ ...due, now: at(98) });
    expect(decision).toMatchObject({ kind: 'rest', wakeAt: at(100) });
    expect(why).toContain('next check');
  });

  test('a failed check halts, and the threshold rolls back in the same tick', () => {
    const once = recorded(decide(answered(due, sample(50))));
    expect(once).toMatchObject({ phase: 'Progressing', canaryWeight: 20, failedChecks: 1 });
    const twice = standing(due, { failedChecks: 1 });
    expect(recorded(decide(answered(twice, sample(50))))).toMatchObject({
      phase: 'Failed',
      canaryWeight: 0,
      failedChecks: 2,
      lastFailure: { reason: 'AnalysisFailed' },
    });
  });

  test('no data holds, and after its limit pauses at weight 0', () => {
    const held = recorded(decide(answered(due, NO_DATA)));
    expect(held).toMatchObject({
      canaryWeight: 20,
      failedChecks: 0,
      rollout: { unknownSince: at(100) },
    });
    const late = { ...due, now: at(200) };
    const long = standing(late, {
      rollout: rollout({ step: 1, trafficSince: at(95), unknownSince: at(105) }),
    });
    expect(recorded(decide(answered(long, NO_DATA)))).toMatchObject({
      phase: 'Progressing',
      canaryWeight: 0,
      rollout: { resumeWeight: 20 },
    });
  });

  test('a missing template is no verdict', () => {
    const status = recorded(decide(standing({ ...due, problems: [PROBLEM] }, {})));
    expect(status).toMatchObject({ failedChecks: 0, rollout: { unknownSince: at(100) } });
  });

  test('a crash rolls back at once', () => {
    const crash = { pod: 'web-1', container: 'app', restarts: 1, reason: 'OOMKilled' };
    const world = standing({ ...due, target: target(R2, 2, { crashes: [crash] }) }, {});
    expect(recorded(decide(world))).toMatchObject({
      phase: 'Failed',
      lastFailure: { reason: 'CanaryCrashed' },
    });
  });

  test('too few ready pods roll back after 5 s', () => {
    const lacking = standing({ ...due, target: target(R2, 2, { pods: pods(2, 0) }) }, {});
    const seen = recorded(decide(lacking));
    expect(seen.rollout?.unreadySince).toBe(at(101));
    const dipped = standing(lacking, { rollout: seen.rollout });
    expect(decide({ ...dipped, now: at(105) })).toMatchObject({ kind: 'rest', wakeAt: at(106) });
    expect(recorded(decide({ ...dipped, now: at(106) }))).toMatchObject({ phase: 'Failed' });
  });

  test('pods that were taken away give their traffic up, and get it back with new ones', () => {
    const change = { pods: pods(2, 0), replaced: true, readiness: UNREADY };
    const lacking = standing({ ...due, target: target(R2, 2, change) }, {});
    const dipped = standing(lacking, { rollout: recorded(decide(lacking)).rollout });
    const stood = recorded(decide({ ...dipped, now: at(106) }));
    expect(stood).toMatchObject({ phase: 'Progressing', canaryWeight: 0, failedChecks: 0 });
    expect(stood.rollout?.resumeWeight).toBe(20);
    const ready = standing({ ...rolling(2, 0), now: at(120) }, stood);
    const back = recorded(decide(ready));
    expect(back).toMatchObject({ canaryWeight: 20, rollout: { resumeWeight: null, step: 3 } });
    expect(check(ready, decide(ready))).toEqual([]);
  });

  test('pods that stay away for longer than the progress deadline are a failure', () => {
    const stood = rollout({
      step: 2,
      stepSince: at(106),
      waitingSince: at(106),
      resumeWeight: asWeight(20),
    });
    const away = target(R2, 2, { pods: pods(2, 1), replaced: true, readiness: UNREADY });
    const waiting = standing({ ...rolling(2, 0), target: away, now: at(165) }, { rollout: stood });
    expect(decide(waiting)).toMatchObject({ kind: 'rest', wakeAt: at(166) });
    expect(recorded(decide({ ...waiting, now: at(166) }))).toMatchObject({
      phase: 'Failed',
      lastFailure: { reason: 'ProgressDeadlineExceeded' },
    });
  });

  test('pods that are back in time are no failure', () => {
    const world = standing(due, {
      rollout: rollout({ step: 1, trafficSince: at(95), stepSince: at(95), unreadySince: at(99) }),
    });
    expect(recorded(decide(world))).toMatchObject({
      phase: 'Progressing',
      rollout: { unreadySince: null },
    });
  });

  test('a weight that waits for its pods is no failure of the pods that serve', () => {
    const world = standing(
      {
        ...rolling(1, 20),
        target: target(R2, 4, { pods: pods(4, 1) }),
        primary: primary(R1, { pods: pods(4) }),
      },
      {
        canaryWeight: asWeight(50),
        rollout: rollout({ step: 2, trafficSince: at(95), stepSince: at(99) }),
      },
    );
    expect(decide(world)).toMatchObject({ kind: 'rest', wakeAt: at(159) });
    expect(recorded(decide({ ...world, now: at(159) }))).toMatchObject({ phase: 'Failed' });
  });

  test('a weight that is off the list goes to the next lower one', () => {
    const world = withSpec(due, spec({}, { strategy: weighted([10, 40]) }));
    expect(recorded(decide(standing(world, {})))).toMatchObject({ canaryWeight: 10 });
  });

  test('a new revision starts over at weight 0', () => {
    const world = standing({ ...due, target: target(R3, 2) }, {});
    expect(recorded(decide(world))).toMatchObject({
      canaryWeight: 0,
      lastAppliedSpec: R3,
      rollout: { step: 0 },
    });
  });

  test('a template that its controller has not counted risks nothing', () => {
    const unsettled = target(R3, 2, { turn: '02', pods: { ...pods(2), settled: false } });
    expect(decide(standing({ ...due, target: unsettled }, {}))).toMatchObject({ kind: 'rest' });
  });

  test('any one rollback hook ends the rollout', () => {
    const webhooks = [hook('rollback', 'first'), hook('rollback', 'second')];
    const world = standing(withSpec(due, spec({}, { webhooks })), {});
    const keys = decide(world).asks.flatMap((ask) => (ask.kind === 'hook' ? [ask.key] : []));
    const [first = '', second = ''] = keys;
    const answers = new Map([
      [first, said(false)],
      [second, said(true)],
    ]);
    expect(recorded(decide({ ...world, answers }))).toMatchObject({
      phase: 'Failed',
      lastFailure: { reason: 'RollbackRequested' },
    });
  });
});

describe('in promotion', () => {
  const promoting = standing(rolling(2, 50), {
    phase: 'Promoting',
    rollout: rollout({
      step: 2,
      stepSince: at(95),
      waitingSince: at(95),
      trafficSince: at(95),
      capacity: 4,
    }),
  });
  const carrying = { ...promoting, primary: primary(R2, { pods: pods(2), readiness: UNREADY }) };
  const scaler = { min: 2, max: 6, targetMin: 2, primary: 'right', primaryFloor: 2 } as const;

  test('the judged revision goes into the primary', () => {
    expect(written(decide(promoting))).toEqual([{ kind: 'promote', revision: R2 }]);
  });

  test('a revision that came meanwhile is judged first', () => {
    expect(recorded(decide({ ...promoting, target: target(R3, 2) }))).toMatchObject({
      phase: 'Progressing',
      canaryWeight: 0,
      lastAppliedSpec: R3,
    });
  });

  test('traffic waits for the primary', () => {
    expect(decide(standing(carrying, {}))).toMatchObject({ kind: 'rest', wakeAt: at(155) });
  });

  test('the autoscaler is told what the traffic needs, never more than it may', () => {
    expect(written(decide(standing({ ...carrying, scaler }, {})))).toEqual([
      { kind: 'scaler', floor: 4 },
    ]);
    const small = { ...scaler, max: 3 };
    expect(written(decide(standing({ ...carrying, scaler: small }, {})))).toEqual([
      { kind: 'scaler', floor: 3 },
    ]);
  });

  test('an autoscaler that was taken away leaves no need behind', () => {
    const ready = { ...promoting, primary: primary(R2) };
    expect(recorded(decide(standing(ready, {})))).toMatchObject({
      phase: 'Finalising',
      lastPromotedSpec: R2,
    });
  });

  test('traffic returns step by step, an interval apart', () => {
    const slow = spec({}, { strategy: weighted([20, 50], 20) });
    const ready = withSpec({ ...promoting, primary: primary(R2) }, slow);
    expect(recorded(decide(standing(ready, {})))).toMatchObject({
      phase: 'Promoting',
      canaryWeight: 30,
    });
    expect(decide(standing({ ...ready, now: at(99) }, {}))).toMatchObject({
      kind: 'rest',
      wakeAt: at(100),
    });
  });

  test('a canary that changes hands its traffic over at once', () => {
    const world = standing({ ...carrying, target: target(R3, 2) }, {});
    expect(recorded(decide(world))).toMatchObject({
      phase: 'Promoting',
      canaryWeight: 0,
      lastAppliedSpec: R2,
    });
  });

  test('a target that is deleted does not undo what the primary carries', () => {
    const world = standing({ ...carrying, target: null }, {});
    expect(recorded(decide(world))).toMatchObject({ phase: 'Finalising', lastPromotedSpec: R2 });
  });

  test('a primary that was deleted is made again of the judged revision', () => {
    expect(kinds(standing({ ...promoting, primary: null }, {}))).toEqual(['createPrimary']);
  });
});

describe('the way back of a deleted Canary', () => {
  const leaving = standing(
    { ...CALM, canary: { ...CALM.canary, deleting: true }, target: target(R1, 0) },
    { phase: 'Terminating', lastTransitionTime: rfc3339(at(95)) },
  );

  test('begins with a route that knows the apex, before any pod is started', () => {
    const { route } = leaving;
    expect(kinds({ ...leaving, route: { ...route, intact: false } })).toEqual(['route']);
    expect(kinds(leaving)).toEqual(['scaleTarget']);
  });

  test('leads to the apex once that route is in force', () => {
    const ready: World = {
      ...leaving,
      target: target(R1, 2),
      services: { ...leaving.services, apexSelects: 'target' },
    };
    const confirmed = { kind: 'waiting', why: 'not seen yet', until: null } as const;
    const waiting = { ...ready, route: { ...ready.route, confirmed } };
    expect(decide(waiting)).toMatchObject({ kind: 'rest' });
    expect(written(decide(ready))).toEqual([{ kind: 'routeToApex', trailing: true }]);
  });

  test('ends with a route that names the apex alone, and only then does the primary go', () => {
    const route = { ...leaving.route, state: 'apex', trailing: true } as const;
    const services = { ...leaving.services, apexSelects: 'target' } as const;
    const handed: World = { ...leaving, target: target(R1, 2), services, route };
    expect(written(decide(handed))).toEqual([{ kind: 'routeToApex', trailing: false }]);
    const fresh = { ...route, confirmed: { kind: 'yes', since: at(99) } } as const;
    expect(decide({ ...handed, route: fresh })).toMatchObject({ kind: 'rest', wakeAt: at(101) });
    expect(kinds({ ...handed, route: { ...route, trailing: false } })).toContain('removePrimary');
  });
});
