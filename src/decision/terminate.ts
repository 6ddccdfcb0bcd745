// Deletion without an outage: the target takes its traffic back before anything that serves is taken away.
import { NO_WEIGHT } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';
import { act, type Decision, rest } from './decision.ts';
import { earliest, later, record, short, told } from './record.ts';
import { apexSettledLine } from './traffic.ts';
import type { Primary, Target, World } from './world.ts';

const RESTORE_ROUNDS_MAX = 2;
/** From a gateway's yes to the last of its proxies; milliseconds were measured. */
const PROXIES_FOLLOW_MS = 2_000;

export function terminate(world: World): Decision {
  const { canary, target, primary, now } = world;
  const { status } = canary;
  if (!canary.finalizers.includes('serin.dev/restore'))
    return rest('deleted; nothing of ours holds it');
  if (status.phase !== 'Terminating') {
    const rollout = status.rollout === null ? null : { ...status.rollout, waitingSince: now };
    const change = {
      phase: 'Terminating' as const,
      canaryWeight: NO_WEIGHT,
      rollout,
      parking: null,
    };
    return record(world, change, 'the Canary is being deleted', [
      told('info', 'Terminating', `Handing ${canary.spec.targetRef.name} back its traffic`),
    ]);
  }
  const rival = world.problems.find(({ reason }) => reason === 'Conflict');
  if (rival !== undefined) return orphaned(`not ours to hand back: ${rival.message}`);
  const blind = world.problems.find(({ reason }) => reason === 'KindForbidden');
  if (blind !== undefined) return orphaned(`what serves stays: ${blind.message}`);
  if (primary?.owner === 'left')
    return orphaned('the primary was left by another Canary: it stays and serves');
  if (primary === null && (target === null || !leadsToPrimary(world)))
    return cleared('nothing to hand back');
  if (target === null) return orphaned('the target is gone: the primary stays and serves');
  return toPrimaryLine(world) ?? handBack(world, target, primary);
}

/** Requests are still sent to where the primary is, or was. */
function leadsToPrimary({ services, route }: World): boolean {
  return services.apexSelects === 'primary' || (route.canWeight && route.state === 'split');
}

function cleared(why: string): Decision {
  return act(why, { kind: 'removePrimary' }, { kind: 'finalizer', present: false });
}

function orphaned(why: string): Decision {
  return act(why, { kind: 'orphan' }, { kind: 'finalizer', present: false });
}

/** While the target is being prepared the primary serves everybody. */
function toPrimaryLine(world: World): Decision | null {
  const { route, services, canary, primary } = world;
  const handed = services.apexSelects === 'target' && route.state === 'apex';
  if (handed || !route.canWeight || route.state !== 'split') return null;
  // A route may read differently for a Canary that is being deleted; another writer of it is not fought for ever.
  const prepared = route.intact || world.now >= deadlineOf(world);
  if (route.weight === 0 && prepared) return null;
  if (primary === null || primary.pods.ready === 0) return null;
  const { lastAppliedSpec: revision, rollout } = canary.status;
  const why =
    route.weight === 0 ? 'ready the route for the way back' : 'all traffic to the primary';
  const step = (rollout?.step ?? 0) + 1;
  return act(why, { kind: 'route', weight: NO_WEIGHT, revision, step });
}

/** Without a primary there is nothing to put back and nobody else to serve: then the target does, as it is. */
function handBack(world: World, target: Target, primary: Primary | null): Decision {
  const { canary } = world;
  const { status } = canary;
  const judged = status.lastPromotedSpec === '' || target.revision === status.lastPromotedSpec;
  if (!judged && primary !== null) {
    const restored = drainedLine(world, target) ?? restoreLine(world, target, primary);
    if (restored !== null) return restored;
    if (!primary.sameTemplate || configsMoved(world)) {
      return orphaned(
        `the target holds revision ${short(target.revision)}, which was not promoted: the primary stays and serves`,
      );
    }
  }
  return (
    servesLine(world, target, primary) ?? handedLine(world) ?? cleared('take the primary away')
  );
}

/** The target has the pods to serve: as many as the primary before traffic moves, any at all after. */
function servesLine(world: World, target: Target, primary: Primary | null): Decision | null {
  const { route, services } = world;
  const handed =
    services.apexSelects === 'target' &&
    (route.state === 'apex' || !route.canWeight || route.state === 'absent');
  const wanted = handed ? 1 : Math.max(1, primary?.pods.replicas ?? 1);
  if (target.pods.replicas < wanted && world.now < deadlineOf(world)) {
    return act('scale the target up', {
      kind: 'scaleTarget',
      replicas: wanted,
      generation: target.generation,
    });
  }
  const enough = handed
    ? target.pods.ready > 0
    : target.readiness.ready && target.pods.ready >= Math.min(wanted, target.pods.replicas);
  return enough ? null : notReady(world, target);
}

/** Apex and route lead to the target, and the data plane has followed. */
function handedLine(world: World): Decision | null {
  const { route, services } = world;
  if (services.apexSelects !== 'target')
    return act('the apex Service back to the target', { kind: 'apex', selects: 'target' });
  const { confirmed } = route;
  if (route.state === 'split' && route.canWeight) {
    const deadline = deadlineOf(world);
    if (confirmed.kind === 'waiting' && world.now < deadline)
      return rest(`waiting for the route: ${confirmed.why}`, earliest(confirmed.until, deadline));
    return act('the route to the apex Service', { kind: 'routeToApex', trailing: true });
  }
  if (route.state === 'apex' && confirmed.kind !== 'yes') {
    const deadline = deadlineOf(world);
    if (world.now >= deadline)
      return orphaned(`the route is not in force: ${confirmed.why}; the primary stays and serves`);
    const until = confirmed.kind === 'waiting' ? confirmed.until : null;
    return rest(`waiting for the route: ${confirmed.why}`, earliest(until, deadline));
  }
  return apexSettledLine(world) ?? trailingLine(world);
}

/** Once the proxies have followed, the route no longer names what is about to be deleted. */
function trailingLine({ route, now }: World): Decision | null {
  if (route.state !== 'apex' || route.trailing !== true || route.confirmed.kind !== 'yes')
    return null;
  const until = later(route.confirmed.since, PROXIES_FOLLOW_MS);
  if (now < until) return rest('proxies follow the route', until);
  return act('the route to the apex Service alone', { kind: 'routeToApex', trailing: false });
}

/** Pods that may still get requests are not changed under them. */
function drainedLine(world: World, target: Target): Decision | null {
  const { confirmed, canWeight, state } = world.route;
  const deadline = deadlineOf(world);
  if (!canWeight || state !== 'split' || confirmed.kind !== 'waiting') return null;
  if (target.pods.ready === 0 || world.now >= deadline) return null;
  const wakeAt = earliest(confirmed.until, deadline);
  return rest(`waiting for the canary to be drained: ${confirmed.why}`, wakeAt);
}

function configsMoved(world: World): boolean {
  const { trackedConfigs } = world.canary.status;
  const { digests } = world.configs;
  return Object.keys(digests).some((name) => digests[name] !== trackedConfigs[name]);
}

/** The promoted template back into a target that holds another one; null when that cannot or need not be done. */
function restoreLine(world: World, target: Target, primary: Primary): Decision | null {
  const { canary } = world;
  const { parking } = canary.status;
  if (!canary.spec.revertOnDeletion || primary.sameTemplate) return null;
  if (parking?.generation === target.generation) {
    return act('the promoted template back into the target', {
      kind: 'restoreTarget',
      generation: target.generation,
    });
  }
  const rounds = (parking?.rounds ?? 0) + 1;
  if (rounds > RESTORE_ROUNDS_MAX) return null;
  return record(
    world,
    { parking: { generation: target.generation, rounds } },
    'the target holds a version that was not promoted',
    [
      told(
        'warn',
        'TemplateRestored',
        `Putting the promoted template back into ${canary.spec.targetRef.name} before it serves`,
      ),
    ],
  );
}

function notReady(world: World, target: Target): Decision {
  const until = deadlineOf(world);
  if (world.now < until) return rest(`waiting for the target: ${target.readiness.why}`, until);
  return orphaned(
    `the target did not become ready: ${target.readiness.why}; the primary stays and serves`,
  );
}

/** A deletion is never held up for longer than the progress deadline. */
function deadlineOf({ canary, now }: World): Instant {
  const { rollout, lastTransitionTime } = canary.status;
  const begun = rollout?.waitingSince ?? parseTime(lastTransitionTime) ?? now;
  return later(begun, canary.spec.progressDeadlineMs);
}
