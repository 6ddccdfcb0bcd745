// A watch on the store: what is there, what has happened since, and then everything that happens, until it is ended.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource, WatchEvent, WatchOptions } from '../../client/client.ts';
import { shaper } from '../../client/content.ts';
import { apiVersionOf, describeCollection } from '../../client/paths.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Change } from './change.ts';
import { frozenJson } from './frozen-json.ts';
import type { ModelStore } from './model-store.ts';
import { refused } from './refusals.ts';
import { selection, type Test } from './selectors.ts';
import { versionOf } from './versions.ts';

const BOOKMARK_MS = 60_000;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchSource {
  readonly store: ModelStore;
  readonly clock: Clock;
  readonly resource: Resource;
}

/** Opens when it is first pulled. Ends after its time; throws the signal's reason when that ends it. */
export async function* modelWatch(
  { store, clock, resource }: WatchSource,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void, undefined> {
  const { signal, metadataOnly = false } = options;
  signal.throwIfAborted();
  const attempt = `watch ${describeCollection(resource, options.namespace)}`;
  const selected = selection(attempt, options);
  const shape = metadataOnly ? frozenShape(resource) : (object: KubeObject) => object;
  const { events, seen } = opening(attempt, { store, resource, options, selected });
  const inbox = new Inbox(signal, events);
  const unlisten = store.onCommit((change) => {
    if (change.resource.plural !== resource.plural || change.resource.group !== resource.group) {
      return;
    }
    const event = change.revision > seen ? eventOf(change, selected) : null;
    if (event !== null) inbox.put(event);
  });
  const bookmarks = clock.newTicker(BOOKMARK_MS, () => {
    inbox.put(bookmark(resource, Math.max(seen, store.revision)));
  });
  const timeout = clock.newTimer(options.timeoutSeconds * 1000, () => inbox.close());
  try {
    for (let event = await inbox.take(); event !== null; event = await inbox.take()) {
      if (event.type === 'ERROR') return yield event;
      yield { type: event.type, object: shape(event.object) };
    }
  } finally {
    unlisten();
    bookmarks.stop();
    timeout.stop();
    inbox.leave();
  }
}

interface Opening {
  readonly store: ModelStore;
  readonly resource: Resource;
  readonly options: WatchOptions;
  readonly selected: Test | null;
}

/** What is told at once, and the revision from which on changes are. */
function opening(
  attempt: string,
  { store, resource, options, selected }: Opening,
): { readonly events: readonly WatchEvent[]; readonly seen: number } {
  const { sendInitialEvents, resourceVersionMatch } = options;
  const from = versionOf(attempt, options.resourceVersion);
  if (sendInitialEvents === true && resourceVersionMatch !== 'NotOlderThan') {
    throw refused(attempt, forbiddenMatch());
  }
  if (from === 0 || sendInitialEvents === true) {
    const seen = store.revision;
    const objects = store.list(resource).filter((object) => selected === null || selected(object));
    const events: WatchEvent[] = objects.map((object) => ({ type: 'ADDED', object }));
    if (sendInitialEvents === true) events.push(bookmark(resource, seen, true));
    return { events, seen };
  }
  const changes = store.since(resource, from);
  if (changes === 'compacted') return { events: [tooOld(from, store.revision)], seen: from };
  const events = changes
    .map((change) => eventOf(change, selected))
    .filter((event) => event !== null);
  return { events, seen: Math.max(from, store.revision) };
}

/** Null if the watch is not concerned. What leaves the selection is deleted to those who watch it. */
function eventOf({ type, object, before }: Change, selected: Test | null): WatchEvent | null {
  if (selected === null) return { type, object };
  const is = type !== 'DELETED' && selected(object);
  const was = before !== null && selected(before);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object };
  if (!was || before === null) return null;
  if (type === 'DELETED') return { type, object };
  const { resourceVersion } = object.metadata;
  const metadata = {
    ...before.metadata,
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return { type: 'DELETED', object: frozenJson({ ...before, metadata }) };
}

function bookmark(resource: Resource, revision: number, initialEnd = false): WatchEvent {
  const metadata = {
    name: '',
    resourceVersion: String(revision),
    ...(initialEnd && { annotations: { [INITIAL_EVENTS_END]: 'true' } }),
  };
  const object = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
  return { type: 'BOOKMARK', object: frozenJson(object) };
}

function tooOld(from: number, current: number): WatchEvent {
  return {
    type: 'ERROR',
    status: {
      code: 410,
      reason: 'Expired',
      message: `too old resource version: ${from} (${current})`,
      retryAfterSeconds: null,
      causes: [],
    },
  };
}

function forbiddenMatch() {
  const message =
    'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
  const cause = { reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message };
  return {
    kind: 'invalid',
    code: 422,
    reason: 'Invalid',
    message: `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: ${message}`,
    causes: [cause],
  } as const;
}

function frozenShape(resource: Resource): (object: KubeObject) => KubeObject {
  const shape = shaper(resource, true);
  return (object) => frozenJson(shape(object));
}

/** Events that wait for their reader. */
class Inbox {
  readonly #signal: AbortSignal;
  readonly #wake = (): void => this.#waiting?.resolve();
  #events: WatchEvent[];
  #next = 0;
  #closed = false;
  #waiting: PromiseWithResolvers<void> | null = null;

  constructor(signal: AbortSignal, events: readonly WatchEvent[]) {
    this.#signal = signal;
    this.#events = [...events];
    signal.addEventListener('abort', this.#wake, { once: true });
  }

  put(event: WatchEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  /** What is there can still be taken. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  leave(): void {
    this.#signal.removeEventListener('abort', this.#wake);
  }

  /** The next event, as soon as there is one; null after the last. */
  async take(): Promise<WatchEvent | null> {
    while (true) {
      this.#signal.throwIfAborted();
      const event = this.#events[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        return event;
      }
      if (this.#closed) return null;
      this.#events = [];
      this.#next = 0;
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
  }
}
