// Whether an intent makes sense where a Canary is, and what came of it once the operator took it.
import type {
  CanaryStatus,
  ConsumedIntent,
  HookType,
  IntentVerb,
  ParsedCanary,
} from '../api/canary.ts';
import { MEANINGFUL } from '../decision/intents.ts';
import { short } from '../decision/record.ts';
import { storyOf } from './row.ts';

/** Why asking would be in vain; null = it may have an effect. */
export function obstacleTo(verb: IntentVerb, parsed: ParsedCanary): string | null {
  const { identity, status, spec } = parsed;
  const { phase } = status;
  if (identity.deleting) return `it is being deleted: nothing to ${verb}`;
  if (!MEANINGFUL[verb].includes(phase)) {
    const means = MEANINGFUL[verb].join(', ');
    return `there is nothing to ${verb}: it is ${phase === '' ? 'not initialized' : phase} (${storyOf(parsed)}); ${verb} is for ${means}`;
  }
  if (spec?.suspend === true) return 'it is suspended: set spec.suspend to false first';
  const paused = status.rollout?.paused ?? null;
  if (verb === 'resume' && paused === null) return 'the rollout is not paused';
  if (verb === 'pause' && paused !== null) return `the rollout stands still already: ${paused}`;
  if (verb === 'approve' && spec !== null) {
    const types = gatesOf(status);
    if (!spec.analysis.webhooks.some((hook) => types.includes(hook.type)))
      return `there is no gate to approve: its spec has no webhook of type ${types.join(' or ')}`;
  }
  return null;
}

/** The gates that an approval opens in this phase. */
function gatesOf({ phase }: CanaryStatus): readonly HookType[] {
  if (phase === 'Waiting') return ['confirm-rollout'];
  if (phase === 'WaitingPromotion') return ['confirm-promotion'];
  return ['confirm-traffic-increase', 'confirm-promotion'];
}

/** The newest entry for these words, taken after `since`; null = there is none. */
export function takenAfter(
  status: CanaryStatus,
  words: { readonly verb: IntentVerb; readonly value: string; readonly since?: number | null },
): ConsumedIntent | null {
  const { verb, value, since = null } = words;
  return (
    status.intents.find(
      (taken) =>
        taken.verb === verb && taken.value === value && (since === null || taken.at > since),
    ) ?? null
  );
}

export interface Effect {
  readonly had: boolean;
  readonly words: string;
}

/** What the status says came of it. The rollout may have gone further since. */
export function effectOf(verb: IntentVerb, parsed: ParsedCanary, taken: ConsumedIntent): Effect {
  const { status } = parsed;
  const { rollout, lastFailure, history } = status;
  const paused = rollout?.paused ?? null;
  const revision = short(taken.value);
  const none: Effect = {
    had: false,
    words: `the operator took ${verb} of ${revision}, without effect; it is ${status.phase}: ${storyOf(parsed)}`,
  };
  switch (verb) {
    case 'approve': {
      const mark = `@${revision}`;
      const opened = rollout?.approved.some((each) => each.includes(mark)) === true;
      return opened ? { had: true, words: `revision ${revision} is approved` } : none;
    }
    case 'abort':
      return lastFailure?.reason === 'Aborted' && lastFailure.at >= taken.at
        ? { had: true, words: `revision ${revision} is aborted and rolled back` }
        : none;
    case 'pause':
      return paused !== null
        ? { had: true, words: `paused at weight ${status.canaryWeight}; go on with serin resume` }
        : none;
    case 'resume':
      return paused === null ? { had: true, words: 'goes on' } : none;
    case 'retry': {
      const again = history[0]?.startedAt === taken.at || status.phase !== 'Failed';
      return again ? { had: true, words: `revision ${revision} is tried again` } : none;
    }
  }
}
