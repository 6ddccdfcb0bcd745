// Nothing under way: what was promised is kept up, and a new revision is noticed.
import { movement, rebase, startLine } from './begin.ts';
import { act, type Decision, rest } from './decision.ts';
import { historyEnded, owedAsks, record, short, told } from './record.ts';
import { retireLine } from './retire.ts';
import { scalerLine } from './promote.ts';
import { confirmedLine, repairApexLine, routeLine, servicesLine } from './traffic.ts';
import type { Target, World } from './world.ts';

/** Initialized, Succeeded, Failed and Waiting. */
export function idle(world: World, target: Target): Decision {
  const { status } = world.canary;
  switch (movement(world, target)) {
    case 'new':
      return startLine(world, target);
    case 'back':
      return returned(world, target);
    case 'rewritten':
      return rebase(world, target);
    case 'unsettled':
      return rest(
        target.pods.paused
          ? 'the target is paused'
          : 'the target has a new template that its controller has not seen',
      );
    case 'same':
      break;
  }
  if (status.phase === 'Waiting') return returned(world, target);
  return (
    (status.phase === 'Failed' ? cleanUp(world) : null) ?? keepUp(world, target) ?? settled(world)
  );
}

/** After a rollback: traffic off, then pods; then it is done, and who scales up again may. */
function cleanUp(world: World): Decision | null {
  if (world.canary.status.parking === null) return null;
  const decision = retireLine(world);
  if (decision !== null) return decision;
  const words = `Canary failed! ${world.canary.spec.targetRef.name} is scaled to zero, the primary serves everybody`;
  return record(
    world,
    { parking: null, rollout: doneRollout(world) },
    'the failed canary is out of service',
    [told('warn', 'RolledBack', words)],
  );
}

function doneRollout(world: World): World['canary']['status']['rollout'] {
  const { rollout } = world.canary.status;
  return rollout === null ? null : { ...rollout, paused: null, resumeWeight: null, capacity: null };
}

/** The target holds what the primary serves, without a rollout in between: a manual rollback. */
function returned(world: World, target: Target): Decision {
  const { status } = world.canary;
  const change = {
    lastAppliedSpec: target.revision,
    trackedConfigs: world.configs.digests,
    configVersions: world.configs.versions,
    target: {
      generation: target.generation,
      revision: target.revision,
      template: target.template,
      turn: target.turn,
    },
    phase: 'Succeeded' as const,
    history: historyEnded(
      status,
      'reverted',
      'the target went back to the promoted revision',
      world.now,
    ),
  };
  return record(world, change, 'the target is back at the promoted revision', [
    told(
      'info',
      'WentBack',
      `The target is back at the promoted revision ${short(target.revision)}`,
    ),
  ]);
}

function keepUp(world: World, target: Target): Decision | null {
  const { primary, canary, configs } = world;
  const { status } = canary;
  const promotable = status.lastPromotedSpec === target.revision;
  if (primary === null) {
    if (!promotable) return rest('the primary is gone and the target holds another version');
    if (configs.copies !== 'right')
      return act('copy ConfigMaps and Secrets', { kind: 'copyConfigs' });
    return act('create the primary again', {
      kind: 'createPrimary',
      replicas: Math.max(1, target.pods.replicas),
    });
  }
  if (primary.owner === 'left') return act('take over the primary', { kind: 'adoptPrimary' });
  if (promotable && configs.copies !== 'right')
    return act('repair the copies', { kind: 'copyConfigs' });
  return (
    scalerLine(world) ??
    servicesLine(world) ??
    repairApexLine(world) ??
    routeLine(world) ??
    confirmedLine(world)
  );
}

function settled(world: World): Decision {
  const { asks, left } = owedAsks(world);
  const { status } = world.canary;
  if (left.length < status.owed.length)
    return record(world, { owed: left }, 'post-rollout hooks have been called');
  const why = status.phase === 'Failed' ? 'waiting for a new revision' : 'the target is promoted';
  return rest(why, null, asks);
}
