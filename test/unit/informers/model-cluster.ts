// A small API server for one kind: versions, history, pages, watches, and the faults that a random test asks for.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type {
  Client,
  ListOptions,
  ObjectList,
  WatchEvent,
  WatchOptions,
} from '../../../src/client/client.ts';
import * as say from './scripted-client.ts';
import { ScriptedClient } from './scripted-client.ts';

interface Past {
  readonly version: number;
  readonly event: WatchEvent;
}

/** How the next calls go wrong. */
export type Fault = 'unreachable' | 'unavailable' | 'throttled' | 'no-watch-list' | 'empty' | null;

const PAGE = 3;

export class ModelCluster {
  readonly objects = new Map<string, KubeObject>();
  fault: Fault = null;
  #version = 10;
  #uids = 0;
  #compacted = 0;
  #past: Past[] = [];
  #streams = new Set<{ wake: () => void; end: 'cut' | 'closed' | null; stalled: boolean }>();

  get client(): Client {
    return {
      ...new ScriptedClient().client,
      list: (_resource, options) => this.#list(options),
      watch: (_resource, options) => this.#watch(options),
    };
  }

  put(name: string): void {
    const old = this.objects.get(name);
    const uid = old?.metadata.uid ?? `uid-${++this.#uids}`;
    const object = say.configMap(name, { uid, resourceVersion: String(++this.#version) });
    this.objects.set(name, object);
    this.#tell(old === undefined ? say.added(object) : say.modified(object));
  }

  remove(name: string): void {
    const old = this.objects.get(name);
    if (old === undefined) return;
    this.objects.delete(name);
    const { uid = '' } = old.metadata;
    this.#tell(say.deleted(say.configMap(name, { uid, resourceVersion: String(++this.#version) })));
  }

  /** Forgets the past: watches and pages from older versions are refused. */
  compact(): void {
    this.#compacted = this.#version;
    this.#past = [];
  }

  endStreams(how: 'cut' | 'closed'): void {
    for (const stream of this.#streams) {
      stream.end = how;
      stream.wake();
    }
  }

  /** Open streams say nothing any more, not even that they have ended. */
  stallStreams(): void {
    for (const stream of this.#streams) stream.stalled = true;
  }

  /** What every stream hears each minute. */
  bookmark(): void {
    for (const stream of this.#streams) stream.wake();
  }

  /** Goes back to fewer objects and an older version, as from a backup; all connections are lost. */
  restore(keep: readonly string[], version: number): void {
    for (const name of this.objects.keys()) if (!keep.includes(name)) this.objects.delete(name);
    this.#version = version;
    this.#past = [];
    this.endStreams('cut');
  }

  #tell(event: WatchEvent): void {
    this.#past.push({ version: this.#version, event });
    for (const stream of this.#streams) stream.wake();
  }

  #refuse(): void {
    if (this.fault === 'unreachable') throw say.apiError('transient', 0);
    if (this.fault === 'unavailable') throw say.apiError('transient', 503);
    if (this.fault === 'throttled')
      throw say.apiError('too-many-requests', 429, { retryAfterMs: 1000 });
  }

  async #list({ continue: token = '', limit }: ListOptions): Promise<ObjectList> {
    this.#refuse();
    const [version = this.#version, from = 0] = token === '' ? [] : token.split(':').map(Number);
    // Only the newest snapshot is kept: a write between two pages expires the token, as a compaction would.
    if (version !== this.#version) throw say.apiError('expired', 410);
    const to = limit === undefined ? Infinity : from + PAGE;
    const all = [...this.objects.values()];
    const next = to < all.length ? `${version}:${to}` : '';
    return say.pageOf(all.slice(from, to), String(version), next);
  }

  async *#watch({
    resourceVersion,
    sendInitialEvents,
    signal,
  }: WatchOptions): AsyncGenerator<WatchEvent> {
    this.#refuse();
    if (this.fault === 'no-watch-list' && sendInitialEvents) throw say.apiError('invalid', 422);
    if (this.fault === 'empty') return;
    let seen = Number(resourceVersion ?? this.#version);
    if (seen < this.#compacted) return yield say.errorEvent(410, { reason: 'Expired' });
    const stream: { wake: () => void; end: 'cut' | 'closed' | null; stalled: boolean } = {
      wake: () => undefined,
      end: null,
      stalled: false,
    };
    this.#streams.add(stream);
    try {
      if (sendInitialEvents) {
        const snapshot = [...this.objects.values()];
        for (const object of snapshot) yield say.added(object);
        yield say.bookmark(String(seen), true);
      }
      while (!signal.aborted) {
        if (seen < this.#compacted) return yield say.errorEvent(410, { reason: 'Expired' });
        const next = stream.stalled ? undefined : this.#past.find(({ version }) => version > seen);
        if (next !== undefined) {
          seen = next.version;
          yield next.event;
          continue;
        }
        if (stream.end === 'closed') return;
        if (stream.end === 'cut') throw say.apiError('transient', 0);
        const { promise, resolve } = Promise.withResolvers<void>();
        stream.wake = resolve;
        signal.addEventListener('abort', () => resolve());
        await promise;
        // A version that this server has not reached is waited for, in silence.
        if (!stream.stalled && seen === this.#version) yield say.bookmark(String(seen));
      }
    } finally {
      this.#streams.delete(stream);
    }
  }
}
