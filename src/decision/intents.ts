// What people ask for: each intent is taken once, recorded with who and when, and then its annotation is cleared.
import type {
  CanaryStatus,
  ConsumedIntent,
  Intent,
  IntentVerb,
  Phase,
  Rollout,
} from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import { heldFloor } from './capacity.ts';
import { act, type Decision } from './decision.ts';
import { approval } from './gates.ts';
import { acceptedTarget, fail, freshRollout, historyBegun, record, short, told } from './record.ts';
import type { World } from './world.ts';

const CONSUMED_MAX = 10;

/** Phases in which a verb means something. Elsewhere it is taken, told and has no effect. */
export const MEANINGFUL: Readonly<Record<IntentVerb, readonly Phase[]>> = {
  approve: ['Waiting', 'Progressing', 'WaitingPromotion'],
  abort: ['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting'],
  pause: ['Progressing', 'WaitingPromotion'],
  resume: ['Progressing', 'WaitingPromotion'],
  retry: ['Failed'],
};

/** The next intent that has not been taken yet, as a decision; null when there is none. */
export function intentLine(world: World): Decision | null {
  const { canary } = world;
  const stale = canary.status.intents.find(
    (taken) => !taken.cleared && carries(canary.intents, taken),
  );
  if (stale !== undefined) {
    return act('clear an intent that has been taken', {
      kind: 'clearIntent',
      verb: stale.verb,
      value: stale.value,
    });
  }
  const gone = canary.status.intents.some((taken) => !taken.cleared);
  if (gone)
    return record(world, { intents: cleared(canary.status.intents) }, 'an intent has been cleared');
  const intent = canary.intents[0];
  return intent === undefined ? null : take(world, intent);
}

function carries(intents: readonly Intent[], taken: ConsumedIntent): boolean {
  return intents.some((intent) => intent.verb === taken.verb && intent.value === taken.value);
}

function cleared(intents: readonly ConsumedIntent[]): readonly ConsumedIntent[] {
  return intents.map((taken) => (taken.cleared ? taken : { ...taken, cleared: true }));
}

function take(world: World, intent: Intent): Decision {
  const { canary, now } = world;
  const { status } = canary;
  const { verb, value, manager } = intent;
  const entry: ConsumedIntent = { verb, value, manager, at: now, cleared: false };
  const intents = [entry, ...status.intents].slice(0, CONSUMED_MAX);
  const obstacle = obstacleTo(world, intent);
  if (obstacle !== null) {
    return record(world, { intents }, `${verb} has no effect: ${obstacle}`, [
      told('warn', 'IntentIgnored', `${verb} ${value} has no effect: ${obstacle}`),
    ]);
  }
  return obey(world, intent, intents);
}

function obstacleTo(world: World, intent: Intent): string | null {
  const { status } = world.canary;
  const current = spokenOf(world);
  if (!MEANINGFUL[intent.verb].includes(status.phase)) {
    return `the Canary is ${status.phase === '' ? 'not initialized' : status.phase}`;
  }
  if (!current.startsWith(intent.revision)) return `the current revision is ${short(current)}`;
  const step = status.rollout?.step ?? 0;
  if (intent.step !== null && intent.step !== step) return `the current step is ${step}`;
  if (
    intent.verb === 'abort' &&
    status.phase === 'Promoting' &&
    world.primary?.revision === current
  ) {
    return 'the primary already carries this revision';
  }
  if (intent.verb === 'resume' && (status.rollout?.paused ?? null) === null)
    return 'the rollout is not paused';
  return null;
}

/** The revision that a person sees: the waiting one before a start, the one under judgement after. */
function spokenOf(world: World): string {
  const { status } = world.canary;
  return status.phase === 'Waiting' ? (world.target?.revision ?? '') : status.lastAppliedSpec;
}

function obey(world: World, intent: Intent, intents: CanaryStatus['intents']): Decision {
  const { canary, now } = world;
  const { status } = canary;
  const who = intent.manager === '' ? 'a person' : intent.manager;
  const rollout = status.rollout ?? freshRollout(now);
  switch (intent.verb) {
    case 'approve':
      return approve(world, intent, intents, rollout);
    case 'abort':
      return abort(world, intents, who);
    case 'pause':
      return record(
        world,
        { intents, rollout: { ...rollout, paused: `paused by ${who}` } },
        `paused by ${who}`,
        [told('warn', 'Paused', `Paused by ${who} at weight ${status.canaryWeight}`)],
      );
    case 'resume':
      return resume(world, intents, rollout, who);
    case 'retry':
      return record(world, { intents, ...restart(world, rollout) }, `retried by ${who}`, [
        told(
          'info',
          'Retried',
          `Revision ${short(status.lastAppliedSpec)} is tried again, asked for by ${who}`,
        ),
      ]);
  }
}

/** A revision that still waits is taken up and given up in one: it is not asked about again. */
function abort(world: World, intents: CanaryStatus['intents'], who: string): Decision {
  const { canary, target, now } = world;
  const failure = { reason: 'Aborted', message: `aborted by ${who}`, outcome: 'aborted' } as const;
  if (canary.status.phase !== 'Waiting' || target === null)
    return fail(world, failure, { intents });
  const accepted = acceptedTarget(world, target);
  const history = historyBegun(canary.status, target.revision, now);
  const status = { ...canary.status, ...accepted, history };
  return fail({ ...world, canary: { ...canary, status } }, failure, { intents });
}

function approve(
  world: World,
  intent: Intent,
  intents: CanaryStatus['intents'],
  rollout: Rollout,
): Decision {
  const { phase } = world.canary.status;
  const types =
    phase === 'Waiting'
      ? (['confirm-rollout'] as const)
      : phase === 'WaitingPromotion'
        ? (['confirm-promotion'] as const)
        : (['confirm-traffic-increase', 'confirm-promotion'] as const);
  const revision = spokenOf(world);
  const step = phase === 'Progressing' ? rollout.step : intent.step;
  const marks = types.map((type) => approval(type, revision, step));
  const who = intent.manager === '' ? 'a person' : intent.manager;
  return record(
    world,
    {
      intents,
      rollout: { ...rollout, approved: [...new Set([...rollout.approved, ...marks])].slice(-20) },
    },
    `approved by ${who}`,
    [told('info', 'Approved', `Revision ${short(revision)} approved by ${who}`)],
  );
}

/** A pause that took the weight to zero gives it back; the step begins anew with it. */
function resume(
  world: World,
  intents: CanaryStatus['intents'],
  rollout: Rollout,
  who: string,
): Decision {
  const { canary, now } = world;
  const back = rollout.resumeWeight;
  const next: Rollout = {
    ...rollout,
    paused: null,
    resumeWeight: null,
    unknownSince: null,
    ...(back === null
      ? {}
      : { step: rollout.step + 1, stepSince: now, checks: 0, checkedAt: null, trafficSince: null }),
  };
  return record(
    world,
    { intents, canaryWeight: back ?? canary.status.canaryWeight, rollout: next },
    `resumed by ${who}`,
    [told('info', 'Resumed', `Resumed by ${who}`)],
  );
}

function restart(world: World, old: Rollout): Partial<CanaryStatus> {
  const { now, canary } = world;
  const { status } = canary;
  return {
    phase: 'Progressing',
    failedChecks: 0,
    canaryWeight: NO_WEIGHT,
    iterations: 0,
    parking: null,
    owed: [],
    measurements: [],
    rollout: {
      ...freshRollout(now),
      configStamp: old.configStamp,
      capacity: old.capacity ?? heldFloor(world),
    },
    history: status.history.map((entry, index) =>
      index === 0
        ? { ...entry, outcome: 'current', reason: '', startedAt: now, endedAt: null }
        : entry,
    ),
  };
}
