// A cluster in memory for the commands: objects that can be read, followed, annotated and deleted.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import { keyOf, type KubeObject } from '../../../src/api/kubernetes.ts';
import { EMPTY_STATUS, renderStatus } from '../../../src/api/status.ts';
import type { Cluster } from '../../../src/cli/cluster.ts';
import type {
  Client,
  ObjectKey,
  Patch,
  Resource,
  WatchEvent,
  WatchOptions,
} from '../../../src/client/client.ts';
import { ApiError, type ApiErrorKind } from '../../../src/client/errors.ts';
import { RESOURCES } from '../../../src/client/resources.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';

export const R1 = '1'.repeat(64);
export const R2 = '2'.repeat(64);

/** A weighted Canary of two steps, with a status as given. */
export function canary(
  status: Partial<CanaryStatus> = {},
  {
    name = 'web',
    spec = {},
    ...metadata
  }: Partial<KubeObject['metadata']> & { spec?: object } = {},
): KubeObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, generation: 1, ...metadata },
    spec: {
      provider: 'kubernetes',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      service: { port: 80 },
      analysis: { interval: '1s', threshold: 5, stepWeight: 25, maxWeight: 50 },
      ...spec,
    },
    status: renderStatus({ ...EMPTY_STATUS, ...status }),
  };
}

export function refusal(attempt: string, kind: ApiErrorKind, code: number): ApiError {
  return new ApiError(attempt, { kind, code, status: null, retryAfterMs: null });
}

export class FakeCluster implements Cluster {
  readonly clock = new VirtualClock();
  readonly namespace = 'shop';
  readonly calls: string[] = [];
  /** Answers every read and write of this kind with this. */
  refused: { readonly plural: string; readonly error: ApiError } | null = null;
  readonly #objects = new Map<string, KubeObject>();
  readonly #streams = new Set<(event: WatchEvent, plural: string) => void>();
  #version = 10;

  get client(): Client {
    return {
      get: async (resource: Resource, key: ObjectKey) => this.#find('get', resource, key),
      list: async (resource: Resource, { namespace }: { namespace?: string }) => {
        this.#refuse(resource);
        const items = this.#of(resource.plural).filter(
          (object) => namespace === undefined || object.metadata.namespace === namespace,
        );
        return { resourceVersion: String(this.#version), continue: '', items };
      },
      watch: (resource: Resource, options: WatchOptions) => this.#watch(resource, options),
      patch: async (resource: Resource, key: ObjectKey, patch: Patch) => {
        const old = this.#find('patch', resource, key);
        const body = (patch as { body: { metadata: KubeObject['metadata'] } }).body;
        const annotations = { ...old.metadata.annotations, ...body.metadata.annotations };
        this.calls.push(`patch ${keyOf(old)} ${JSON.stringify(annotations)}`);
        return this.put({ ...old, metadata: { ...old.metadata, annotations } }, resource.plural);
      },
      delete: async (resource: Resource, key: ObjectKey) => {
        const old = this.#find('delete', resource, key);
        this.calls.push(`delete ${keyOf(old)}`);
        if ((old.metadata.finalizers ?? []).length === 0) return this.remove(old);
        const deletionTimestamp = '2026-01-01T00:00:00Z';
        this.put({ ...old, metadata: { ...old.metadata, deletionTimestamp } }, resource.plural);
      },
      create: () => Promise.reject(refusal('create', 'forbidden', 403)),
      resourceFor: async (_apiVersion: string, kind: string) =>
        Object.values(RESOURCES).find((resource) => resource.kind === kind) ?? null,
    } as unknown as Client;
  }

  /** Stores an object, and tells who watches. */
  put(object: KubeObject, plural = 'canaries'): KubeObject {
    const key = `${plural}/${keyOf(object)}`;
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    const resourceVersion = String(++this.#version);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion } };
    this.#objects.set(key, stored);
    for (const stream of this.#streams) stream({ type, object: stored }, plural);
    return stored;
  }

  remove(object: KubeObject): void {
    this.#objects.delete(`canaries/${keyOf(object)}`);
    const resourceVersion = String(++this.#version);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion } };
    for (const stream of this.#streams) stream({ type: 'DELETED', object: last }, 'canaries');
  }

  #of(plural: string): readonly KubeObject[] {
    return [...this.#objects].flatMap(([key, object]) =>
      key.startsWith(`${plural}/`) ? [object] : [],
    );
  }

  #refuse({ plural }: Resource): void {
    if (this.refused?.plural === plural) throw this.refused.error;
  }

  #find(verb: string, resource: Resource, { namespace, name }: ObjectKey): KubeObject {
    this.#refuse(resource);
    const found = this.#objects.get(`${resource.plural}/${namespace}/${name}`);
    if (found === undefined)
      throw refusal(`${verb} ${resource.plural} ${namespace}/${name}`, 'not-found', 404);
    return found;
  }

  async *#watch(resource: Resource, options: WatchOptions): AsyncGenerator<WatchEvent> {
    this.#refuse(resource);
    const { signal, fieldSelector, namespace } = options;
    const here = (object: KubeObject): boolean =>
      namespace === undefined || object.metadata.namespace === namespace;
    const waiting: WatchEvent[] = this.#of(resource.plural)
      .filter(here)
      .map((object) => ({ type: 'ADDED', object }));
    const metadata = {
      name: '',
      resourceVersion: String(this.#version),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    };
    waiting.push({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'Canary', metadata } });
    let wake = (): void => {};
    const stream = (event: WatchEvent, plural: string): void => {
      const there = event.type === 'ERROR' || here(event.object);
      if (plural === resource.plural && there) waiting.push(event);
      wake();
    };
    this.#streams.add(stream);
    signal.addEventListener('abort', () => wake());
    try {
      while (!signal.aborted) {
        const event = waiting.shift();
        if (event === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (matches(event, fieldSelector)) yield event;
      }
    } finally {
      this.#streams.delete(stream);
    }
  }
}

function matches(event: WatchEvent, selector: string | undefined): boolean {
  if (selector === undefined || event.type === 'BOOKMARK' || event.type === 'ERROR') return true;
  return selector === `metadata.name=${event.object.metadata.name}`;
}

/** What a command printed and complained. */
export class Paper {
  out = '';
  err = '';
  readonly columns: number | null = null;
  readonly end = new AbortController();
  readonly signal = this.end.signal;
  readonly print = (text: string): void => {
    this.out += text;
  };
  readonly complain = (text: string): void => {
    this.err += text;
  };
}

/** Lets everything happen that needs no time to pass. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}
