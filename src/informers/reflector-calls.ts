// The three things that a reflector waits for, a watch, a list and a rest, each as a stream of inputs to its rules.
import type { Client, ObjectList, Resource, WatchEvent, WatchOptions } from '../client/client.ts';
import type { Clock } from '../clock/clock.ts';
import { failureOf } from './reflector-failure.ts';
import type { Effect, Input } from './reflector-moves.ts';
import type { Scope } from './store.ts';
import { type Alarm, silent, stopped, Watchdog } from './watchdog.ts';

/** The client should notice a silent watch after this long, and bookmarks come every 60 s. */
export const IDLE_MS = 85_000;
/** The driver's own limit, should the client not keep to `IDLE_MS`. */
export const SILENCE_MS = 90_000;
/** A WatchList that has told nothing for this long is worth a line in the log. */
export const SLOW_MS = 10_000;
/** Longest time for one page. */
export const LIST_DEADLINE_MS = 60_000;
/** The server ends each watch after this long to twice that: reconnects spread out, and land on other servers too. */
export const WATCH_MIN_S = 300;

export interface CallContext {
  readonly client: Client;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly metadataOnly?: boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onWarning: (message: string) => void;
}

export type Call = Extract<Effect, { kind: 'watch' | 'list' | 'rest' }>;

/** Starts the call when it is first pulled, and ends it when it is returned. Throws nothing. */
export function inputsOf(
  call: Call,
  context: CallContext,
  signal: AbortSignal,
): AsyncGenerator<Input> {
  switch (call.kind) {
    case 'watch':
      return watchInputs(call, context, signal);
    case 'list':
      return listInputs(call, context, signal);
    case 'rest':
      return restInputs(call, context, signal);
  }
}

type CallOf<K extends Call['kind']> = Extract<Call, { kind: K }>;

async function* watchInputs(
  call: CallOf<'watch'>,
  context: CallContext,
  signal: AbortSignal,
): AsyncGenerator<Input> {
  const { client, resource, clock, random } = context;
  using cut = new Cut(signal);
  using dog = new Watchdog(clock, SILENCE_MS, signal);
  using _slow = call.initialEvents ? slowWarning(context) : null;
  const timeoutSeconds = Math.floor(WATCH_MIN_S * (1 + random()));
  const options: WatchOptions = {
    ...selection(context),
    ...(call.initialEvents && { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }),
    ...(call.resourceVersion !== '' && { resourceVersion: call.resourceVersion }),
    timeoutSeconds,
    idleMs: IDLE_MS,
    onAlive: () => dog.calm(),
    signal: cut.signal,
  };
  let stream: AsyncIterator<WatchEvent> | null = null;
  try {
    stream = client.watch(resource, options)[Symbol.asyncIterator]();
    while (true) {
      const next: IteratorResult<WatchEvent> | Alarm = await dog.guard(stream.next());
      const atMs = clock.monotonicMs();
      if (next === stopped) return yield { kind: 'stop', atMs };
      if (next === silent) return yield { kind: 'silent', atMs };
      if (next.done === true) return yield { kind: 'ended', atMs };
      _slow?.[Symbol.dispose]();
      yield { kind: 'event', event: next.value, atMs };
    }
  } catch (error) {
    yield failed(error, clock, signal);
  } finally {
    cut.now();
    abandon(stream);
  }
}

async function* listInputs(
  call: CallOf<'list'>,
  context: CallContext,
  signal: AbortSignal,
): AsyncGenerator<Input> {
  const { client, resource, clock } = context;
  using cut = new Cut(signal);
  using dog = new Watchdog(clock, SILENCE_MS, signal);
  try {
    const answer: Promise<ObjectList> = client.list(resource, {
      ...selection(context),
      ...(call.limit !== null && { limit: call.limit }),
      ...(call.continue !== '' && { continue: call.continue }),
      deadlineMs: LIST_DEADLINE_MS,
      signal: cut.signal,
    });
    const page = await dog.guard(answer);
    const atMs = clock.monotonicMs();
    if (page === stopped) yield { kind: 'stop', atMs };
    else if (page === silent) yield unanswered(atMs);
    else yield { kind: 'page', list: page, atMs };
  } catch (error) {
    yield failed(error, clock, signal);
  } finally {
    cut.now();
  }
}

async function* restInputs(
  call: CallOf<'rest'>,
  { clock, random }: CallContext,
  signal: AbortSignal,
): AsyncGenerator<Input> {
  const delayMs = Math.max(call.baseMs * (1 + random()), call.atLeastMs);
  try {
    await clock.sleep(delayMs, signal);
    yield { kind: 'woke', atMs: clock.monotonicMs() };
  } catch {
    yield { kind: 'stop', atMs: clock.monotonicMs() };
  }
}

function selection({ scope, labelSelector, fieldSelector, metadataOnly }: CallContext) {
  return {
    ...(scope !== null && { namespace: scope }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(metadataOnly !== undefined && { metadataOnly }),
  };
}

function failed(error: unknown, clock: Clock, signal: AbortSignal): Input {
  const atMs = clock.monotonicMs();
  if (signal.aborted) return { kind: 'stop', atMs };
  return { kind: 'failed', failure: failureOf(error), atMs };
}

function unanswered(atMs: number): Input {
  const message = `list: no answer within ${SILENCE_MS / 1000} s`;
  return { kind: 'failed', failure: { kind: 'unreachable', message, retryAfterMs: null }, atMs };
}

function slowWarning({ clock, onWarning }: CallContext): Disposable {
  const timer = clock.newTimer(SLOW_MS, () =>
    onWarning(`no initial event within ${SLOW_MS / 1000} s`),
  );
  return { [Symbol.dispose]: () => void timer.stop() };
}

/** A signal that ends with the outer one or by itself, and leaves no listener behind. */
class Cut implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #follow: () => void;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    this.#follow = () => this.#controller.abort(outer.reason);
    if (outer.aborted) this.#follow();
    outer.addEventListener('abort', this.#follow);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  now(): void {
    this.#controller.abort(new Error('the call is no longer wanted'));
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener('abort', this.#follow);
  }
}

/** Not waited for: a stream that hangs would hang here too. Its signal has ended it already. */
function abandon(stream: AsyncIterator<WatchEvent> | null): void {
  stream?.return?.().catch(() => undefined);
}
