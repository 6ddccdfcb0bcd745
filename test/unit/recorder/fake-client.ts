// A client that stores Events in memory and fails on demand; it refuses every other call.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type {
  Client,
  ObjectKey,
  Patch,
  Resource,
  WriteOptions,
} from '../../../src/client/client.ts';
import { ApiError, type ApiErrorFields } from '../../../src/client/errors.ts';

export interface FakeEvents {
  readonly client: Client;
  /** Every call that was made: `create` or `patch`. */
  readonly calls: string[];
  /** What is stored, by name, in order of creation. */
  readonly stored: Map<string, KubeObject>;
  /** Asked before each call; an error returned is thrown, a promise is waited for. */
  before: (verb: 'create' | 'patch', options: WriteOptions) => Promise<Error | null> | Error | null;
  /** Asked after the call took effect; an error returned is the answer that was lost. */
  after: (verb: 'create' | 'patch') => Error | null;
}

export function apiError(fields: Partial<ApiErrorFields>): ApiError {
  return new ApiError('write events', {
    kind: 'transient',
    code: 0,
    status: null,
    retryAfterMs: null,
    ...fields,
  });
}

export function fakeEvents(): FakeEvents {
  const fake: FakeEvents = {
    calls: [],
    stored: new Map(),
    before: () => null,
    after: () => null,
    client: refuseAll({
      create: async (_resource: Resource, object: KubeObject, options: WriteOptions) => {
        await open('create', options);
        const { name } = object.metadata;
        if (fake.stored.has(name)) throw apiError({ kind: 'already-exists', code: 409 });
        fake.stored.set(name, object);
        return close('create', object);
      },
      patch: async (_r: Resource, key: ObjectKey, patch: Patch, options: WriteOptions) => {
        await open('patch', options);
        const object = fake.stored.get(key.name);
        if (object === undefined) throw apiError({ kind: 'not-found', code: 404 });
        if (patch.type !== 'merge') throw new Error(`unexpected patch ${patch.type}`);
        const merged = { ...object, ...(patch.body as object) } as KubeObject;
        fake.stored.set(key.name, merged);
        return close('patch', merged);
      },
    }),
  };
  const open = async (verb: 'create' | 'patch', options: WriteOptions) => {
    fake.calls.push(verb);
    const error = await fake.before(verb, options);
    if (error !== null) throw error;
  };
  const close = (verb: 'create' | 'patch', object: KubeObject) => {
    const error = fake.after(verb);
    if (error !== null) throw error;
    return object;
  };
  return fake;
}

function refuseAll(verbs: Pick<Client, 'create' | 'patch'>): Client {
  const refuse = () => {
    throw new Error('not an Event');
  };
  return {
    get: refuse,
    list: refuse,
    watch: refuse,
    update: refuse,
    exec: refuse,
    updateStatus: refuse,
    delete: refuse,
    deleteCollection: refuse,
    getScale: refuse,
    updateScale: refuse,
    resourceFor: refuse,
    serverVersion: refuse,
    ...verbs,
  };
}
