// The rules of list and watch as a pure reducer: what has come in -> what to do next. The driver is reflector.ts.
import type { WatchEvent } from '../client/client.ts';
import { type Failure, failureOfStatus } from './reflector-failure.ts';
import {
  afterFill,
  backOff,
  type Effect,
  fill,
  fillSoon,
  type In,
  type Input,
  list,
  type Memory,
  PAGE_LIMIT,
  proven,
  QUIET_MS,
  type ReflectorState,
  type Step,
  stay,
  trusted,
  unserved,
  wake,
  watch,
  watchingFrom,
} from './reflector-moves.ts';
import { compareResourceVersions } from './resource-version.ts';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export const initialState: ReflectorState = {
  kind: 'start',
  memory: {
    watchListRefused: false,
    filled: false,
    hurried: false,
    notFounds: 0,
    rests: 0,
    restedMs: null,
    failure: null,
  },
};

export type Phase = 'unserved' | 'forbidden' | 'syncing' | 'synced';

/** The phase that the outside is told. */
export function phaseOf({ memory }: ReflectorState): Phase {
  if (memory.failure?.kind === 'forbidden') return 'forbidden';
  if (memory.notFounds > 0) return 'unserved';
  return memory.filled ? 'synced' : 'syncing';
}

/** The next state and what to do. An input that the state does not wait for (a late answer) changes nothing. */
export function step(state: ReflectorState, input: Input): Step {
  if (input.kind === 'stop')
    return { state: { kind: 'stopped', memory: state.memory }, effects: [] };
  switch (state.kind) {
    case 'start':
      if (input.kind === 'start') return fill(state.memory);
      return input.kind === 'failed'
        ? backOff(state.memory, input.failure, input.atMs)
        : stay(state);
    case 'watch-listing':
      return watchListing(state, input);
    case 'listing':
      return listing(state, input);
    case 'watching':
      return watching(state, input);
    case 'backing-off':
      if (input.kind === 'woke') return wake(state, input.atMs);
      // The driver could not begin its rest.
      return input.kind === 'failed'
        ? backOff(state.memory, input.failure, input.atMs)
        : stay(state);
    case 'stopped':
      return stay(state);
  }
}

function watchListing(state: In<'watch-listing'>, input: Input): Step {
  const { memory } = state;
  switch (input.kind) {
    case 'event':
      return initialEvent(state, input.event, input.atMs);
    case 'failed':
      return watchListFailed(memory, input.failure, input.atMs);
    case 'ended':
      return list(memory, 'the stream of initial events ended early, listing instead');
    case 'silent':
      return list(memory, 'no initial events came, listing instead');
    case 'start':
    case 'woke':
    case 'page':
    case 'stop':
      return stay(state);
  }
}

function initialEvent(state: In<'watch-listing'>, event: WatchEvent, atMs: number): Step {
  const { memory } = state;
  if (event.type === 'ERROR') {
    const failure = failureOfStatus(event.status);
    // A server whose etcd cannot report progress refuses in the stream, with a 500: it will not change its mind.
    const refused = event.status.code === 500;
    return watchListFailed(memory, refused ? { ...failure, kind: 'refused' } : failure, atMs);
  }
  const { type, object } = event;
  if (type !== 'BOOKMARK') return { state, effects: [{ kind: 'stage-change', type, object }] };
  const { annotations, resourceVersion = '' } = object.metadata;
  if (annotations?.[INITIAL_EVENTS_END] !== 'true') return stay(state);
  return {
    state: watchingFrom(afterFill(memory), resourceVersion, atMs),
    effects: [{ kind: 'replace', resourceVersion }],
  };
}

function watchListFailed(memory: Memory, failure: Failure, atMs: number): Step {
  switch (failure.kind) {
    case 'not-found':
      return unserved(memory, failure, atMs);
    case 'throttled':
    case 'unreachable':
      return backOff(memory, failure, atMs);
    case 'refused':
      return list({ ...memory, watchListRefused: true }, `${failure.message}, listing instead`);
    case 'expired':
    case 'too-large':
    case 'forbidden': // may list but not watch
    case 'other':
      return list(memory);
  }
}

function listing(state: In<'listing'>, input: Input): Step {
  if (input.kind === 'failed') return listFailed(state, input.failure, input.atMs);
  if (input.kind !== 'page') return stay(state);
  const { items, continue: next } = input.list;
  const resourceVersion = state.resourceVersion ?? input.list.resourceVersion;
  const staged: Effect = { kind: 'stage', objects: items };
  if (next !== '') {
    return {
      state: { ...state, resourceVersion },
      effects: [staged, { kind: 'list', continue: next, limit: PAGE_LIMIT }],
    };
  }
  const opened = watch(afterFill(state.memory), resourceVersion, input.atMs);
  return {
    state: opened.state,
    effects: [staged, { kind: 'replace', resourceVersion }, ...opened.effects],
  };
}

function listFailed(state: In<'listing'>, failure: Failure, atMs: number): Step {
  const { memory } = state;
  switch (failure.kind) {
    case 'expired':
      // Pages came too slowly for the server's memory: everything in one answer cannot expire in between.
      if (state.paged && state.resourceVersion !== null) {
        return {
          state: { ...state, resourceVersion: null, paged: false },
          effects: [{ kind: 'discard' }, { kind: 'list', continue: '', limit: null }],
        };
      }
      return fillSoon(memory, failure, atMs);
    case 'too-large':
      return fillSoon(memory, failure, atMs);
    case 'not-found':
      return unserved(memory, failure, atMs);
    case 'forbidden':
    case 'throttled':
    case 'refused':
    case 'unreachable':
    case 'other':
      return backOff(memory, failure, atMs);
  }
}

function watching(state: In<'watching'>, input: Input): Step {
  const { atMs } = input;
  switch (input.kind) {
    case 'event':
      return watchEvent(state, input.event, atMs);
    case 'failed':
      return watchFailed(state, input.failure, atMs);
    case 'ended':
      if (trusted(state, atMs)) return watch(proven(state, atMs), state.resourceVersion, atMs);
      // So does a server answer that does not know the resourceVersion and says so badly.
      return backOff(state.memory, ownFailure('the watch ended at once without an event'), atMs);
    case 'silent':
      return fillSoon(proven(state, atMs), ownFailure('the watch fell silent'), atMs);
    case 'start':
    case 'woke':
    case 'page':
    case 'stop':
      return stay(state);
  }
}

function watchEvent(state: In<'watching'>, event: WatchEvent, atMs: number): Step {
  if (event.type === 'ERROR') return watchFailed(state, failureOfStatus(event.status), atMs);
  const resourceVersion = event.object.metadata.resourceVersion ?? state.resourceVersion;
  const order = compareResourceVersions(resourceVersion, state.resourceVersion);
  if (order !== null && order < 0) {
    const back = `resourceVersion went back from ${state.resourceVersion} to ${resourceVersion}`;
    return fillSoon(proven(state, atMs), ownFailure(back), atMs);
  }
  const moved = state.moved || order !== 0;
  const memory = proven(state, atMs);
  return {
    state: { ...state, memory, resourceVersion, moved, heardMs: atMs },
    effects:
      event.type === 'BOOKMARK'
        ? [{ kind: 'advance', resourceVersion }]
        : [{ kind: 'apply', type: event.type, object: event.object }],
  };
}

function watchFailed(state: In<'watching'>, failure: Failure, atMs: number): Step {
  const { memory, resourceVersion } = state;
  switch (failure.kind) {
    case 'expired':
    case 'too-large':
      return fillSoon(trusted(state, atMs) ? proven(state, atMs) : memory, failure, atMs);
    case 'not-found':
      return unserved(memory, failure, atMs);
    case 'throttled':
      return backOff(memory, failure, atMs, resourceVersion);
    case 'unreachable':
      if (atMs - state.heardMs >= QUIET_MS) return fillSoon(proven(state, atMs), failure, atMs);
      // A stream that had worked and was cut: the rest of it is asked for at once, and refused only if the server is gone.
      if (trusted(state, atMs)) return watch(proven(state, atMs), resourceVersion, atMs);
      return backOff(memory, failure, atMs, resourceVersion);
    case 'forbidden':
    case 'refused':
    case 'other':
      return backOff(memory, failure, atMs);
  }
}

/** What the server did not call an error. */
function ownFailure(message: string): Failure {
  return { kind: 'other', message, retryAfterMs: null };
}
