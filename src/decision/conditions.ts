// What the conditions say of a status and a world. Their messages move only with facts worth a write.
import type { CanaryStatus, Phase, Problem } from '../api/canary.ts';
import type { Condition } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import { rfc3339 } from '../clock/time-format.ts';
import { capacityNeeded } from './capacity.ts';
import { later, short } from './record.ts';
import { REPAIR_ROUNDS_MAX, routeLateAt } from './traffic.ts';
import type { World } from './world.ts';

type Said = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const UNDER_WAY: readonly Phase[] = [
  '',
  'Initializing',
  'Waiting',
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
  'Terminating',
];
const MESSAGE_MAX = 1024;

/** All conditions of `status` in this world; transition times are kept where the status value is. */
export function conditionsOf(world: World, status: CanaryStatus): readonly Condition[] {
  const said = [
    accepted(world),
    ready(world, status),
    reconciling(world, status),
    stalled(world, status),
    promoted(status),
  ];
  const stamp = { now: world.now, generation: world.canary.generation };
  return said.map((condition) => dated(condition, stamp, status));
}

/** A spec that cannot be obeyed at all: what was so stays so, and it is said what is wrong. */
export function refusedConditions(
  problems: readonly Problem[],
  status: CanaryStatus,
  stamp: Stamp,
): readonly Condition[] {
  const reason = problems[0]?.reason ?? 'InvalidSpec';
  const message = inWords(problems);
  const said: readonly Said[] = [
    { type: 'Accepted', status: 'False', reason, message },
    { type: 'Stalled', status: 'True', reason, message },
  ];
  const served = status.conditions.filter(({ type }) => type === 'Ready' || type === 'Promoted');
  const unserved: Said = {
    type: 'Ready',
    status: 'False',
    reason: 'NotAccepted',
    message: 'the spec cannot be obeyed',
  };
  const rest: readonly Said[] = served.length > 0 ? served : [unserved];
  return [...said, ...rest].map((condition) => dated(condition, stamp, status));
}

interface Stamp {
  readonly now: Instant;
  readonly generation: number;
}

function dated(said: Said, stamp: Stamp, status: CanaryStatus): Condition {
  const old = status.conditions.find((condition) => condition.type === said.type);
  const kept = old !== undefined && old.status === said.status;
  return {
    ...said,
    message: said.message.slice(0, MESSAGE_MAX),
    lastTransitionTime: kept ? old.lastTransitionTime : rfc3339(stamp.now),
    observedGeneration: stamp.generation,
  };
}

export function sameConditions(left: readonly Condition[], right: readonly Condition[]): boolean {
  return (
    left.length === right.length &&
    left.every((condition) => {
      const twin = right.find((other) => other.type === condition.type);
      return (
        twin !== undefined &&
        twin.status === condition.status &&
        twin.reason === condition.reason &&
        twin.message === condition.message &&
        twin.observedGeneration === condition.observedGeneration
      );
    })
  );
}

export function inWords(problems: readonly Problem[]): string {
  return problems
    .map((problem) =>
      problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`,
    )
    .join('; ');
}

function accepted(world: World): Said {
  const problem = world.problems[0];
  if (problem !== undefined) {
    return {
      type: 'Accepted',
      status: 'False',
      reason: problem.reason,
      message: inWords(world.problems),
    };
  }
  const warned = world.warnings.length === 0 ? '' : `; without effect: ${inWords(world.warnings)}`;
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: `the spec can be obeyed${warned}`,
  };
}

function ready(world: World, status: CanaryStatus): Said {
  const { primary, services, target } = world;
  const type = 'Ready';
  if (status.phase === '' || status.phase === 'Initializing') {
    const message =
      world.problems.length > 0 ? 'the spec cannot be obeyed' : 'the primary is being set up';
    return {
      type,
      status: 'False',
      reason: status.phase === '' ? 'NotInitialized' : 'Initializing',
      message,
    };
  }
  if (status.phase === 'Terminating')
    return { type, status: 'True', reason: 'Terminating', message: 'handing the traffic back' };
  if (target === null)
    return { type, status: 'False', reason: 'TargetNotFound', message: 'there is no target' };
  if (primary === null)
    return { type, status: 'False', reason: 'PrimaryMissing', message: 'there is no primary' };
  if (primary.pods.ready === 0)
    return {
      type,
      status: 'False',
      reason: 'PrimaryNotReady',
      message: 'no pod of the primary is ready',
    };
  if (services.apexSelects !== 'primary') {
    return {
      type,
      status: 'False',
      reason: 'ApexChanged',
      message: `the apex Service does not select the primary${by(services.apexWriter)}`,
    };
  }
  if (parkedElsewhere(world, status)) {
    const message = `traffic is on the primary; the target was scaled up${by(target.replicasWriter)}`;
    return { type, status: 'True', reason: 'TargetScaledUp', message };
  }
  return { type, status: 'True', reason: 'Serving', message: 'traffic is served as it should be' };
}

function by(writer: string): string {
  return writer === '' ? '' : ` by ${writer}`;
}

/** At rest the target has no pods, unless somebody wants it otherwise. */
function parkedElsewhere(world: World, status: CanaryStatus): boolean {
  const resting =
    status.phase === 'Initialized' || status.phase === 'Succeeded' || status.phase === 'Failed';
  return resting && status.parking === null && (world.target?.pods.replicas ?? 0) > 0;
}

function reconciling(world: World, status: CanaryStatus): Said {
  const type = 'Reconciling';
  const refused =
    world.problems.length > 0 && (status.phase === '' || status.phase === 'Initializing');
  const cleaning = status.phase === 'Failed' && status.parking !== null;
  const { suspend } = world.canary.spec;
  if (refused || (!UNDER_WAY.includes(status.phase) && !cleaning)) {
    return {
      type,
      status: 'False',
      reason: suspend ? 'Suspended' : status.phase === '' ? 'NotAccepted' : status.phase,
      message: suspend ? 'no new revision is taken up' : 'nothing is under way',
    };
  }
  const spoken = status.phase === 'Waiting' ? status.target.revision : status.lastAppliedSpec;
  const revision = spoken === '' ? '' : ` revision ${short(spoken)}`;
  const step =
    status.rollout === null ? '' : `, step ${status.rollout.step}, weight ${status.canaryWeight}`;
  const standing = suspend && !cleaning && status.phase !== 'Terminating';
  return {
    type,
    status: 'True',
    reason: standing ? 'Suspended' : status.phase === '' ? 'Starting' : status.phase,
    message: `${standing ? 'suspended: ' : ''}${status.phase}${revision}${step}`,
  };
}

function stalled(world: World, status: CanaryStatus): Said {
  const type = 'Stalled';
  const problem = world.problems[0];
  if (problem !== undefined)
    return { type, status: 'True', reason: problem.reason, message: inWords(world.problems) };
  if (world.violation !== undefined)
    return { type, status: 'True', reason: 'InvariantViolated', message: world.violation };
  const paused = status.rollout?.paused ?? null;
  if (paused !== null && UNDER_WAY.includes(status.phase))
    return { type, status: 'True', reason: 'Paused', message: paused };
  if (primaryLost(world, status)) {
    const message =
      'the primary is gone; put the promoted version back into the target, or delete the Canary';
    return { type, status: 'True', reason: 'PrimaryMissing', message };
  }
  if (world.route.confirmed.kind === 'refused') {
    return { type, status: 'True', reason: 'RouteRefused', message: world.route.confirmed.why };
  }
  // Before the route: that waits for the primary too.
  const late = lateness(world, status);
  if (late !== null) return { type, status: 'True', reason: 'PrimaryNotReady', message: late };
  const routeLate = routeLateAt(world);
  if (world.route.confirmed.kind === 'waiting' && routeLate !== null && world.now >= routeLate) {
    const message = `the route is not in force after the progress deadline: ${world.route.confirmed.why}`;
    return { type, status: 'True', reason: 'RouteNotConfirmed', message };
  }
  if (givenUp(world, status)) {
    const message = `the apex Service is changed again and again${by(world.services.apexWriter)}`;
    return { type, status: 'True', reason: 'FieldConflict', message };
  }
  return { type, status: 'False', reason: 'NotStalled', message: 'nobody needs to act' };
}

/** The primary was deleted, and what the target holds may not become one. */
function primaryLost({ primary, target }: World, status: CanaryStatus): boolean {
  if (primary !== null || status.lastPromotedSpec === '' || target === null) return false;
  if (status.phase === 'Terminating') return false;
  const held = status.phase === 'Promoting' ? status.lastAppliedSpec : status.lastPromotedSpec;
  return target.revision !== held;
}

/** The apex was put back as often as is sensible, and was changed once more. */
function givenUp({ services }: World, { repairs }: CanaryStatus): boolean {
  const spent = repairs.rounds >= REPAIR_ROUNDS_MAX && repairs.seen !== services.apexVersion;
  return spent && services.apexSelects !== 'primary';
}

/** A primary that is not ready after the progress deadline, where a person must look. */
function lateness(world: World, status: CanaryStatus): string | null {
  const waits = status.phase === 'Initializing' || status.phase === 'Promoting';
  const { primary } = world;
  if (!waits || primary === null || status.rollout === null) return null;
  const until = later(status.rollout.waitingSince, world.canary.spec.progressDeadlineMs);
  if (world.now < until) return null;
  const needed = status.phase === 'Promoting' ? capacityNeeded(world) : 0;
  if (primary.readiness.ready && primary.pods.ready >= needed) return null;
  return `the primary is not ready after the progress deadline: ${primary.trouble === '' ? primary.readiness.why : primary.trouble}`;
}

function promoted(status: CanaryStatus): Said {
  const type = 'Promoted';
  const reason = status.phase === '' ? 'NotInitialized' : status.phase;
  switch (status.phase) {
    case 'Initialized':
    case 'Succeeded':
      return {
        type,
        status: 'True',
        reason,
        message: `revision ${short(status.lastPromotedSpec)} is promoted`,
      };
    case 'Failed': {
      const failure = status.lastFailure === null ? '' : `: ${status.lastFailure.message}`;
      return {
        type,
        status: 'False',
        reason,
        message: `revision ${short(status.lastAppliedSpec)} was rolled back${failure}`,
      };
    }
    default:
      return { type, status: 'Unknown', reason, message: 'not decided yet' };
  }
}
