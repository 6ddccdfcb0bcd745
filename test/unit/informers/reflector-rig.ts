// States and inputs of a reflector, and what a step leads to in a few words.
import { failureOf } from '../../../src/informers/reflector-failure.ts';
import type {
  Effect,
  In,
  Input,
  Memory,
  ReflectorState,
  Step,
} from '../../../src/informers/reflector-moves.ts';
import { initialState } from '../../../src/informers/reflector-state.ts';
import * as say from './scripted-client.ts';

export const memory: Memory = initialState.memory;
export const noWatchList: Memory = { ...memory, watchListRefused: true };
export const watchListing: In<'watch-listing'> = { kind: 'watch-listing', memory };
export const listing: In<'listing'> = {
  kind: 'listing',
  memory,
  resourceVersion: null,
  paged: true,
};
export const watching: In<'watching'> = {
  kind: 'watching',
  memory: { ...memory, filled: true },
  resourceVersion: '20',
  moved: false,
  openedMs: 0,
  heardMs: 0,
};

export const fails = (error: unknown, atMs = 100): Input => ({
  kind: 'failed',
  failure: failureOf(error),
  atMs,
});
export const hears = (event: ReturnType<typeof say.added>, atMs = 100): Input => ({
  kind: 'event',
  event,
  atMs,
});
export const pages = (list: ReturnType<typeof say.pageOf>): Input => ({
  kind: 'page',
  list,
  atMs: 100,
});

/** What a step leads to, without the wording of warnings. */
export function outcome({ state, effects }: Step): { to: ReflectorState['kind']; does: string[] } {
  return { to: state.kind, does: effects.filter((e) => e.kind !== 'warn').map(brief) };
}

export function brief(effect: Effect): string {
  switch (effect.kind) {
    case 'watch':
      return effect.initialEvents ? 'watch-list' : `watch from ${effect.resourceVersion}`;
    case 'list':
      return `list ${effect.limit ?? 'all'}${effect.continue === '' ? '' : ` from ${effect.continue}`}`;
    case 'rest':
      return `rest ${Math.max(effect.baseMs, effect.atLeastMs)}`;
    case 'stage':
      return `stage ${effect.objects.length}`;
    case 'stage-change':
    case 'apply':
      return `${effect.kind} ${effect.type}`;
    case 'replace':
    case 'advance':
      return `${effect.kind} ${effect.resourceVersion}`;
    case 'discard':
    case 'empty':
    case 'warn':
      return effect.kind;
  }
}

export const gone = say.apiError('expired', 410);
export const refusedConnection = say.apiError('transient', 0);
export const unavailable = say.apiError('transient', 503);
export const tooLargeError = say.apiError('transient', 504, { status: say.tooLarge });
export const notFound = say.apiError('not-found', 404);
export const forbidden = say.apiError('forbidden', 403);
export const throttled = say.apiError('too-many-requests', 429, { retryAfterMs: 7000 });
export const unprocessable = say.apiError('invalid', 422);
export const one = say.configMap('a', { resourceVersion: '21' });

export type Row = [
  rule: string,
  from: ReflectorState,
  input: Input,
  to: ReflectorState['kind'],
  does: string[],
];
