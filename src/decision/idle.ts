// Nothing under way: what was promised is kept up, and a new revision is noticed.
import { goBack, movement, rebase, startLine, uncounted } from './begin.ts';
import { floorHeldUntil, growLine, scalerLine } from './capacity.ts';
import { act, asking, type Decision, rest } from './decision.ts';
import { primaryLine } from './primary.ts';
import { acceptedTarget, earliest, historyEnded, owedAsks, record, short, told } from './record.ts';
import { retireLine } from './retire.ts';
import { confirmedLine, lowerLine, repairApexLine, routeLine, servicesLine } from './traffic.ts';
import type { Target, World } from './world.ts';

/** Initialized, Succeeded, Failed and Waiting. What serves is kept up before anything new is begun. */
export function idle(world: World, target: Target): Decision {
  const decision = choose(world, target);
  if (decision.kind !== 'rest') return decision;
  return { ...decision, wakeAt: earliest(decision.wakeAt, floorHeldUntil(world)) };
}

function choose(world: World, target: Target): Decision {
  const moved = movement(world, target);
  switch (moved) {
    case 'back':
      return returned(world, target);
    case 'rewritten':
      return rebase(world, target);
    case 'same':
      return (
        waitingOver(world, target) ?? cleanUp(world) ?? keepUp(world, target) ?? settled(world)
      );
    case 'new':
    case 'unsettled':
      return parking(
        world,
        lowerLine(world) ??
          keepUp(world, target) ??
          unobeyedLine(world) ??
          taken(world, target, moved),
      );
  }
}

/** While a newer revision has to wait, the one that failed before it goes out of service all the same. */
function parking(world: World, next: Decision): Decision {
  if (next.kind !== 'rest' || world.canary.status.parking === null) return next;
  const retire = retireLine(world);
  if (retire === null) return next;
  return retire.kind === 'rest'
    ? { ...next, wakeAt: earliest(next.wakeAt, retire.wakeAt) }
    : asking(retire, next.asks);
}

function unobeyedLine({ problems }: World): Decision | null {
  return problems[0] === undefined
    ? null
    : rest(`the spec cannot be obeyed: ${problems[0].message}`);
}

function taken(world: World, target: Target, moved: 'new' | 'unsettled'): Decision {
  return moved === 'new' ? startLine(world, target) : uncounted(target);
}

/** The revision that waited is gone again: the Canary is where it was before. */
function waitingOver(world: World, target: Target): Decision | null {
  const { status } = world.canary;
  if (status.phase !== 'Waiting') return null;
  if (status.lastAppliedSpec === status.lastPromotedSpec) return returned(world, target);
  const back = { ...acceptedTarget(world, target), phase: 'Failed' } as const;
  return record(world, back, 'the target is back at the revision that failed');
}

/** After the end of a rollout: traffic off, then pods; then it is done, and who scales up again may. */
function cleanUp(world: World): Decision | null {
  const { status, spec } = world.canary;
  if (status.parking === null) return null;
  if (status.phase === 'Succeeded')
    return (
      retireLine(world) ?? record(world, { parking: null }, 'the promoted canary is out of service')
    );
  if (status.phase !== 'Failed') return null;
  // Traffic first, at once; then the pods for it, and only then what the canary no longer needs.
  const decision = lowerLine(world) ?? scalerLine(world) ?? growLine(world) ?? retireLine(world);
  if (decision !== null) return decision;
  const words = `Canary failed! ${spec.targetRef.name} is scaled to zero, the primary serves everybody`;
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
  if (status.parking !== null) return goBack(world, target);
  const reason = 'the target went back to the promoted revision';
  return record(
    world,
    {
      ...acceptedTarget(world, target),
      phase: 'Succeeded',
      rollout: null,
      history: historyEnded(status, 'reverted', reason, world.now),
    },
    'the target is back at the promoted revision',
    [
      told(
        'info',
        'WentBack',
        `The target is back at the promoted revision ${short(target.revision)}`,
      ),
    ],
  );
}

function keepUp(world: World, target: Target): Decision | null {
  const { canary, configs } = world;
  const primary = primaryLine(world);
  if (primary !== null) return primary;
  if (canary.status.lastPromotedSpec === target.revision && configs.copies !== 'right')
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
