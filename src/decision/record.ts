// Builds the next status out of the present one: small, total functions that every phase shares.
import type {
  CanaryStatus,
  Outcome,
  Phase,
  Revision,
  RevisionRecord,
  Rollout,
  WebhookSpec,
} from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { rfc3339 } from '../clock/time-format.ts';
import { capacityOfAll } from './capacity.ts';
import type { Ask, Decision, Told } from './decision.ts';
import type { Target, World } from './world.ts';

const HISTORY_MAX = 10;

export function told(severity: Told['severity'], reason: string, message: string): Told {
  return { type: severity === 'info' ? 'Normal' : 'Warning', reason, message, severity };
}

/** Stores a choice. Nothing that follows from it is done before it is stored. */
export function record(
  world: World,
  change: Partial<CanaryStatus>,
  why: string,
  tells: readonly Told[] = [],
): Decision {
  const { status } = world.canary;
  const moved = change.phase !== undefined && change.phase !== status.phase;
  const lastTransitionTime = moved ? rfc3339(world.now) : status.lastTransitionTime;
  return {
    kind: 'record',
    status: { ...status, ...change, lastTransitionTime },
    tells,
    why,
    asks: [],
  };
}

/** A change to the rollout alone. */
export function recordRollout(
  world: World,
  change: Partial<Rollout>,
  why: string,
  tells: readonly Told[] = [],
  further: Partial<CanaryStatus> = {},
): Decision {
  const { rollout } = world.canary.status;
  if (rollout === null) throw new Error('no rollout is under way');
  return record(world, { ...further, rollout: { ...rollout, ...change } }, why, tells);
}

export function freshRollout(now: Instant): Rollout {
  return {
    startedAt: now,
    step: 0,
    stepSince: now,
    checks: 0,
    checkedAt: null,
    trafficSince: null,
    unknownSince: null,
    unreadySince: null,
    waitingSince: now,
    paused: null,
    resumeWeight: null,
    approved: [],
    capacity: null,
    configStamp: null,
  };
}

/** What the status must remember of a target that it starts to speak of. */
export function acceptedTarget(world: World, target: Target): Partial<CanaryStatus> {
  return {
    lastAppliedSpec: target.revision,
    trackedConfigs: world.configs.digests,
    configVersions: world.configs.versions,
    target: {
      generation: target.generation,
      revision: target.revision,
      template: target.template,
      // Not known before the controller has counted this template.
      turn: target.pods.settled ? target.turn : '',
    },
  };
}

/** The history with a revision that now begins; one still open is superseded. */
export function historyBegun(
  status: CanaryStatus,
  revision: Revision,
  now: Instant,
): readonly RevisionRecord[] {
  const closed = historyEnded(status, 'superseded', 'a newer revision came', now);
  const begun: RevisionRecord = {
    revision,
    outcome: 'current',
    reason: '',
    startedAt: now,
    endedAt: null,
  };
  return [begun, ...closed].slice(0, HISTORY_MAX);
}

/** The history with the revision under way ended; unchanged when none is. */
export function historyEnded(
  status: CanaryStatus,
  outcome: Outcome,
  reason: string,
  now: Instant,
): readonly RevisionRecord[] {
  return status.history.map((entry) =>
    entry.outcome === 'current' ? { ...entry, outcome, reason, endedAt: now } : entry,
  );
}

/** The fields of a status that has let go of its canary: weight 0, pods to be scaled down. */
export function retiring(world: World): Partial<CanaryStatus> {
  const generation = world.target?.generation ?? 0;
  return { canaryWeight: NO_WEIGHT, iterations: 0, parking: { generation, rounds: 1 } };
}

export interface Failure {
  readonly reason: string;
  readonly message: string;
  readonly outcome?: Outcome;
}

/** Gives the revision under way up: traffic first, then pods, both by what this record says. */
export function fail(world: World, failure: Failure, change: Partial<CanaryStatus> = {}): Decision {
  const { canary, now } = world;
  const { status } = canary;
  const revision = status.lastAppliedSpec;
  const { reason, message, outcome = 'failed' } = failure;
  const rollout = change.rollout ?? status.rollout;
  const capacity = capacityOfAll(world, status.canaryWeight);
  const lastFailure = revision === '' ? status.lastFailure : { revision, reason, message, at: now };
  return record(
    world,
    {
      ...change,
      ...retiring(world),
      phase: 'Failed',
      rollout: rollout === null ? null : { ...rollout, capacity },
      lastFailure,
      history: historyEnded(status, outcome, `${reason}: ${message}`, now),
      owed: owedHooks(canary.spec.analysis.webhooks),
    },
    `rolling back: ${message}`,
    [told('error', reason, `Rolling back revision ${short(revision)}: ${message}`)],
  );
}

/** Post-rollout hooks are owed from the record that ends a rollout until each has answered once. */
export function owedHooks(hooks: readonly WebhookSpec[]): readonly string[] {
  return hooks.filter((hook) => hook.type === 'post-rollout').map((hook) => hook.name);
}

/** Calls the hooks that are still owed; never holds anything else up. */
export function owedAsks(world: World): {
  readonly asks: readonly Ask[];
  readonly left: readonly string[];
} {
  const { canary, answers } = world;
  const asks: Ask[] = [];
  const left: string[] = [];
  for (const hook of canary.spec.analysis.webhooks) {
    if (hook.type !== 'post-rollout' || !canary.status.owed.includes(hook.name)) continue;
    const key = askKey(world, 'end', hook.type, hook.name);
    if (answers.has(key)) continue;
    left.push(hook.name);
    asks.push({ kind: 'hook', key, hook, phase: canary.status.phase, newerThan: null });
  }
  return { asks, left };
}

/** Names a question so that the answer cannot be taken for that of another revision, attempt or step. */
export function askKey(world: World, slot: string, type: string, name: string): string {
  const { uid, status } = world.canary;
  // At rest, since when: what was answered for this revision in an earlier rollout is no answer now.
  const attempt = status.rollout?.startedAt ?? status.lastTransitionTime;
  const revision = world.target?.revision ?? status.lastAppliedSpec;
  return `${uid}/${revision}/${attempt}/${slot}/${type}/${name}`;
}

export function short(revision: string): string {
  return revision.slice(0, 12);
}

export function later(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}

export function earliest(...instants: readonly (Instant | null)[]): Instant | null {
  const known = instants.filter((instant) => instant !== null);
  return known.length === 0 ? null : (Math.min(...known) as Instant);
}

/** A rollout has ended, and the canary's pods still have to go. */
export function endUnfinished({ phase, parking }: CanaryStatus): boolean {
  return (phase === 'Failed' || phase === 'Succeeded') && parking !== null;
}

export const ROLLING: readonly Phase[] = [
  'Progressing',
  'WaitingPromotion',
  'Promoting',
  'Finalising',
];
