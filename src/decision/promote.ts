// Promotion: the judged revision into the primary, pods first, and only then traffic back.
import type { Weight } from '../api/canary.ts';
import { asWeight, NO_WEIGHT } from '../api/canary.ts';
import { begin, goBack, movement, rebase, uncounted } from './begin.ts';
import { capacityNeeded, growLine, scalerLine, sizeWanted } from './capacity.ts';
import { act, type Decision, rest, type Write } from './decision.ts';
import { evidenceLine } from './evidence.ts';
import { primaryLine } from './primary.ts';
import {
  historyEnded,
  later,
  owedHooks,
  record,
  recordRollout,
  retiring,
  short,
  told,
} from './record.ts';
import { retireLine } from './retire.ts';
import {
  canCarry,
  confirmedLine,
  lowerLine,
  repairApexLine,
  routeLine,
  servicesLine,
} from './traffic.ts';
import type { Primary, Target, World } from './world.ts';

export function promote(world: World, target: Target): Decision {
  const { primary, canary } = world;
  const carried = primary !== null && primary.revision === canary.status.lastAppliedSpec;
  return carried ? bringBack(world, primary, target) : carryOver(world, target);
}

/** Until the primary's template is written, the rollout can still be given up. */
function carryOver(world: World, target: Target): Decision {
  const { canary, configs } = world;
  const { lastAppliedSpec: revision } = canary.status;
  switch (movement(world, target)) {
    case 'new':
      return begin(world, target, 'a new revision before the promotion');
    case 'back':
      return goBack(world, target);
    case 'rewritten':
      return rebase(world, target);
    case 'unsettled':
      return uncounted(target);
    case 'same':
      break;
  }
  return (
    primaryLine(world) ??
    evidenceLine(world, target) ??
    servicesLine(world) ??
    takeAllLine(world) ??
    routeLine(world) ??
    confirmedLine(world) ??
    scalerLine(world) ??
    (configs.copies === 'right'
      ? act(`revision ${short(revision)} into the primary`, templateWrite(world, revision))
      : act('copy ConfigMaps and Secrets', { kind: 'copyConfigs' }))
  );
}

/** Template and size in one write: a Deployment that grows while it rolls starts all of its new pods at once. */
function templateWrite(world: World, revision: string): Write {
  const replicas = sizeWanted(world);
  const grows = world.primary !== null && replicas > world.primary.pods.replicas;
  return grows ? { kind: 'promote', revision, replicas } : { kind: 'promote', revision };
}

/** Blue/green lets the canary serve while the primary changes; where it lacks the pods for that, it need not. */
function takeAllLine(world: World): Decision | null {
  const { canary, route, now } = world;
  const { canaryWeight, rollout } = canary.status;
  const raises = canaryWeight > route.weight && route.canWeight;
  if (!raises || rollout === null || canCarry(world, canaryWeight)) return null;
  return recordRollout(
    world,
    { step: rollout.step + 1, stepSince: now },
    `the canary lacks the pods for weight ${canaryWeight}`,
    [],
    { canaryWeight: route.weight },
  );
}

/** The primary carries the revision: it gets the pods that traffic needs, then the traffic. */
function bringBack(world: World, primary: Primary, target: Target): Decision {
  return (
    lowerLine(world) ??
    handOverLine(world, primary, target) ??
    scalerLine(world) ??
    growLine(world) ??
    servicesLine(world) ??
    routeLine(world) ??
    confirmedLine(world) ??
    repairApexLine(world) ??
    capacityLine(world, primary) ??
    returnTraffic(world)
  );
}

/** A canary that changed, crashes or has no pod left gives its traffic up at once: the primary has what was judged. */
function handOverLine(world: World, primary: Primary, target: Target): Decision | null {
  const { canary, now } = world;
  const { status } = canary;
  if (status.canaryWeight === 0 || primary.pods.ready === 0) return null;
  const why =
    target.revision !== status.lastAppliedSpec
      ? 'the target changed'
      : target.crashes.length > 0
        ? 'the canary crashed'
        : target.pods.ready === 0
          ? 'the canary has no ready pod'
          : null;
  if (why === null) return null;
  return recordRollout(
    world,
    { step: (status.rollout?.step ?? 0) + 1, stepSince: now },
    `${why} during its promotion`,
    [told('warn', 'HandedOver', `${why} during promotion: traffic goes to the primary at once`)],
    { canaryWeight: NO_WEIGHT },
  );
}

/** Traffic comes back to pods that are there, not to pods that are wished for. */
function capacityLine(world: World, primary: Primary): Decision | null {
  const { canary, now } = world;
  const { rollout } = canary.status;
  const needed = capacityNeeded(world);
  if (primary.readiness.ready && primary.pods.ready >= needed) return null;
  const until = later(rollout?.waitingSince ?? now, canary.spec.progressDeadlineMs);
  const why = primary.readiness.ready
    ? `${primary.pods.ready} of the ${needed} pods that the traffic needs are ready`
    : primary.trouble === ''
      ? primary.readiness.why
      : primary.trouble;
  return rest(`waiting for the primary: ${why}`, until > now ? until : null);
}

function returnTraffic(world: World): Decision {
  const { canary, now } = world;
  const { status, spec } = canary;
  const { rollout } = status;
  const { strategy } = spec.analysis;
  const by = strategy.kind === 'weighted' ? strategy.promotionStep : null;
  if (rollout === null || by === null || status.canaryWeight <= by)
    return trafficBack(world, 'the primary serves the new revision');
  const due = later(rollout.stepSince, spec.analysis.intervalMs);
  if (now < due) return rest('traffic returns step by step', due);
  const weight: Weight = asWeight(status.canaryWeight - by);
  const words = `Advance ${spec.targetRef.name} primary weight ${100 - weight}`;
  return recordRollout(
    world,
    { step: rollout.step + 1, stepSince: now },
    words,
    [told('info', 'Returning', words)],
    { canaryWeight: weight },
  );
}

/** The primary carries the revision: from here on it serves everybody. What ends the rollout tells of it. */
export function trafficBack(world: World, why: string): Decision {
  const { canary, now, target } = world;
  const { status, spec } = canary;
  const words = `Routing all traffic to the primary, revision ${short(status.lastAppliedSpec)}: ${why}`;
  return record(
    world,
    {
      ...retiring(world),
      phase: 'Finalising',
      iterations: status.iterations,
      lastPromotedSpec: status.lastAppliedSpec,
      history: historyEnded(status, 'promoted', '', now),
      owed: owedHooks(spec.analysis.webhooks),
    },
    why,
    target === null ? [told('warn', 'TrafficReturned', words)] : [],
  );
}

/**
 * All traffic to the primary, the canary down; then the rollout is over. Where a data plane gives no sign but time, the
 * rollout does not wait for it: the canary is drained and goes down after its end.
 */
export function finalise(world: World): Decision {
  const settles = onlySettles(world);
  const left =
    primaryLine(world) ??
    lowerLine(world) ??
    scalerLine(world) ??
    growLine(world) ??
    (settles ? null : retireLine(world));
  if (left !== null) return left;
  const { canary } = world;
  const { parking } = canary.status;
  const skipped = canary.spec.skipAnalysis ? ' (analysis skipped)' : '';
  const words = `Promotion completed! ${canary.spec.targetRef.name} is at revision ${short(canary.status.lastPromotedSpec)}, the primary serves everybody${skipped}`;
  return record(
    world,
    {
      phase: 'Succeeded',
      parking: settles ? parking : null,
      iterations: 0,
      failedChecks: 0,
      rollout: null,
    },
    'the rollout is over',
    [told('info', 'Promoted', words)],
  );
}

/** Services and route say what they must, and nothing but time can tell that proxies have followed. */
function onlySettles(world: World): boolean {
  const { confirmed } = world.route;
  if (confirmed.kind !== 'waiting' || confirmed.until === null) return false;
  return servicesLine(world) === null && routeLine(world) === null;
}
