// The real Client: a cluster over HTTP.
import type { KubeObject } from '../api/kubernetes.ts';
import type {
  CallOptions,
  Client,
  DeleteOptions,
  ExecOptions,
  ExecOutcome,
  GetOptions,
  ListOptions,
  ObjectKey,
  ObjectList,
  Patch,
  Resource,
  Scale,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import { JSON_TYPE, metadataAs, PATCH_TYPES, parseObject, parseScale, shaper } from './content.ts';
import { Discovery } from './discovery.ts';
import { PodExec } from './exec.ts';
import { brokenError, invalidCall } from './failure.ts';
import { fieldsOf, itemsOf, textOf } from './fields.ts';
import {
  collectionPath,
  describeCollection,
  describeObject,
  keyFault,
  objectPath,
  type Query,
  selectionQuery,
  withQuery,
  writeQuery,
} from './paths.ts';
import { type Request, Transport, type TransportOptions } from './transport.ts';
import { watchStream } from './watch-stream.ts';

export type HttpClientOptions = TransportOptions;

const DEADLINE_MS = 30_000;
const IDLE_MS = 90_000;
/** Opens no connection yet. Closing it ends what is still under way. A second one shares nothing with the first. */
export function httpClient(options: HttpClientOptions): Client & AsyncDisposable {
  return new HttpClient(options);
}

interface Call {
  readonly verb: string;
  readonly method: Request['method'];
  readonly resource: Resource;
  readonly key: ObjectKey;
  readonly subresource?: string;
  readonly query?: Query;
  readonly body?: { readonly type: string; readonly content: unknown };
  readonly tested?: boolean;
}

class HttpClient implements Client, AsyncDisposable {
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #podExec: PodExec;

  constructor(how: HttpClientOptions) {
    const transport = new Transport(how);
    this.#transport = transport;
    this.#podExec = new PodExec(how);
    this.#discovery = new Discovery(transport.clock, (path, options) =>
      transport.call(
        request(options, { verb: 'get', method: 'GET', attempt: `get ${path}`, path }),
      ),
    );
  }

  get(resource: Resource, key: ObjectKey, options: GetOptions): Promise<KubeObject> {
    const query = { resourceVersion: options.minResourceVersion };
    return this.#object({ verb: 'get', method: 'GET', resource, key, query }, options);
  }

  async list(resource: Resource, options: ListOptions): Promise<ObjectList> {
    const attempt = `list ${describeCollection(resource, options.namespace)}`;
    const path = withQuery(collectionPath(resource, options.namespace), {
      ...selectionQuery(options),
      limit: options.limit,
      continue: options.continue === '' ? undefined : options.continue,
    });
    const accept = options.metadataOnly ? metadataAs('PartialObjectMetadataList') : JSON_TYPE;
    const answer = fieldsOf(
      await this.#transport.call(
        request(options, { verb: 'list', method: 'GET', attempt, path, accept }),
      ),
    );
    const metadata = fieldsOf(answer['metadata']);
    const resourceVersion = textOf(metadata['resourceVersion']);
    if (resourceVersion === null) throw brokenError(attempt, undefined, 'the answer is not a list');
    const shape = shaper(resource, options.metadataOnly === true);
    return {
      resourceVersion,
      continue: textOf(metadata['continue']) ?? '',
      items: itemsOf(answer['items']).map((item) => shape(parseObject(attempt, item))),
    };
  }

  watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent> {
    const path = withQuery(collectionPath(resource, options.namespace), {
      ...selectionQuery(options),
      watch: true,
      allowWatchBookmarks: true,
      sendInitialEvents: options.sendInitialEvents,
      timeoutSeconds: options.timeoutSeconds,
    });
    const attempt = `watch ${describeCollection(resource, options.namespace)}`;
    const accept = options.metadataOnly ? metadataAs('PartialObjectMetadata') : JSON_TYPE;
    return watchStream(this.#transport, {
      request: request(options, { verb: 'watch', method: 'GET', attempt, path, accept }),
      idleMs: options.idleMs ?? IDLE_MS,
      onAlive: options.onAlive ?? null,
      lifeMs: options.timeoutSeconds * 1_000,
      shape: shaper(resource, options.metadataOnly === true),
    });
  }

  async create(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    const { namespace, name } = object.metadata;
    const attempt = `create ${describeObject(resource, object.metadata)}`;
    // A name may be left to the server (generateName); a namespace never.
    const fault = keyFault(resource, {
      ...(namespace === undefined ? {} : { namespace }),
      name: name || '-',
    });
    if (fault !== null) throw invalidCall(attempt, fault);
    const path = collectionPath(resource, resource.namespaced ? namespace : undefined);
    const answer = await this.#transport.call(
      request(options, {
        verb: 'create',
        method: 'POST',
        attempt,
        path: withQuery(path, writeQuery(options)),
        body: { type: JSON_TYPE, text: JSON.stringify(object) },
      }),
    );
    return parseObject(attempt, answer);
  }

  update(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    const key = object.metadata;
    const { subresource } = options;
    return this.#object(
      {
        verb: 'update',
        method: 'PUT',
        resource,
        key,
        ...(subresource === undefined ? {} : { subresource }),
        query: writeQuery(options),
        body: { type: JSON_TYPE, content: object },
      },
      options,
    );
  }

  updateStatus(resource: Resource, object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return this.update(resource, object, { ...options, subresource: 'status' });
  }

  patch(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions,
  ): Promise<KubeObject> {
    const { subresource } = options;
    return this.#object(
      {
        verb: patch.type === 'apply' ? 'apply' : 'patch',
        method: 'PATCH',
        resource,
        key,
        ...(subresource === undefined ? {} : { subresource }),
        query: { ...writeQuery(options), force: patch.type === 'apply' ? patch.force : undefined },
        body: {
          type: PATCH_TYPES[patch.type],
          content: patch.type === 'json' ? patch.operations : patch.body,
        },
        tested: patch.type === 'json' && patch.operations.some(({ op }) => op === 'test'),
      },
      options,
    );
  }

  async delete(resource: Resource, key: ObjectKey, options: DeleteOptions): Promise<void> {
    const { uid, resourceVersion } = options;
    const guarded = uid !== undefined || resourceVersion !== undefined;
    const content = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: options.propagationPolicy ?? 'Background',
      ...(guarded ? { preconditions: { uid, resourceVersion } } : {}),
    };
    const body = { type: JSON_TYPE, content };
    await this.#answer({ verb: 'delete', method: 'DELETE', resource, key, body }, options);
  }

  async deleteCollection(resource: Resource, options: ListOptions): Promise<void> {
    const path = withQuery(collectionPath(resource, options.namespace), selectionQuery(options));
    const attempt = `delete all ${describeCollection(resource, options.namespace)}`;
    await this.#transport.call(
      request(options, { verb: 'deletecollection', method: 'DELETE', attempt, path }),
    );
  }

  async getScale(resource: Resource, key: ObjectKey, options: GetOptions): Promise<Scale> {
    const query = { resourceVersion: options.minResourceVersion };
    const call = { verb: 'get', method: 'GET', resource, key, query } as const;
    return parseScale(await this.#object({ ...call, subresource: 'scale' }, options));
  }

  async updateScale(
    resource: Resource,
    key: ObjectKey,
    scale: Scale,
    options: WriteOptions,
  ): Promise<Scale> {
    const content = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { ...key, resourceVersion: scale.resourceVersion },
      spec: { replicas: scale.replicas },
    };
    const answer = await this.#object(
      {
        verb: 'update',
        method: 'PUT',
        resource,
        key,
        subresource: 'scale',
        query: writeQuery(options),
        body: { type: JSON_TYPE, content },
      },
      options,
    );
    return parseScale(answer);
  }

  resourceFor(apiVersion: string, kind: string, options: CallOptions): Promise<Resource | null> {
    return this.#discovery.resourceFor(apiVersion, kind, options);
  }

  exec(pod: ObjectKey, options: ExecOptions): Promise<ExecOutcome> {
    return this.#podExec.run(pod, options);
  }

  async serverVersion(options: CallOptions): Promise<string> {
    const call = { verb: 'get', method: 'GET', attempt: 'get /version', path: '/version' } as const;
    const answer = fieldsOf(await this.#transport.call(request(options, call)));
    const version = textOf(answer['gitVersion']);
    if (version !== null) return version;
    throw brokenError(call.attempt, undefined, 'the answer has no gitVersion');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#podExec[Symbol.asyncDispose]();
    await this.#transport[Symbol.asyncDispose]();
  }

  async #object(call: Call, options: CallOptions): Promise<KubeObject> {
    return parseObject(describe(call), await this.#answer(call, options));
  }

  async #answer(call: Call, options: CallOptions): Promise<unknown> {
    const { verb, method, resource, key, body } = call;
    const attempt = describe(call);
    const fault = keyFault(resource, key);
    if (fault !== null) throw invalidCall(attempt, fault);
    const path = withQuery(objectPath(resource, key, call.subresource), call.query ?? {});
    return this.#transport.call(
      request(options, {
        verb,
        method,
        attempt,
        path,
        tested: call.tested === true,
        ...(body === undefined
          ? {}
          : { body: { type: body.type, text: JSON.stringify(body.content) } }),
      }),
    );
  }
}

function describe({ verb, resource, key, subresource }: Call): string {
  const of = subresource === undefined ? '' : `${subresource} of `;
  return `${verb} ${of}${describeObject(resource, key)}`;
}

function request(options: CallOptions, rest: Omit<Request, 'signal' | 'deadlineMs'>): Request {
  return { ...rest, signal: options.signal, deadlineMs: options.deadlineMs ?? DEADLINE_MS };
}
