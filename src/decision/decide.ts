// The decision function. Pure: the same world gives the same decision, anywhere, at any time.
import { boundStatus } from '../api/bound-status.ts';
import type { CanaryStatus, ParsedCanary } from '../api/canary.ts';
import { movement } from './begin.ts';
import { clockLine } from './clock-set.ts';
import { conditionsOf, refusedConditions, sameConditions } from './conditions.ts';
import { act, type Decision, rest } from './decision.ts';
import { evidenceLine } from './evidence.ts';
import { idle } from './idle.ts';
import { initialize } from './initialize.ts';
import { intentLine } from './intents.ts';
import { progress } from './progress.ts';
import { finalise, promote, trafficBack } from './promote.ts';
import { endUnfinished, fail, ROLLING } from './record.ts';
import { terminate } from './terminate.ts';
import { confirmedLine, routeLine } from './traffic.ts';
import type { Target, World } from './world.ts';

/** What to do now. Each line asks what is so, so that a death after any write resumes at the next line. */
export function decide(world: World): Decision {
  return kept(world, choose(world));
}

function choose(world: World): Decision {
  const { canary, problems, target } = world;
  if (canary.deleting) return clockLine(world) ?? terminate(world);
  const { phase } = canary.status;
  // An end that was chosen is carried out, whatever became of the spec since.
  const unfinished = endUnfinished(canary.status);
  if (problems.length > 0 && !unfinished && !ROLLING.includes(phase))
    return rest(`the spec cannot be obeyed: ${problems[0]?.message ?? ''}`);
  if (target === null) return withoutTarget(world);
  if (canary.spec.suspend && !unfinished) return suspended(world, target);
  if (!canary.finalizers.includes('serin.dev/restore')) {
    return act('hold the Canary until its traffic is handed back', {
      kind: 'finalizer',
      present: true,
    });
  }
  return clockLine(world) ?? intentLine(world) ?? byPhase(world, target);
}

/** Suspended is not abandoned: a canary that dies under traffic is still taken out, and a person may still abort. */
function suspended(world: World, target: Target): Decision {
  const { phase } = world.canary.status;
  const judged = phase === 'Progressing' || phase === 'WaitingPromotion';
  const evidence = judged ? evidenceLine(world, target) : null;
  return intentLine(world) ?? evidence ?? rest('suspended');
}

function byPhase(world: World, target: Target): Decision {
  const { phase } = world.canary.status;
  switch (phase) {
    case '':
    case 'Initializing':
    // Restored from a backup that was taken while its predecessor was being deleted.
    case 'Terminating':
    case 'Terminated':
      return initialize(world, target);
    case 'Initialized':
    case 'Waiting':
    case 'Succeeded':
    case 'Failed':
      return idle(world, target);
    case 'Progressing':
    case 'WaitingPromotion':
      return progress(world, target);
    case 'Promoting':
      return promote(world, target);
    case 'Finalising':
      return finalise(world);
  }
}

/** The target is gone: no request may be sent after it. */
function withoutTarget(world: World): Decision {
  const { phase, lastAppliedSpec } = world.canary.status;
  if (phase === 'Promoting' && world.primary?.revision === lastAppliedSpec)
    return trafficBack(world, 'the target was deleted, the primary carries its last revision');
  if (phase === 'Progressing' || phase === 'WaitingPromotion' || phase === 'Promoting') {
    return fail(world, { reason: 'TargetNotFound', message: 'the target was deleted' });
  }
  if (phase !== 'Failed' && phase !== 'Finalising') return rest('there is no target');
  return routeLine(world) ?? confirmedLine(world) ?? rest('there is no target');
}

/** Conditions and the target's generation ride along with every record, and make one of their own when they moved. */
function kept(world: World, decision: Decision): Decision {
  const { status } = world.canary;
  const next = decision.kind === 'record' ? decision.status : status;
  const target = speaksOf(world, next);
  const generationed: CanaryStatus = {
    ...next,
    target,
    observedGeneration: world.canary.generation,
  };
  const said = conditionsOf(world, generationed);
  const moved =
    target.generation !== next.target.generation ||
    // In the middle of a rollout the count goes along with the next record.
    (target.turn !== next.target.turn && !ROLLING.includes(next.phase)) ||
    status.observedGeneration !== world.canary.generation;
  const plain = decision.kind !== 'record' && !moved;
  if (plain && sameConditions(said, status.conditions)) return decision;
  // As it will be stored: what is cut for size must not look different the next time.
  const whole = boundStatus({ ...generationed, conditions: said });
  const { conditions } = whole;
  if (plain && sameConditions(conditions, status.conditions)) return decision;
  const tells = decision.kind === 'record' ? decision.tells : acceptance(world, conditions);
  return {
    kind: 'record',
    status: whole,
    tells,
    why: decision.why,
    asks: decision.asks,
  };
}

/**
 * At rest the status follows the target's generation, so that nobody takes an old success for a new one, and the count
 * of its templates, which our own stamp has moved: that one once its controller has counted.
 */
function speaksOf(world: World, status: CanaryStatus): CanaryStatus['target'] {
  const { target } = world;
  const resting =
    status.phase === 'Initialized' || status.phase === 'Succeeded' || status.phase === 'Failed';
  if (target === null || world.problems.length > 0) return status.target;
  const same = target.revision === status.target.revision && movement(world, target) === 'same';
  if (!same) return status.target;
  if (!resting) {
    const uncounted = status.target.turn === '' && target.pods.settled;
    return uncounted ? { ...status.target, turn: target.turn } : status.target;
  }
  const turn = target.pods.settled ? target.turn : status.target.turn;
  return { ...status.target, generation: target.generation, turn };
}

function acceptance(
  world: World,
  conditions: CanaryStatus['conditions'],
): Extract<Decision, { kind: 'record' }>['tells'] {
  const now = conditions.find((condition) => condition.type === 'Accepted');
  const before = world.canary.status.conditions.find((condition) => condition.type === 'Accepted');
  if (now?.status !== 'False' || (before?.status === 'False' && before.message === now.message))
    return [];
  return [{ type: 'Warning', reason: now.reason, message: now.message, severity: 'error' }];
}

/** A Canary whose spec cannot be read: said in a condition, no other write; when it is deleted, what serves stays. */
export function decideUnreadable(parsed: ParsedCanary, world: Pick<World, 'now'>): Decision {
  const { identity, status, problems } = parsed;
  if (identity.deleting) {
    if (!identity.finalizers.includes('serin.dev/restore'))
      return rest('deleted; nothing of ours holds it');
    return act(
      'the spec cannot be read: what serves stays',
      { kind: 'orphan' },
      { kind: 'finalizer', present: false },
    );
  }
  const problem = problems[0] ?? { reason: 'InvalidSpec', path: 'spec', message: 'cannot be read' };
  const said = problems.length > 0 ? problems : [problem];
  const conditions = refusedConditions(said, status, {
    now: world.now,
    generation: identity.generation,
  });
  if (
    sameConditions(conditions, status.conditions) &&
    status.observedGeneration === identity.generation
  ) {
    return rest(`the spec cannot be obeyed: ${problem.message}`);
  }
  const next: CanaryStatus = boundStatus({
    ...status,
    conditions,
    observedGeneration: identity.generation,
  });
  const accepted = conditions.find((condition) => condition.type === 'Accepted');
  const message = accepted?.message ?? problem.message;
  return {
    kind: 'record',
    status: next,
    tells: [{ type: 'Warning', reason: problem.reason, message, severity: 'error' }],
    why: 'the spec cannot be obeyed',
    asks: [],
  };
}
