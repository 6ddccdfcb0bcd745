// Evidence that outweighs any metric: the canary's pods die or are too few for the requests that they get.
import { asWeight, NO_WEIGHT, type Rollout } from '../api/canary.ts';
import { type Decision, rest } from './decision.ts';
import { fail, later, recordRollout, told } from './record.ts';
import { podsNeeded } from './traffic.ts';
import type { Crash, Target, World } from './world.ts';

/** A dip shorter than this is a probe that blinked. */
const UNREADY_LIMIT_MS = 5_000;

/** Rolls back on a crash at once, on too few ready pods after 5 s; null when the pods give no cause. */
export function evidenceLine(world: World, target: Target): Decision | null {
  const { rollout } = world.canary.status;
  if (rollout === null || rollout.step === 0) return null;
  const crash = target.crashes[0];
  if (crash !== undefined) {
    const more = target.crashes.length > 1 ? ` and ${target.crashes.length - 1} more` : '';
    return fail(world, { reason: 'CanaryCrashed', message: `${crashInWords(crash)}${more}` });
  }
  if (target.pods.replicas === 0) {
    return fail(world, {
      reason: 'CanaryScaledDown',
      message: 'the target was scaled to zero in the middle',
    });
  }
  return unreadyLine(world, target, rollout.unreadySince);
}

function crashInWords({ container, pod, reason, restarts }: Crash): string {
  const again =
    restarts === 0 ? '' : restarts === 1 ? ', restarted once' : `, restarted ${restarts} times`;
  return `container ${container} of pod ${pod} crashed under traffic (${reason}${again})`;
}

function unreadyLine(world: World, target: Target, since: number | null): Decision | null {
  const { canary, now } = world;
  const { canaryWeight } = canary.status;
  // What it was promised and does not have yet puts no load on it.
  const weight = asWeight(Math.min(canaryWeight, world.route.weight));
  const needed = Math.max(1, podsNeeded(world, weight));
  const enough = target.pods.ready >= needed;
  if (enough && since === null) return null;
  if (enough) return recordRollout(world, { unreadySince: null }, 'the canary has its pods again');
  const why = `${target.pods.ready} of ${needed} pods that weight ${weight} needs are ready`;
  if (since === null) return recordRollout(world, { unreadySince: now }, why);
  const limitMs = weight > 0 ? UNREADY_LIMIT_MS : canary.spec.progressDeadlineMs;
  const until = later(since as typeof now, limitMs);
  if (now < until) return rest(why, until);
  if (weight > 0 && target.replaced) return standBack(world, why);
  return fail(world, { reason: 'CanaryNotReady', message: why });
}

/** Pods that were taken away say nothing about their version: it gives its traffic up until new ones are ready. */
function standBack(world: World, why: string): Decision {
  const { canary, now } = world;
  const { canaryWeight, rollout } = canary.status;
  const change = {
    step: (rollout?.step ?? 0) + 1,
    stepSince: now,
    waitingSince: now,
    checks: 0,
    checkedAt: null,
    trafficSince: null,
    unreadySince: null,
    resumeWeight: canaryWeight,
  };
  const words = `Traffic goes to the primary while the canary's pods are replaced: ${why}`;
  return recordRollout(world, change, why, [told('warn', 'StoodBack', words)], {
    canaryWeight: NO_WEIGHT,
  });
}

/** After standing back: the weight returns with the pods, within the progress deadline. */
export function standBackOver(world: World, target: Target, rollout: Rollout): Decision {
  const { canary, now } = world;
  const back = rollout.resumeWeight ?? NO_WEIGHT;
  if (target.readiness.ready) {
    const change = { resumeWeight: null, step: rollout.step + 1, stepSince: now };
    const words = `The canary has its pods again: back to weight ${back}`;
    return recordRollout(world, change, words, [told('info', 'Advanced', words)], {
      canaryWeight: back,
    });
  }
  const until = later(rollout.waitingSince, canary.spec.progressDeadlineMs);
  const why = `waiting for the canary's new pods: ${target.readiness.why}`;
  if (now < until) return rest(why, until);
  return fail(world, { reason: 'ProgressDeadlineExceeded', message: why });
}
