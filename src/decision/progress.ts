// A revision under judgement: pods, gates, then weight after weight, each one earned by a passed check.
import type { Rollout } from '../api/canary.ts';
import { begin, goBack, type Movement, movement, rebase, stampLine, uncounted } from './begin.ts';
import { act, asking, type Decision, rest } from './decision.ts';
import { scalerLine } from './capacity.ts';
import { evidenceLine, standBackOver } from './evidence.ts';
import { gate } from './gates.ts';
import { primaryLine } from './primary.ts';
import { askKey, earliest, fail, later, recordRollout, short, told } from './record.ts';
import { nextStep, startPromotion } from './steps.ts';
import { tick } from './tick.ts';
import {
  canCarry,
  confirmedLine,
  lowerLine,
  repairApexLine,
  routeLine,
  servicesLine,
} from './traffic.ts';
import type { Target, World } from './world.ts';

export function progress(world: World, target: Target): Decision {
  const { rollout } = world.canary.status;
  if (rollout === null) return begin(world, target, 'the record of the rollout was lost');
  const moved = movement(world, target);
  const left = leftBehind(world, target, moved);
  if (left !== null) return left;
  const evidence = evidenceLine(world, target);
  if (evidence !== null && evidence.kind !== 'rest') return evidence;
  const wish = rollbackWish(world);
  if (wish.decision !== null) return wish.decision;
  const next = evidence ?? heldLine(world, target, moved) ?? advance(world, target, rollout);
  const woken =
    next.kind === 'rest' ? { ...next, wakeAt: earliest(next.wakeAt, wish.wakeAt) } : next;
  return asking(woken, wish.asks);
}

function leftBehind(world: World, target: Target, moved: Movement): Decision | null {
  switch (moved) {
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

/** Nothing is risked while it is not known what the target holds, or while nobody could take the traffic back. */
function heldLine(world: World, target: Target, moved: Movement): Decision | null {
  if (moved === 'unsettled') return uncounted(target);
  const lost = primaryLine(world);
  return lost === null ? null : (routeLine(world) ?? lost);
}

function advance(world: World, target: Target, rollout: Rollout): Decision {
  return (
    lowerLine(world) ??
    servicesLine(world) ??
    offListLine(world, rollout) ??
    raiseLine(world, target, rollout) ??
    routeLine(world) ??
    refusedLine(world, rollout) ??
    confirmedLine(world) ??
    stampLine(world, target) ??
    scalerLine(world) ??
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

/** A weight that its pods are too few for waits for them, until the progress deadline. */
function raiseLine(world: World, target: Target, rollout: Rollout): Decision | null {
  const { route, canary, now } = world;
  const { canaryWeight } = canary.status;
  const intact = route.state === 'split' && route.intact;
  if (!route.canWeight || !intact || route.weight >= canaryWeight || canCarry(world, canaryWeight))
    return null;
  const until = later(rollout.stepSince, canary.spec.progressDeadlineMs);
  const why = `weight ${canaryWeight} waits for ready pods: ${target.readiness.why}`;
  if (now >= until) return fail(world, { reason: 'CanaryNotReady', message: why });
  return rest(why, until);
}

/** A route that is not in force for as long as the progress deadline ends the rollout. */
function refusedLine(world: World, rollout: Rollout): Decision | null {
  const { route, canary, now } = world;
  const { confirmed } = route;
  if (confirmed.kind === 'yes' || rollout.step === 0) return null;
  const refused = confirmed.kind === 'refused';
  const until = later(rollout.stepSince, canary.spec.progressDeadlineMs);
  if (now >= until) {
    const reason = refused ? 'RouteRefused' : 'RouteNotConfirmed';
    return fail(world, { reason, message: confirmed.why });
  }
  if (refused) return rest(`the route is refused: ${confirmed.why}`, until);
  const wakeAt = earliest(confirmed.until, until);
  return rest(`waiting for the route to take effect: ${confirmed.why}`, wakeAt);
}

/** Before any traffic: pods ready within the deadline, then the pre-rollout hooks. */
function prepare(world: World, target: Target, rollout: Rollout): Decision {
  const { canary, scaler, primary, now, problems } = world;
  if (problems[0] !== undefined) return rest(`the spec cannot be obeyed: ${problems[0].message}`);
  if (rollout.paused !== null) return rest(`paused: ${rollout.paused}`);
  const until = later(rollout.waitingSince, canary.spec.progressDeadlineMs);
  if (target.pods.replicas === 0 && now < until) {
    // A controller that finds a new size along with a new template gives the old template the pods first.
    if (!target.pods.settled) return rest('its controller has not seen the new template', until);
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
  const { canary } = world;
  if (rollout.resumeWeight !== null) {
    if (rollout.paused === null) return standBackOver(world, target, rollout);
    return rest(`paused: ${rollout.paused}`);
  }
  const skips = canary.spec.skipAnalysis && rollout.paused === null && target.readiness.ready;
  if (skips) return startPromotion(world, target, 'the analysis is skipped');
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
  const wisher = hooks.find((hook) => {
    const answer = world.answers.get(askKey(world, 'rollback', hook.type, hook.name));
    return answer?.kind === 'hook' && answer.ok;
  });
  if (wisher === undefined) {
    const { asks, wakeAt } = gate(world, 'rollback', 'rollback');
    return { decision: null, asks, wakeAt };
  }
  const message = `webhook ${wisher.name} asked for a rollback of ${short(canary.status.lastAppliedSpec)}`;
  return {
    decision: fail(world, { reason: 'RollbackRequested', message }),
    asks: [],
    wakeAt: null,
  };
}
