// The first install: a primary is made and serves before the target gives its pods up.
import { act, type Decision, rest } from './decision.ts';
import { acceptedTarget, freshRollout, later, record, short, told } from './record.ts';
import { retireLine } from './retire.ts';
import { routeLine, servicesLine } from './traffic.ts';
import type { Primary, Target, World } from './world.ts';

export function initialize(world: World, target: Target): Decision {
  const { canary, primary, now } = world;
  const { status } = canary;
  if (status.phase !== 'Initializing') return first(world, target);
  if (primary?.owner === 'left')
    return act('take over the primary that an earlier Canary left', { kind: 'adoptPrimary' });
  const moved = status.lastAppliedSpec !== target.revision;
  if (moved && !keepsPromoted(world, primary) && !servesAlready(world, primary)) {
    return record(
      world,
      { ...acceptedTarget(world, target), rollout: freshRollout(now) },
      'the target changed before there was a primary',
    );
  }
  return (
    primaryLine(world, primary) ??
    servicesLine(world) ??
    readyLine(world) ??
    routeLine(world) ??
    retireLine(world) ??
    initialized(world)
  );
}

function first(world: World, target: Target): Decision {
  const { primary, now } = world;
  const adopted = primary !== null && primary.revision !== '';
  return record(
    world,
    {
      ...acceptedTarget(world, target),
      phase: 'Initializing',
      lastPromotedSpec: adopted ? primary.revision : '',
      rollout: freshRollout(now),
      parking: { generation: target.generation, rounds: 1 },
    },
    adopted ? 'an earlier primary is taken over' : 'a new Canary',
    [
      told(
        'info',
        'Initializing',
        `Initializing ${world.canary.spec.targetRef.name}, revision ${short(target.revision)}`,
      ),
    ],
  );
}

/** A primary with a promoted revision is never overwritten by a template that nobody judged. */
function keepsPromoted(world: World, primary: Primary | null): boolean {
  return (
    primary !== null &&
    primary.revision !== '' &&
    primary.revision === world.canary.status.lastPromotedSpec
  );
}

/** Clients are on the primary: what the target holds now is a new version, judged like any other. */
function servesAlready({ services, canary }: World, primary: Primary | null): boolean {
  return (
    services.apexSelects === 'primary' &&
    primary !== null &&
    primary.readiness.ready &&
    primary.revision === canary.status.lastAppliedSpec
  );
}

function primaryLine(world: World, primary: Primary | null): Decision | null {
  const { canary, target, scaler, configs } = world;
  const { lastAppliedSpec } = canary.status;
  const kept = keepsPromoted(world, primary) || servesAlready(world, primary);
  if (!kept && configs.copies !== 'right')
    return act('copy ConfigMaps and Secrets', { kind: 'copyConfigs' });
  if (primary === null) {
    const replicas = Math.max(1, target?.pods.replicas ?? 1);
    return act('create the primary', { kind: 'createPrimary', replicas });
  }
  if (!kept && primary.revision !== lastAppliedSpec) {
    return act('the first version into the primary', {
      kind: 'promote',
      revision: lastAppliedSpec,
    });
  }
  if (scaler !== null && scaler.primary !== 'right') {
    return act("create the primary's autoscaler", { kind: 'scaler', floor: null });
  }
  return null;
}

/** The target goes on serving until the primary is ready, however long that takes. */
function readyLine(world: World): Decision | null {
  const { primary, canary } = world;
  if (primary === null || primary.readiness.ready) return null;
  const since = canary.status.rollout?.waitingSince ?? world.now;
  const deadline = later(since, canary.spec.progressDeadlineMs);
  const why = primary.trouble === '' ? primary.readiness.why : primary.trouble;
  return rest(`waiting for the primary: ${why}`, deadline > world.now ? deadline : null);
}

function initialized(world: World): Decision {
  const { canary, target } = world;
  const { status } = canary;
  const promoted =
    status.lastPromotedSpec === '' ? status.lastAppliedSpec : status.lastPromotedSpec;
  const taken = target !== null && promoted !== '' && target.revision !== promoted;
  return record(
    world,
    {
      phase: 'Initialized',
      lastPromotedSpec: promoted,
      lastAppliedSpec: promoted,
      // A target that holds another version than the primary is seen as moved, and judged.
      ...(taken
        ? {
            trackedConfigs: {},
            target: { ...status.target, revision: promoted, template: '', turn: '' },
          }
        : {}),
      failedChecks: 0,
      parking: null,
      rollout: null,
    },
    'initialized',
    [
      told(
        'info',
        'Initialized',
        `Initialization done! ${canary.spec.targetRef.name} is served by its primary`,
      ),
    ],
  );
}
