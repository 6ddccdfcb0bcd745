// The tick: one check when it is due, recorded with its verdict, and what the verdict means.
import type { CanaryStatus, Rollout } from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { type Check, check, dueAt, merged, trafficSince } from './checks.ts';
import { type Decision, rest } from './decision.ts';
import { gate } from './gates.ts';
import { fail, later, recordRollout, told } from './record.ts';
import { nextStep, startPromotion, stepsLeft } from './steps.ts';
import type { Target, World } from './world.ts';

export function tick(world: World, target: Target, rollout: Rollout): Decision {
  const due = dueAt(world);
  if (due === null) return rest('the canary has no traffic yet');
  if (world.now < due) return rest(`next check of step ${rollout.step}`, due);
  const result = answered(world);
  switch (result.verdict) {
    case 'pending':
      return rest(`waiting for answers: ${result.why}`, null, result.asks);
    case 'fail':
      return failed(world, result, rollout, due);
    case 'unknown':
      return unknown(world, result, rollout, due);
    case 'warming':
      return held(world, result, rollout, due, result.why);
    case 'pass':
      return passed(world, target, result, rollout, due);
  }
}

/** What the analysis says; while the spec cannot be obeyed (a template is gone, for one) it says nothing. */
function answered(world: World): Check {
  const problem = world.problems[0];
  if (problem === undefined) return check(world);
  return { verdict: 'unknown', asks: [], measurements: [], why: problem.message };
}

/** The check as the status keeps it. The next one is due by the grid of intervals, however late this one came. */
function checked(world: World, rollout: Rollout, due: Instant): Rollout {
  const { intervalMs } = world.canary.spec.analysis;
  const missed = Math.floor((world.now - due) / intervalMs);
  return {
    ...rollout,
    checks: rollout.checks + 1,
    checkedAt: later(due, missed * intervalMs),
    trafficSince: trafficSince(world),
    unknownSince: null,
  };
}

/** Two failures must not be told by the same samples: after a late one the next comes a whole interval later. */
function checkedBad(world: World, rollout: Rollout, due: Instant): Rollout {
  const late = world.now - due >= world.canary.spec.analysis.intervalMs / 2;
  return { ...checked(world, rollout, due), checkedAt: late ? world.now : due };
}

/** A check without a verdict is not counted. */
function checkedInVain(world: World, rollout: Rollout, due: Instant): Rollout {
  const unknownSince = rollout.unknownSince ?? due;
  const { checks } = rollout;
  return { ...checked(world, rollout, due), checks, checkedAt: world.now, unknownSince };
}

function kept(world: World, result: Check): Partial<CanaryStatus> {
  return { measurements: merged(result.measurements, world.canary.status.measurements) };
}

function held(world: World, result: Check, rollout: Rollout, due: Instant, why: string): Decision {
  return recordRollout(world, checked(world, rollout, due), why, [], kept(world, result));
}

function failed(world: World, result: Check, rollout: Rollout, due: Instant): Decision {
  const { status, spec } = world.canary;
  const failedChecks = status.failedChecks + 1;
  const next = checkedBad(world, rollout, due);
  const { threshold } = spec.analysis;
  if (failedChecks >= threshold) {
    const message = `failed checks threshold reached (${failedChecks} of ${threshold}): ${result.why}`;
    return fail(
      world,
      { reason: 'AnalysisFailed', message },
      { ...kept(world, result), failedChecks, rollout: next },
    );
  }
  const words = `Halt ${spec.targetRef.name} advancement, failed check ${failedChecks} of ${threshold}: ${result.why}`;
  return recordRollout(world, next, result.why, [told('warn', 'Halted', words)], {
    ...kept(world, result),
    failedChecks,
  });
}

/** No answer is neither good nor bad: it holds, and after its limit traffic goes back to the primary. */
function unknown(world: World, result: Check, rollout: Rollout, due: Instant): Decision {
  const { status, spec } = world.canary;
  const next = checkedInVain(world, rollout, due);
  const { limitMs, then } = spec.analysis.unknown;
  const since = next.unknownSince ?? due;
  if (world.now < later(since, limitMs)) {
    const words = `Halt ${spec.targetRef.name} advancement, no verdict: ${result.why}`;
    const tells = rollout.unknownSince === null ? [told('warn', 'NoVerdict', words)] : [];
    return recordRollout(world, next, result.why, tells, kept(world, result));
  }
  const message = `no verdict for ${Math.round((world.now - since) / 1000)} s: ${result.why}`;
  if (then === 'rollback')
    return fail(world, { reason: 'NoVerdict', message }, { ...kept(world, result), rollout: next });
  const paused: Rollout = {
    ...next,
    paused: message,
    resumeWeight: status.canaryWeight,
    step: next.step + 1,
    stepSince: world.now,
  };
  return recordRollout(
    world,
    paused,
    message,
    [told('error', 'Paused', `Paused at weight 0: ${message}`)],
    {
      ...kept(world, result),
      canaryWeight: NO_WEIGHT,
    },
  );
}

function passed(
  world: World,
  target: Target,
  result: Check,
  rollout: Rollout,
  due: Instant,
): Decision {
  const { status } = world.canary;
  if (rollout.paused !== null) return held(world, result, rollout, due, rollout.paused);
  if (!target.readiness.ready) return unready(world, target, result, rollout, due);
  const more = stepsLeft(world);
  const weighted = world.canary.spec.analysis.strategy.kind === 'weighted';
  const type = more ? 'confirm-traffic-increase' : 'confirm-promotion';
  const confirmed =
    more && !weighted ? null : gate(world, type, `gate${rollout.step}check${rollout.checks}`);
  if (confirmed === null || confirmed.open) {
    const change = { ...kept(world, result) };
    if (more) return nextStep(world, 'all checks passed', change);
    return startPromotion(world, target, 'all checks passed at the last step', {
      ...change,
      iterations: weighted ? 0 : status.iterations + 1,
    });
  }
  if (!confirmed.refused)
    return rest(`waiting for a gate: ${confirmed.why}`, confirmed.wakeAt, confirmed.asks);
  return closedGate(world, result, checked(world, rollout, due), confirmed.why);
}

/** What passed goes on as soon as the pods are complete; after an interval it has to pass again. */
function unready(
  world: World,
  { readiness }: Target,
  result: Check,
  rollout: Rollout,
  due: Instant,
): Decision {
  const until = later(due, world.canary.spec.analysis.intervalMs);
  if (world.now < until) return rest(`passed, and waits for the canary: ${readiness.why}`, until);
  const missed = { ...checked(world, rollout, due), checkedAt: due };
  return recordRollout(world, missed, readiness.why, [], kept(world, result));
}

/** A gate said no: this check is done, the next one asks again. */
function closedGate(world: World, result: Check, rollout: Rollout, why: string): Decision {
  const { status, spec } = world.canary;
  const more = stepsLeft(world);
  const phase = more ? 'Progressing' : 'WaitingPromotion';
  const first = more ? rollout.checks === 1 : status.phase !== 'WaitingPromotion';
  const what = more ? 'the next weight' : 'promotion';
  const words = `${spec.targetRef.name} is waiting for approval of ${what}: ${why}`;
  const tells = first ? [told('warn', 'WaitingForApproval', words)] : [];
  return recordRollout(world, rollout, why, tells, { ...kept(world, result), phase });
}
