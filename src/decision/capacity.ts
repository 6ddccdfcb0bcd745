// How many pods the primary keeps while a canary takes some of its load, and has before the load comes back.
import type { Weight } from '../api/canary.ts';
import { asInstant, type Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';
import { act, type Decision } from './decision.ts';
import type { World } from './world.ts';

/**
 * An autoscaler sees load that has just come back a minute late: metrics are scraped, averaged and looked at in turn.
 * So long it may not take away what was there for that load.
 */
const HOLD_MS = 60_000;

/**
 * Ready pods that serve all of the load when the first of it goes to the canary; null without an autoscaler. The
 * primary keeps them: its own autoscaler would take them away, and a rollback gives their load back in an instant.
 */
export function capacityAtFirst({ canary, scaler, primary }: World): number | null {
  const { rollout } = canary.status;
  if (scaler === null) return rollout?.capacity ?? null;
  return Math.min(scaler.max, Math.max(rollout?.capacity ?? 0, primary?.pods.ready ?? 0));
}

/** Ready pods that the whole load needs, while it is split: as many as before, and more where either side has grown. */
export function capacityOfAll(
  { canary, scaler, primary, target }: World,
  weight: Weight,
): number | null {
  const { rollout } = canary.status;
  if (scaler === null) return null;
  const kept = rollout?.capacity ?? null;
  if (weight === 0) return kept;
  const own = primary?.pods.ready ?? 0;
  const tried = target?.pods.ready ?? 0;
  if (weight === 100) return Math.min(scaler.max, Math.max(kept ?? 0, own, tried));
  const both = own + tried;
  const byShare = tried > scaler.targetMin ? Math.ceil((100 * tried) / weight) : 0;
  const grown = kept === null || own > kept ? both : Math.min(both, byShare);
  return Math.min(scaler.max, Math.max(kept ?? 0, grown));
}

/** Ready pods that the primary needs before traffic returns: with an autoscaler as many as were counted, if it may. */
export function capacityNeeded({ canary, scaler }: World): number {
  const { canaryWeight, rollout } = canary.status;
  return scaler === null || canaryWeight === 0 ? 0 : Math.min(rollout?.capacity ?? 0, scaler.max);
}

/** Pods that the primary should have now, at least. Its autoscaler would get there too, some of its rounds later. */
export function sizeWanted(world: World): number {
  const { canary, scaler, primary, target } = world;
  const now = primary?.pods.replicas ?? 0;
  if (scaler !== null)
    return Math.max(now, Math.min(canary.status.rollout?.capacity ?? 0, scaler.max));
  return canary.status.phase === 'Promoting' ? Math.max(now, target?.pods.replicas ?? 0) : now;
}

/** Gives the primary its size at once; its autoscaler must know that size before, or would take it back. */
export function growLine(world: World): Decision | null {
  const { primary } = world;
  const replicas = sizeWanted(world);
  if (primary === null || primary.pods.replicas >= replicas) return null;
  const why = world.scaler === null ? 'the size of the target' : 'the pods that the load needs';
  return act(`give the primary ${why}`, { kind: 'scalePrimary', replicas });
}

/** The primary's autoscaler; its floor is raised from the first weight on until the load has settled again. */
export function scalerLine(world: World): Decision | null {
  const { scaler } = world;
  if (scaler === null) return null;
  const needed = floorWanted(world);
  const floor = needed <= scaler.min ? null : needed;
  const wanted = floor ?? scaler.min;
  if (scaler.primary === 'right' && scaler.primaryFloor === wanted) return null;
  return act("write the primary's autoscaler", { kind: 'scaler', floor });
}

function floorWanted(world: World): number {
  const { scaler, canary } = world;
  const { phase, rollout, parking } = canary.status;
  if (scaler === null) return 0;
  const over = phase === 'Succeeded' || phase === 'Initialized' || phase === 'Waiting';
  const underWay = !over && (phase !== 'Failed' || parking !== null);
  if (underWay) return Math.min(rollout?.capacity ?? 0, scaler.max);
  return floorHeldUntil(world) === null ? 0 : (heldFloor(world) ?? 0);
}

/** The raised floor as it stands in the cluster; null when it is not raised. */
export function heldFloor({ scaler }: World): number | null {
  if (scaler === null || scaler.primaryFloor === null || scaler.primaryFloor <= scaler.min)
    return null;
  return Math.min(scaler.primaryFloor, scaler.max);
}

/** Until when a floor outlasts its rollout; null when it does not, any more. */
export function floorHeldUntil(world: World): Instant | null {
  const { phase, lastTransitionTime, lastPromotedSpec } = world.canary.status;
  if (heldFloor(world) === null || lastPromotedSpec === '') return null;
  if (phase !== 'Succeeded' && phase !== 'Failed' && phase !== 'Waiting') return null;
  const since = parseTime(lastTransitionTime);
  if (since === null) return null;
  const until = asInstant(since + HOLD_MS);
  return world.now < until ? until : null;
}
