// H3: one Event for one fact: what is told again counts up the Event that is there.
import { isObject, textOf } from '../../../api/json.ts';
import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, listOf } from '../readings.ts';

/** A series that was not added to for this long has ended, and the fact may be told anew. */
const SERIES_MS = 6 * 60_000;

export const oneEventEach: Invariant = {
  id: 'H3',
  title: 'at most one Event for each object, reason and transition',
  guard(bench) {
    const seen = new Map<string, number>();
    return {
      commit(change) {
        if (!isOperators(change) || change.resource.plural !== 'events') return;
        const key = factOf(bench, change);
        const nowMs = bench.truth.nowMs();
        if (change.type === 'ADDED') {
          const lastMs = seen.get(key) ?? -Infinity;
          const again = nowMs - lastMs < SERIES_MS;
          bench.judge(again ? `the same Event twice in ${nowMs - lastMs} ms: ${key}` : null);
        }
        if (change.type !== 'DELETED') seen.set(key, nowMs);
      },
    };
  },
};

/**
 * A restarted process does not know the series of the one before: it is another instance. A version that is tried
 * again, or the next one, passes the same weights: those are other facts, though they are told in the same words.
 */
function factOf({ cases }: Bench, { object }: Change): string {
  const regarding = isObject(object['regarding']) ? object['regarding'] : {};
  const attempt = attemptOf(cases.get(textOf(regarding['uid']))?.canary ?? null);
  const { reportingInstance, reason, note, type } = object;
  return [regarding['uid'] ?? regarding['name'], type, reason, note, reportingInstance, attempt]
    .map((part) => (typeof part === 'string' ? part : ''))
    .join('|');
}

/** When the rollout began that is under way, or the last one. */
function attemptOf(canary: KubeObject | null): string {
  const status = isObject(canary?.['status']) ? canary['status'] : {};
  const { rollout, history } = status;
  const begun = isObject(rollout) ? rollout['startedAt'] : undefined;
  return textOf(begun ?? listOf(history).at(0)?.['startedAt']);
}
