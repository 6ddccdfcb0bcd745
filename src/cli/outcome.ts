// Whether what `serin wait` waits for has come true, or its opposite: judged on the status, never on an old success.
import type { CanaryStatus, RevisionRecord } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { parseCanary } from '../api/parse-canary.ts';
import { short } from '../decision/record.ts';
import { storyOf } from './row.ts';

export const GOALS = ['promoted', 'failed', 'initialized', 'ready'] as const;
export type Goal = (typeof GOALS)[number];

export interface Wish {
  readonly goal: Goal;
  /** At least 8 hex digits; null = whatever the target holds. */
  readonly revision: string | null;
}

export type Outcome =
  | { readonly kind: 'reached'; readonly why: string }
  | { readonly kind: 'opposite'; readonly why: string }
  | { readonly kind: 'waiting'; readonly why: string };

/** `generation`: of the target, read after the Canary; null = there is no target. */
export function outcomeOf(object: KubeObject, generation: number | null, wish: Wish): Outcome {
  const parsed = parseCanary(object, { defaultProvider: '' });
  const { status, identity } = parsed;
  const story = storyOf(parsed);
  const waiting: Outcome = {
    kind: 'waiting',
    why: `${status.phase || 'not initialized'}: ${story}`,
  };
  switch (wish.goal) {
    case 'initialized': {
      const set = !['', 'Initializing', 'Terminating', 'Terminated'].includes(status.phase);
      return set ? { kind: 'reached', why: 'the primary serves' } : waiting;
    }
    case 'ready': {
      const ready = status.conditions.find(({ type }) => type === 'Ready');
      const current = ready?.observedGeneration === identity.generation;
      return ready?.status === 'True' && current
        ? { kind: 'reached', why: ready.message }
        : waiting;
    }
    case 'promoted':
    case 'failed': {
      const end =
        wish.revision === null ? endOf(status, generation) : endOfRevision(status, wish.revision);
      if (end === null) return waiting;
      return {
        kind: end.promoted === (wish.goal === 'promoted') ? 'reached' : 'opposite',
        why: end.why,
      };
    }
  }
}

interface End {
  readonly promoted: boolean;
  readonly why: string;
}

/** An end is believed only when the status speaks of the target as it is now. */
function endOf(status: CanaryStatus, generation: number | null): End | null {
  if (generation === null || status.target.generation !== generation) return null;
  switch (status.phase) {
    case 'Initialized':
    case 'Succeeded':
      return { promoted: true, why: `revision ${short(status.lastPromotedSpec)} is promoted` };
    case 'Failed': {
      const why = status.lastFailure?.message ?? 'no reason is known';
      return {
        promoted: false,
        why: `revision ${short(status.lastAppliedSpec)} was rolled back: ${why}`,
      };
    }
    default:
      return null;
  }
}

function endOfRevision(status: CanaryStatus, revision: string): End | null {
  const rests = ['Initialized', 'Succeeded', 'Failed'].includes(status.phase);
  if (rests && status.lastPromotedSpec.startsWith(revision))
    return { promoted: true, why: `revision ${short(status.lastPromotedSpec)} is promoted` };
  const entry = status.history.find((each) => each.revision.startsWith(revision));
  return entry === undefined ? null : endOfEntry(entry, status);
}

function endOfEntry(entry: RevisionRecord, status: CanaryStatus): End | null {
  const { outcome, reason } = entry;
  const why = reason === '' ? '' : `: ${reason}`;
  switch (outcome) {
    case 'current':
      return null;
    case 'promoted':
      // Traffic and pods still settle; the promotion is over when the phase says so.
      return status.phase === 'Finalising' && status.lastAppliedSpec === entry.revision
        ? null
        : { promoted: true, why: `revision ${short(entry.revision)} was promoted` };
    case 'failed':
      return { promoted: false, why: `revision ${short(entry.revision)} was rolled back${why}` };
    case 'aborted':
    case 'superseded':
    case 'reverted':
      return { promoted: false, why: `revision ${short(entry.revision)} was ${outcome}${why}` };
  }
}
