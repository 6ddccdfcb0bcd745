// Promotion: the judged revision into the primary, pods first, and only then traffic back.
import type { Weight } from '../api/canary.ts';
import { asWeight, NO_WEIGHT } from '../api/canary.ts';
import { begin, goBack, movement } from './begin.ts';
import { act, type Decision, rest } from './decision.ts';
import {
  fail,
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
import { confirmedLine, repairApexLine, routeLine, servicesLine } from './traffic.ts';
import type { Primary, Target, World } from './world.ts';

export function promote(world: World, target: Target): Decision {
  const { primary, canary } = world;
  if (primary === null) return rest('the primary is gone in the middle of its promotion');
  const carried = primary.revision === canary.status.lastAppliedSpec;
  return carried ? bringBack(world, primary, target) : carryOver(world, target);
}

/** Until the primary's template is written, the rollout can still be given up. */
function carryOver(world: World, target: Target): Decision {
  const { canary, configs } = world;
  const { status, spec } = canary;
  const moved = movement(world, target);
  if (moved === 'new') return begin(world, target, 'a new revision before the promotion');
  if (moved === 'back') return goBack(world, target);
  if (moved !== 'same') return rest('the target is being rewritten');
  const crash = target.crashes[0];
  if (crash !== undefined && !spec.skipAnalysis) {
    return fail(world, {
      reason: 'CanaryCrashed',
      message: `container ${crash.container} of pod ${crash.pod} ${crash.reason}`,
    });
  }
  const ready = servicesLine(world) ?? routeLine(world) ?? confirmedLine(world);
  if (ready !== null) return ready;
  if (configs.copies !== 'right')
    return act('copy ConfigMaps and Secrets', { kind: 'copyConfigs' });
  const { lastAppliedSpec: revision } = status;
  return act(`revision ${short(revision)} into the primary`, { kind: 'promote', revision });
}

/** The primary carries the revision: it gets the pods that traffic needs, then the traffic. */
function bringBack(world: World, primary: Primary, target: Target): Decision {
  const { canary, scaler } = world;
  const { status } = canary;
  if (status.canaryWeight > 0 && target.revision !== status.lastAppliedSpec) {
    return recordRollout(
      world,
      { step: (status.rollout?.step ?? 0) + 1, stepSince: world.now },
      'the target moved on while its old version was promoted',
      [
        told(
          'warn',
          'HandedOver',
          'The target changed during promotion: traffic goes to the primary at once',
        ),
      ],
      { canaryWeight: NO_WEIGHT },
    );
  }
  const wanted =
    scaler === null ? Math.max(primary.pods.replicas, target.pods.replicas) : primary.pods.replicas;
  if (primary.pods.replicas < wanted) {
    return act('give the primary the size of the target', {
      kind: 'scalePrimary',
      replicas: wanted,
    });
  }
  return (
    scalerLine(world) ??
    servicesLine(world) ??
    routeLine(world) ??
    confirmedLine(world) ??
    repairApexLine(world) ??
    capacityLine(world, primary) ??
    returnTraffic(world)
  );
}

/** Traffic comes back to pods that are there, not to pods that are wished for. */
function capacityLine(world: World, primary: Primary): Decision | null {
  const { canary, now } = world;
  const { rollout } = canary.status;
  const needed = rollout?.capacity ?? 0;
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
  if (rollout !== null && by !== null && status.canaryWeight > by) {
    const due = later(rollout.stepSince, spec.analysis.intervalMs);
    if (now < due && status.canaryWeight < (world.route.weight as number) + by)
      return rest('traffic returns step by step', due);
    const weight: Weight = asWeight(status.canaryWeight - by);
    const words = `Advance ${spec.targetRef.name} primary weight ${100 - weight}`;
    return recordRollout(
      world,
      { step: rollout.step + 1, stepSince: now },
      words,
      [told('info', 'Returning', words)],
      {
        canaryWeight: weight,
      },
    );
  }
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
    'the primary serves the new revision',
    [
      told(
        'info',
        'TrafficReturned',
        `Routing all traffic to the primary, revision ${short(status.lastAppliedSpec)}`,
      ),
    ],
  );
}

/** All traffic to the primary, the canary down; then the rollout is over. */
export function finalise(world: World): Decision {
  const retire = retireLine(world) ?? scalerLine(world);
  if (retire !== null) return retire;
  const { canary } = world;
  const skipped = canary.spec.skipAnalysis ? ' (analysis skipped)' : '';
  const words = `Promotion completed! ${canary.spec.targetRef.name} is at revision ${short(canary.status.lastPromotedSpec)}${skipped}`;
  return record(
    world,
    { phase: 'Succeeded', parking: null, iterations: 0, failedChecks: 0, rollout: null },
    'the rollout is over',
    [told('info', 'Promoted', words)],
  );
}

/** The primary's autoscaler; its floor is raised only while traffic is on its way back. */
export function scalerLine(world: World): Decision | null {
  const { scaler, canary } = world;
  if (scaler === null) return null;
  const { phase, rollout } = canary.status;
  const needed = phase === 'Promoting' ? (rollout?.capacity ?? null) : null;
  const floor = needed === null || needed <= scaler.min ? null : Math.min(needed, scaler.max);
  const wanted = floor ?? scaler.min;
  if (scaler.primary === 'right' && scaler.primaryFloor === wanted) return null;
  return act("write the primary's autoscaler", { kind: 'scaler', floor });
}
