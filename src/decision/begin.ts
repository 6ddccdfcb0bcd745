// How a revision is taken up: told apart from a mere rewrite of the same one, gated, and started at weight 0.
import type { CanaryStatus } from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { heldFloor } from './capacity.ts';
import { act, type Decision, rest } from './decision.ts';
import { gate } from './gates.ts';
import {
  acceptedTarget,
  freshRollout,
  historyBegun,
  historyEnded,
  later,
  owedHooks,
  record,
  retiring,
  short,
  told,
} from './record.ts';
import type { Target, World } from './world.ts';

/** How the target stands to the revision that the status speaks of. */
export type Movement =
  | 'same'
  /** The template reads differently but its controller sees no new one: defaults were added to it. */
  | 'rewritten'
  /** The controller has not yet counted the newest template, or is paused. */
  | 'unsettled'
  | 'back'
  | 'new';

export function movement(world: World, target: Target): Movement {
  const { status } = world.canary;
  if (target.revision === status.lastAppliedSpec) return 'same';
  const configsMoved = !sameDigests(world.configs.digests, status.trackedConfigs);
  if (!configsMoved && target.template !== status.target.template) {
    if (target.pods.paused) return 'unsettled';
    // No rollout is under way, so what the status speaks of is what the primary runs: the controller need not be asked.
    const idle = status.lastAppliedSpec === status.lastPromotedSpec;
    if (idle && target.otherImages && world.primary?.revision === status.lastPromotedSpec)
      return 'new';
    if (!target.pods.settled) return 'unsettled';
    if (target.turn === status.target.turn && target.turn !== '')
      return world.now < countedAt(target) ? 'unsettled' : 'rewritten';
  }
  return target.revision === status.lastPromotedSpec ? 'back' : 'new';
}

/**
 * A Deployment's controller that finds a new size along with a new template says that it has seen both, and counts the
 * template only when it looks again. Nothing hangs on the answer meanwhile, so it gets plenty of time.
 */
const COUNTS_WITHIN_MS = 60_000;

/** From when on a count that did not move means that there is no new template. */
function countedAt({ standsSince }: Target): Instant {
  return later(standsSince, COUNTS_WITHIN_MS);
}

/** Waits for what the target's controller makes of its template. */
export function uncounted(target: Target): Decision {
  if (target.pods.paused) return rest('the target has a new template: it is paused');
  const why = 'the target has a new template that its controller has not counted';
  return rest(why, target.pods.settled ? countedAt(target) : null);
}

function sameDigests(
  left: Readonly<Record<string, string>>,
  right: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
  );
}

/** The same version under a new digest: remembered, nothing is rolled out. */
export function rebase(world: World, target: Target): Decision {
  const { status } = world.canary;
  const promoted =
    status.lastPromotedSpec === status.lastAppliedSpec ? target.revision : status.lastPromotedSpec;
  return record(
    world,
    { ...acceptedTarget(world, target), lastPromotedSpec: promoted },
    'the template was rewritten without a new version',
  );
}

/** A new revision while nothing is under way: gates first, then the start. */
export function startLine(world: World, target: Target): Decision {
  const { canary, primary } = world;
  const { status, spec } = canary;
  if (
    primary !== null &&
    !primary.readiness.ready &&
    primary.revision === status.lastPromotedSpec &&
    primary.pods.stuck === null
  ) {
    return rest(`a new revision waits for the primary: ${primary.readiness.why}`);
  }
  const confirmed = spec.skipAnalysis ? null : gate(world, 'confirm-rollout', 'start');
  if (confirmed === null || confirmed.open) return begin(world, target, 'a new revision');
  const waits = status.phase === 'Waiting';
  const { generation, revision } = target;
  if ((waits && status.target.revision === revision) || !confirmed.refused) {
    return rest(`waiting for a gate: ${confirmed.why}`, confirmed.wakeAt, confirmed.asks);
  }
  const rollout = (waits ? status.rollout : null) ?? freshRollout(world.now);
  // Named in the status, so that a person can approve just this revision.
  return record(
    world,
    { phase: 'Waiting', rollout, target: { ...status.target, generation, revision } },
    `a gate is closed: ${confirmed.why}`,
    [
      told(
        'warn',
        'WaitingForApproval',
        `Revision ${short(target.revision)} is waiting for approval: ${confirmed.why}`,
      ),
    ],
  );
}

/** Takes a revision up at weight 0, whatever was under way. */
export function begin(world: World, target: Target, why: string): Decision {
  const { canary, now, configs } = world;
  const { status } = canary;
  const configsMoved = !sameDigests(configs.digests, status.trackedConfigs);
  const stamp = configsMoved && target.pods.replicas > 0 ? configs.stamp : null;
  const change: Partial<CanaryStatus> = {
    ...acceptedTarget(world, target),
    phase: 'Progressing',
    canaryWeight: NO_WEIGHT,
    failedChecks: 0,
    iterations: 0,
    parking: null,
    repairs: { rounds: 0, seen: '' },
    measurements: [],
    owed: [],
    // Load that has just come back to the primary needs its pods whatever is begun now.
    rollout: {
      ...freshRollout(now),
      configStamp: stamp,
      capacity: status.rollout?.capacity ?? heldFloor(world),
    },
    history: historyBegun(status, target.revision, now),
  };
  const under =
    status.phase === 'Progressing' ||
    status.phase === 'WaitingPromotion' ||
    status.phase === 'Promoting';
  const reason = under ? 'Restarted' : 'NewRevision';
  const words = under
    ? `New revision ${short(target.revision)} came in the middle: starting over with it`
    : `New revision detected! Scaling up ${canary.spec.targetRef.name}, revision ${short(target.revision)}`;
  return record(world, change, why, [told('info', reason, words)]);
}

/** The target went back to what the primary serves: nothing to judge, the canary is taken out of service. */
export function goBack(world: World, target: Target): Decision {
  const { canary, now } = world;
  return record(
    world,
    {
      ...acceptedTarget(world, target),
      ...retiring(world),
      phase: 'Finalising',
      owed: owedHooks(canary.spec.analysis.webhooks),
      history: historyEnded(
        canary.status,
        'reverted',
        'the target went back to the promoted revision',
        now,
      ),
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

/** Restarts the canary's pods where a config changed under them; null when they have it. */
export function stampLine(world: World, target: Target): Decision | null {
  const stamp = world.canary.status.rollout?.configStamp ?? null;
  if (stamp === null || target.configStamp === stamp || target.pods.replicas === 0) return null;
  return act('restart the canary pods: a config changed', {
    kind: 'stampTarget',
    stamp,
    generation: target.generation,
  });
}
