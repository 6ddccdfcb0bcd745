// Deletion without an outage: the target takes its traffic back before anything that serves is taken away.
import { NO_WEIGHT } from '../api/canary.ts';
import { parseTime } from '../clock/time-format.ts';
import { act, type Decision, rest } from './decision.ts';
import { later, record, short, told } from './record.ts';
import { apexSettledLine } from './traffic.ts';
import type { Primary, Target, World } from './world.ts';

const RESTORE_ROUNDS_MAX = 2;

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
  if (primary === null) return release('nothing to hand back');
  if (target === null) return orphaned('the target is gone: the primary stays and serves');
  return toPrimaryLine(world) ?? handBack(world, target, primary);
}

function release(why: string): Decision {
  return act(why, { kind: 'finalizer', present: false });
}

function orphaned(why: string): Decision {
  return act(why, { kind: 'orphan' }, { kind: 'finalizer', present: false });
}

/** While the target is being prepared the primary serves everybody. */
function toPrimaryLine(world: World): Decision | null {
  const { route, services, canary, primary } = world;
  const handed = services.apexSelects === 'target' && route.state === 'apex';
  if (handed || !route.canWeight || route.state !== 'split') return null;
  if (route.weight !== 0) {
    const { lastAppliedSpec: revision, rollout } = canary.status;
    if (primary === null || primary.pods.ready === 0) return null;
    return act('all traffic to the primary', {
      kind: 'route',
      weight: NO_WEIGHT,
      revision,
      step: (rollout?.step ?? 0) + 1,
    });
  }
  return null;
}

function handBack(world: World, target: Target, primary: Primary): Decision {
  const { canary, route, services } = world;
  const { status, spec } = canary;
  const judged = target.revision === status.lastPromotedSpec;
  if (!judged && !(primary.sameTemplate && status.lastPromotedSpec === '')) {
    const restored = restoreLine(world, target, primary);
    if (restored !== null) return restored;
    if (!primary.sameTemplate || configsMoved(world)) {
      return orphaned(
        `the target holds revision ${short(target.revision)}, which was not promoted: the primary stays and serves`,
      );
    }
  }
  const wanted = Math.max(1, primary.pods.replicas);
  const handed =
    services.apexSelects === 'target' &&
    (route.state === 'apex' || !route.canWeight || route.state === 'absent');
  if (!handed && target.pods.replicas < wanted) {
    return act('scale the target up', {
      kind: 'scaleTarget',
      replicas: wanted,
      generation: target.generation,
    });
  }
  if (
    !handed &&
    (!target.readiness.ready || target.pods.ready < Math.min(wanted, target.pods.replicas))
  ) {
    return notReady(world, target, spec.progressDeadlineMs);
  }
  if (services.apexSelects !== 'target')
    return act('the apex Service back to the target', { kind: 'apex', selects: 'target' });
  if (route.state === 'split' && route.canWeight)
    return act('the route to the apex Service', { kind: 'routeToApex' });
  if (route.state === 'apex' && route.confirmed.kind === 'waiting') {
    return rest(`waiting for the route: ${route.confirmed.why}`, route.confirmed.until);
  }
  const settling = apexSettledLine(world);
  if (settling !== null) return settling;
  return act(
    'take the primary away',
    { kind: 'removePrimary' },
    { kind: 'finalizer', present: false },
  );
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

function notReady(world: World, target: Target, deadlineMs: number): Decision {
  const { canary, now } = world;
  const since = canary.status.rollout?.waitingSince ?? null;
  const begun = since ?? parseTime(canary.status.lastTransitionTime);
  const until = later(begun ?? now, deadlineMs);
  if (begun !== null && now >= until) {
    return orphaned(
      `the target did not become ready: ${target.readiness.why}; the primary stays and serves`,
    );
  }
  return rest(`waiting for the target: ${target.readiness.why}`, until);
}
