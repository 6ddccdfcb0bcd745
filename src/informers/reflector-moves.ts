// States, inputs and effects of a reflector, and the moves between states that several rules share.
import type { KubeObject } from '../api/kubernetes.ts';
import type { ObjectList, WatchEvent } from '../client/client.ts';
import type { Failure } from './reflector-failure.ts';

/** Objects a page of LIST. */
export const PAGE_LIMIT = 500;
export const BACKOFF_MIN_MS = 800;
/** Before jitter; a rest lasts up to twice as long. */
export const BACKOFF_MAX_MS = 30_000;
/** So long without a rest, and the next one is short again. */
export const BACKOFF_RESET_MS = 120_000;
/** A server that asks for more patience than this is asked again anyway. */
export const RETRY_AFTER_MAX_MS = 60_000;
/** A watch that ended sooner, with nothing told, is not trusted. */
export const SHORT_WATCH_MS = 1000;
/** Bookmarks come every 60 s: a connection lost after a longer silence may have hidden a server that went back in time. */
export const QUIET_MS = 75_000;
/** 404s in a row before the kind counts as removed: one may come from a server that is still starting. */
export const NOT_FOUND_MIN = 2;

/** What outlives the single attempt. */
export interface Memory {
  /** This server does not do WatchList; not asked again. */
  readonly watchListRefused: boolean;
  readonly filled: boolean;
  /** A fill without a rest was spent, and no watch has lasted since. */
  readonly hurried: boolean;
  readonly notFounds: number;
  readonly rests: number;
  /** End of the last rest, monotonic; null before the first. */
  readonly restedMs: number | null;
  readonly failure: Failure | null;
}

export type ReflectorState =
  | { readonly kind: 'start'; readonly memory: Memory }
  | { readonly kind: 'watch-listing'; readonly memory: Memory }
  | {
      readonly kind: 'listing';
      readonly memory: Memory;
      /** Of the first page; the watch starts from here. */
      readonly resourceVersion: string | null;
      readonly paged: boolean;
    }
  | {
      readonly kind: 'watching';
      readonly memory: Memory;
      readonly resourceVersion: string;
      /** Whether this stream has moved the resourceVersion. */
      readonly moved: boolean;
      /** When the stream was opened, or became a watch after its initial events. */
      readonly openedMs: number;
      readonly heardMs: number;
    }
  | {
      readonly kind: 'backing-off';
      readonly memory: Memory;
      /** The resourceVersion to watch from again; null = fill anew. */
      readonly watchFrom: string | null;
    }
  | { readonly kind: 'stopped'; readonly memory: Memory };

/** `atMs` is monotonic. */
export type Input = { readonly atMs: number } & (
  | { readonly kind: 'start' | 'woke' | 'ended' | 'silent' | 'stop' }
  | { readonly kind: 'event'; readonly event: WatchEvent }
  | { readonly kind: 'page'; readonly list: ObjectList }
  | { readonly kind: 'failed'; readonly failure: Failure }
);

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Done in order. `watch`, `list` and `rest` come last, at most one of them, and end the call that was under way. */
export type Effect =
  | { readonly kind: 'watch'; readonly resourceVersion: string; readonly initialEvents: boolean }
  | { readonly kind: 'list'; readonly continue: string; readonly limit: number | null }
  /** Rest for `baseMs` to twice that, but at least `atLeastMs`. */
  | { readonly kind: 'rest'; readonly baseMs: number; readonly atLeastMs: number }
  | { readonly kind: 'discard' }
  | { readonly kind: 'stage'; readonly objects: readonly KubeObject[] }
  | { readonly kind: 'stage-change'; readonly type: ChangeType; readonly object: KubeObject }
  | { readonly kind: 'replace'; readonly resourceVersion: string }
  | { readonly kind: 'apply'; readonly type: ChangeType; readonly object: KubeObject }
  | { readonly kind: 'advance'; readonly resourceVersion: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'warn'; readonly message: string };

export interface Step {
  readonly state: ReflectorState;
  readonly effects: readonly Effect[];
}

export type In<K extends ReflectorState['kind']> = Extract<ReflectorState, { kind: K }>;

/** Nothing happens. */
export function stay(state: ReflectorState): Step {
  return { state, effects: [] };
}

/** Reads everything anew, by WatchList if the server does that. Never from an old resourceVersion: a restored server has not got it. */
export function fill(memory: Memory): Step {
  if (memory.watchListRefused) return list(memory);
  return {
    state: { kind: 'watch-listing', memory },
    effects: [{ kind: 'discard' }, { kind: 'watch', resourceVersion: '', initialEvents: true }],
  };
}

export function list(memory: Memory, warning?: string): Step {
  const warnings: Effect[] = warning === undefined ? [] : [{ kind: 'warn', message: warning }];
  return {
    state: { kind: 'listing', memory, resourceVersion: null, paged: true },
    effects: [...warnings, { kind: 'discard' }, { kind: 'list', continue: '', limit: PAGE_LIMIT }],
  };
}

export function watch(memory: Memory, resourceVersion: string, atMs: number): Step {
  return {
    state: watchingFrom(memory, resourceVersion, atMs),
    effects: [{ kind: 'watch', resourceVersion, initialEvents: false }],
  };
}

export function watchingFrom(
  memory: Memory,
  resourceVersion: string,
  atMs: number,
): In<'watching'> {
  return { kind: 'watching', memory, resourceVersion, moved: false, openedMs: atMs, heardMs: atMs };
}

/** Fills anew at once, if that was not tried in vain just before; then with a rest. */
export function fillSoon(memory: Memory, failure: Failure, atMs: number): Step {
  if (memory.hurried) return backOff(memory, failure, atMs);
  const { state, effects } = fill({ ...memory, hurried: true, failure });
  return {
    state,
    effects: [{ kind: 'warn', message: `${failure.message}, reading anew` }, ...effects],
  };
}

/** Rests, then watches from `watchFrom`, or fills anew. */
export function backOff(
  memory: Memory,
  failure: Failure,
  atMs: number,
  watchFrom: string | null = null,
): Step {
  const calm = memory.restedMs === null || atMs - memory.restedMs > BACKOFF_RESET_MS;
  const rests = calm ? 0 : memory.rests;
  return {
    state: {
      kind: 'backing-off',
      memory: { ...memory, rests: rests + 1, restedMs: atMs, failure },
      watchFrom,
    },
    effects: [
      { kind: 'warn', message: failure.message },
      {
        kind: 'rest',
        baseMs: Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** rests),
        atLeastMs: Math.min(RETRY_AFTER_MAX_MS, failure.retryAfterMs ?? 0),
      },
    ],
  };
}

/** The kind is gone, or not there yet: what was stored of it is too, once the server has said so again. */
export function unserved(memory: Memory, failure: Failure, atMs: number): Step {
  const notFounds = memory.notFounds + 1;
  const { state, effects } = backOff({ ...memory, notFounds }, failure, atMs);
  const gone: Effect[] = notFounds === NOT_FOUND_MIN ? [{ kind: 'empty' }] : [];
  return { state, effects: [...gone, ...effects] };
}

export function wake(state: In<'backing-off'>, atMs: number): Step {
  const memory = { ...state.memory, restedMs: atMs };
  return state.watchFrom === null ? fill(memory) : watch(memory, state.watchFrom, atMs);
}

export function afterFill(memory: Memory): Memory {
  return { ...memory, filled: true, notFounds: 0, failure: null };
}

/** A stream that told something new, or lived for a while: the last fill was good. */
export function trusted(state: In<'watching'>, atMs: number): boolean {
  return state.moved || atMs - state.openedMs >= SHORT_WATCH_MS;
}

/** What is remembered of a stream that works. Only time proves that reading anew at once would not make a busy loop. */
export function proven(state: In<'watching'>, atMs: number): Memory {
  const { memory } = state;
  const hurried = memory.hurried && atMs - state.openedMs < SHORT_WATCH_MS;
  if (hurried === memory.hurried && memory.failure === null && memory.notFounds === 0)
    return memory;
  return { ...memory, hurried, notFounds: 0, failure: null };
}
