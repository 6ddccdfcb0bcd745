// A cluster that says exactly what a test tells it to: each list and watch waits for the test's answer.
import type { KubeObject, ObjectMeta } from '../../../src/api/kubernetes.ts';
import type {
  Client,
  KubeStatus,
  ListOptions,
  ObjectList,
  Resource,
  WatchEvent,
  WatchOptions,
} from '../../../src/client/client.ts';
import { ApiError, type ApiErrorKind } from '../../../src/client/errors.ts';

export const configMaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

export function configMap(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '1', ...metadata },
  };
}

export const added = (object: KubeObject): WatchEvent => ({ type: 'ADDED', object });
export const modified = (object: KubeObject): WatchEvent => ({ type: 'MODIFIED', object });
export const deleted = (object: KubeObject): WatchEvent => ({ type: 'DELETED', object });

export function bookmark(resourceVersion: string, initialEventsEnd = false): WatchEvent {
  const annotations = initialEventsEnd ? { 'k8s.io/initial-events-end': 'true' } : {};
  const metadata = { name: '', resourceVersion, annotations };
  return { type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } };
}

export function status(code: number, fields: Partial<KubeStatus> = {}): KubeStatus {
  return {
    code,
    reason: '',
    message: `code ${code}`,
    retryAfterSeconds: null,
    causes: [],
    ...fields,
  };
}

export const errorEvent = (code: number, fields: Partial<KubeStatus> = {}): WatchEvent => ({
  type: 'ERROR',
  status: status(code, fields),
});

export const tooLarge: Partial<KubeStatus> = {
  reason: 'Timeout',
  message: 'Too large resource version: 900, current: 20',
  causes: [{ reason: 'ResourceVersionTooLarge', field: '', message: 'Too large resource version' }],
};

export function apiError(
  kind: ApiErrorKind,
  code: number,
  fields: { retryAfterMs?: number; status?: Partial<KubeStatus> } = {},
): ApiError {
  return new ApiError('list configmaps', {
    kind,
    code,
    status: code === 0 ? null : status(code, fields.status),
    retryAfterMs: fields.retryAfterMs ?? null,
  });
}

export const pageOf = (
  items: readonly KubeObject[],
  resourceVersion: string,
  next = '',
): ObjectList => ({ resourceVersion, continue: next, items });

/** One watch that the code under test has opened. */
export class ScriptedWatch implements AsyncIterator<WatchEvent> {
  readonly options: WatchOptions;
  /** Called off by the code under test. */
  returned = false;
  readonly #told: (() => IteratorResult<WatchEvent>)[] = [];
  #asked: {
    resolve: (r: IteratorResult<WatchEvent>) => void;
    reject: (e: unknown) => void;
  } | null = null;

  constructor(options: WatchOptions) {
    this.options = options;
  }

  send(...events: WatchEvent[]): void {
    for (const value of events) this.#tell(() => ({ done: false, value }));
  }

  end(): void {
    this.#tell(() => ({ done: true, value: undefined }));
  }

  fail(error: unknown): void {
    this.#tell(() => {
      throw error;
    });
  }

  next(): Promise<IteratorResult<WatchEvent>> {
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<WatchEvent>>();
    this.#asked = { resolve, reject };
    this.#answer();
    return promise;
  }

  return(): Promise<IteratorResult<WatchEvent>> {
    this.returned = true;
    return new Promise(() => undefined); // a stream that hangs even here
  }

  #tell(what: () => IteratorResult<WatchEvent>): void {
    this.#told.push(what);
    this.#answer();
  }

  #answer(): void {
    const what = this.#told[0];
    if (this.#asked === null || what === undefined) return;
    this.#told.shift();
    const { resolve, reject } = this.#asked;
    this.#asked = null;
    try {
      resolve(what());
    } catch (error) {
      reject(error);
    }
  }
}

export interface ScriptedList {
  readonly options: ListOptions;
  answer(list: ObjectList): void;
  fail(error: unknown): void;
}

export class ScriptedClient {
  readonly watches: ScriptedWatch[] = [];
  readonly lists: ScriptedList[] = [];

  get client(): Client {
    const unscripted = (): never => {
      throw new Error('not part of this test');
    };
    return {
      get: unscripted,
      create: unscripted,
      update: unscripted,
      updateStatus: unscripted,
      patch: unscripted,
      delete: unscripted,
      deleteCollection: unscripted,
      getScale: unscripted,
      updateScale: unscripted,
      exec: unscripted,
      resourceFor: unscripted,
      serverVersion: unscripted,
      list: (_resource, options) => {
        const { promise, resolve, reject } = Promise.withResolvers<ObjectList>();
        this.lists.push({ options, answer: resolve, fail: reject });
        return promise;
      },
      watch: (_resource, options) => {
        const watch = new ScriptedWatch(options);
        this.watches.push(watch);
        return { [Symbol.asyncIterator]: () => watch };
      },
    };
  }

  /** The newest watch; there must be `count` by now. */
  watch(count: number): ScriptedWatch {
    return newest(this.watches, count, 'watches');
  }

  /** The newest list; there must be `count` by now. */
  list(count: number): ScriptedList {
    return newest(this.lists, count, 'lists');
  }
}

function newest<T>(calls: readonly T[], count: number, what: string): T {
  const last = calls.at(-1);
  if (last === undefined || calls.length !== count) {
    throw new Error(`${calls.length} ${what} were opened, not ${count}`);
  }
  return last;
}
