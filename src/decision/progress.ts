// A revision under judgement: pods, gates, then weight after weight, each one earned by a passed check.
import type { Rollout } from '../api/canary.ts';
import { begin, goBack, movement, rebase, stampLine } from './begin.ts';
import { act, asking, type Decision, rest } from './decision.ts';
import { evidenceLine } from './evidence.ts';
import { gate } from './gates.ts';
import { earliest, fail, later, recordRollout, short, told } from './record.ts';
import { nextStep, startPromotion } from './steps.ts';
import { tick } from './tick.ts';
import { confirmedLine, podsNeeded, repairApexLine, routeLine, servicesLine } from './traffic.ts';
import type { Target, World } from './world.ts';

export function progress(world: World, target: Target): Decision {
  const { rollout } = world.canary.status;
  if (rollout === null) return begin(world, target, 'the record of the rollout was lost');
  const moved = movementLine(world, target);
  if (moved !== null) return moved;
  const evidence = evidenceLine(world, target);
  if (evidence !== null && evidence.kind !== 'rest') return evidence;
  const wish = rollbackWish(world);
  if (wish.decision !== null) return wish.decision;
  const next = evidence ?? advance(world, target, rollout);
  const woken =
    next.kind === 'rest' ? { ...next, wakeAt: earliest(next.wakeAt, wish.wakeAt) } : next;
  return asking(woken, wish.asks);
}

function movementLine(world: World, target: Target): Decision | null {
  switch (movement(world, target)) {
    case 'new':
      return begin(world, target, 'a new revision in the middle');
    case 'back':
      return goBack(world, target);
    case 'rewritten':
      return rebase(world, target);
    case 'unsettled':
    case 'same':
      return null;
  }
}

function advance(world: World, target: Target, rollout: Rollout): Decision {
  return (
    stampLine(world, target) ??
    servicesLine(world) ??
    offListLine(world, rollout) ??
    raiseLine(world, target) ??
    routeLine(world) ??
    refusedLine(world, rollout) ??
    confirmedLine(world) ??
    repairApexLine(world) ??
    (rollout.step === 0 ? prepare(world, target, rollout) : analyse(world, target, rollout))
  );
}

/** A weight that the spec no longer lists goes down to the next one that it does. */
function offListLine(world: World, rollout: Rollout): Decision | null {
  const { spec, status } = world.canary;
  const { strategy } = spec.analysis;
  if (strategy.kind !== 'weighted' || status.canaryWeight === 0) return null;
  if (strategy.weights.includes(status.canaryWeight)) return null;
  const lower =
    strategy.weights.findLast((weight) => weight < status.canaryWeight) ?? strategy.weights[0];
  if (lower === undefined || lower > status.canaryWeight) return null;
  return recordRollout(
    world,
    { step: rollout.step + 1, stepSince: world.now, checks: 0, checkedAt: null },
    `weight ${status.canaryWeight} is no longer a step`,
    [],
    { canaryWeight: lower },
  );
}

/** No route is written that gives the canary more than its ready pods can take. */
function raiseLine(world: World, target: Target): Decision | null {
  const { canaryWeight } = world.canary.status;
  if (world.route.weight >= canaryWeight || target.pods.ready >= podsNeeded(world, canaryWeight))
    return null;
  return rest(`weight ${canaryWeight} waits for ready pods: ${target.readiness.why}`);
}

/** A route that is refused for as long as the progress deadline ends the rollout. */
function refusedLine(world: World, rollout: Rollout): Decision | null {
  const { route, canary, now } = world;
  if (route.confirmed.kind !== 'refused' || rollout.step === 0) return null;
  const until = later(rollout.stepSince, canary.spec.progressDeadlineMs);
  if (now >= until) return fail(world, { reason: 'RouteRefused', message: route.confirmed.why });
  return rest(`the route is refused: ${route.confirmed.why}`, until);
}

/** Before any traffic: pods ready within the deadline, then the pre-rollout hooks. */
function prepare(world: World, target: Target, rollout: Rollout): Decision {
  const { canary, scaler, primary, now, problems } = world;
  if (problems[0] !== undefined) return rest(`the spec cannot be obeyed: ${problems[0].message}`);
  if (target.pods.replicas === 0) {
    const replicas = Math.max(
      1,
      scaler === null ? (primary?.pods.replicas ?? 1) : scaler.targetMin,
    );
    return act('scale the target up', {
      kind: 'scaleTarget',
      replicas,
      generation: target.generation,
    });
  }
  if (!target.readiness.ready) {
    const until = later(rollout.waitingSince, canary.spec.progressDeadlineMs);
    const why =
      target.pods.stuck === null
        ? target.readiness.why
        : `${target.readiness.why}; ${target.pods.stuck}`;
    if (now < until) return rest(`waiting for the canary: ${why}`, until);
    return fail(world, {
      reason: 'ProgressDeadlineExceeded',
      message: `the canary did not become ready: ${why}`,
    });
  }
  if (canary.spec.skipAnalysis) return startPromotion(world, target, 'the analysis is skipped');
  return preRollout(world, rollout);
}

function preRollout(world: World, rollout: Rollout): Decision {
  const { canary, now } = world;
  const { status, spec } = canary;
  const hooks = gate(world, 'pre-rollout', `before${rollout.checks}`);
  if (hooks.open) return nextStep(world, 'the canary is ready');
  if (!hooks.refused) return rest(`pre-rollout: ${hooks.why}`, hooks.wakeAt, hooks.asks);
  const due = later(
    rollout.checkedAt ?? rollout.stepSince,
    rollout.checkedAt === null ? 0 : spec.analysis.intervalMs,
  );
  if (now < due) return rest(`pre-rollout: ${hooks.why}`, due);
  const failedChecks = status.failedChecks + 1;
  const change = {
    failedChecks,
    rollout: { ...rollout, checks: rollout.checks + 1, checkedAt: now },
  };
  if (failedChecks >= spec.analysis.threshold) {
    return fail(world, { reason: 'PreRolloutFailed', message: hooks.why }, change);
  }
  return recordRollout(
    world,
    change.rollout,
    hooks.why,
    [told('warn', 'Halted', `Halt before the start: ${hooks.why}`)],
    {
      failedChecks,
    },
  );
}

function analyse(world: World, target: Target, rollout: Rollout): Decision {
  if (rollout.resumeWeight !== null) return rest(`paused: ${rollout.paused ?? ''}`);
  if (rollout.trafficSince === null) {
    const { confirmed } = world.route;
    const since =
      confirmed.kind === 'yes' ? Math.max(confirmed.since, rollout.stepSince) : world.now;
    return recordRollout(
      world,
      { trafficSince: since as typeof world.now },
      'the canary is in service',
    );
  }
  return tick(world, target, rollout);
}

/** Hooks of type `rollback`: a yes from any one ends the rollout, at any time. */
function rollbackWish(world: World): {
  readonly decision: Decision | null;
  readonly asks: ReturnType<typeof gate>['asks'];
  readonly wakeAt: ReturnType<typeof gate>['wakeAt'];
} {
  const { canary } = world;
  const hooks = canary.spec.analysis.webhooks.filter((hook) => hook.type === 'rollback');
  if (hooks.length === 0) return { decision: null, asks: [], wakeAt: null };
  const wish = gate(world, 'rollback', 'rollback');
  if (!wish.open) return { decision: null, asks: wish.asks, wakeAt: wish.wakeAt };
  const names = hooks.map((hook) => hook.name).join(', ');
  const message = `webhook ${names} asked for a rollback of ${short(canary.status.lastAppliedSpec)}`;
  return {
    decision: fail(world, { reason: 'RollbackRequested', message }),
    asks: [],
    wakeAt: null,
  };
}
