// Takes a canary out of service: traffic off, drained, then its pods to zero, once.
import { act, type Decision, rest } from './decision.ts';
import { record } from './record.ts';
import {
  apexLine,
  apexSettledLine,
  confirmedLine,
  lowerLine,
  routeLine,
  servicesLine,
} from './traffic.ts';
import type { World } from './world.ts';

/** A scale-down that others undid is not fought over. */
const PARKING_ROUNDS_MAX = 3;

/** Null when no request reaches the canary any more and its pods are down, or are somebody else's wish. */
export function retireLine(world: World): Decision | null {
  return (
    lowerLine(world) ??
    servicesLine(world) ??
    routeLine(world) ??
    confirmedLine(world) ??
    apexLine(world) ??
    apexSettledLine(world) ??
    parkLine(world)
  );
}

/**
 * Scales the target to zero for the generation that the record names. A generation that moved means that the target was
 * written since: by us (then it is at zero) or by another, whose wish gets a new round and after three is let be.
 */
function parkLine(world: World): Decision | null {
  const { target, canary, primary } = world;
  const { parking } = canary.status;
  if (target === null || target.pods.replicas === 0 || parking === null) return null;
  if (primary === null || primary.pods.ready === 0)
    return rest('the target keeps its pods: the primary has none that is ready');
  if (parking.generation === target.generation) {
    return act('scale the target to zero', {
      kind: 'scaleTarget',
      replicas: 0,
      generation: target.generation,
    });
  }
  if (parking.rounds >= PARKING_ROUNDS_MAX) return null;
  return record(
    world,
    { parking: { generation: target.generation, rounds: parking.rounds + 1 } },
    'the target was changed before it was scaled to zero',
  );
}
