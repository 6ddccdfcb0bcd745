// The test instruments' own, plain way to an API server. It shares no code with Serin's client, which is under test.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Agent } from 'undici';
import type { KubeObject } from '../../../src/api/kubernetes.ts';

export interface Connection {
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export interface CallOptions {
  /** Default `application/json`; for PATCH `application/merge-patch+json`. */
  readonly contentType?: string;
  /** Default 30 s. */
  readonly signal?: AbortSignal;
}

export interface Event<T> {
  readonly type: string;
  readonly object: T;
}

export class RefusedByApi extends Error {
  readonly code: number;

  constructor(what: string, code: number, answer: string) {
    super(`${what}: ${code} ${answer.slice(0, 500)}`);
    this.name = 'RefusedByApi';
    this.code = code;
  }
}

/** One user's view of one API server. `T` is what the caller expects to be sent; nothing checks it. */
export class Api {
  readonly connection: Connection;
  readonly #agent: Agent;

  constructor(connection: Connection) {
    this.connection = connection;
    this.#agent = new Agent({ connections: 256, bodyTimeout: 0, connect: { ca: connection.ca } });
  }

  get<T = KubeObject>(path: string, options?: CallOptions): Promise<T> {
    return this.#json<T>('GET', path, undefined, options);
  }

  /** Null where there is nothing. */
  async find<T = KubeObject>(path: string, options?: CallOptions): Promise<T | null> {
    return orNull(404, this.get<T>(path, options));
  }

  post<T = KubeObject>(path: string, body: unknown, options?: CallOptions): Promise<T> {
    return this.#json<T>('POST', path, body, options);
  }

  put<T = KubeObject>(path: string, body: unknown, options?: CallOptions): Promise<T> {
    return this.#json<T>('PUT', path, body, options);
  }

  patch<T = KubeObject>(path: string, body: unknown, options?: CallOptions): Promise<T> {
    const contentType = 'application/merge-patch+json';
    return this.#json<T>('PATCH', path, body, { contentType, ...options });
  }

  /** True if there was something to delete. `body`: DeleteOptions. */
  async delete(path: string, body?: unknown, options?: CallOptions): Promise<boolean> {
    return (await orNull(404, this.#json('DELETE', path, body, options))) !== null;
  }

  /** What is there and every change after, for ever: a watch that ends or expires is taken up again. */
  async *follow<T extends KubeObject>(path: string, signal: AbortSignal): AsyncIterable<Event<T>> {
    const query = `${path.includes('?') ? '&' : '?'}watch=true&allowWatchBookmarks=true`;
    let from = '';
    while (!signal.aborted) {
      const since = from === '' ? '' : `&resourceVersion=${from}`;
      for await (const event of this.#watch<T>(`${path}${query}${since}`, signal)) {
        if (event.type === 'ERROR') {
          from = '';
          break;
        }
        from = event.object.metadata.resourceVersion ?? '';
        if (event.type !== 'BOOKMARK') yield event;
      }
    }
  }

  /** The answer as text; throws RefusedByApi for anything but 2xx. */
  async text(verb: string, path: string, body?: unknown, options?: CallOptions): Promise<string> {
    const answer = await this.#send(verb, path, body, options);
    const text = await answer.body.text();
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      throw new RefusedByApi(`${verb} ${path}`, answer.statusCode, text);
    }
    return text;
  }

  /** Ends every call that is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #json<T>(verb: string, path: string, body: unknown, options?: CallOptions): Promise<T> {
    return JSON.parse(await this.text(verb, path, body, options)) as T;
  }

  async *#watch<T>(path: string, signal: AbortSignal): AsyncIterable<Event<T>> {
    try {
      const answer = await this.#send('GET', path, undefined, { signal });
      if (answer.statusCode !== 200) {
        throw new RefusedByApi(`watch ${path}`, answer.statusCode, await answer.body.text());
      }
      for await (const line of createInterface({ input: answer.body, crlfDelay: Infinity })) {
        yield JSON.parse(line) as Event<T>;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RefusedByApi && ![410, 429].includes(error.code) && error.code < 500)
        throw error;
      await once(AbortSignal.any([signal, AbortSignal.timeout(200)]), 'abort');
    }
  }

  #send(verb: string, path: string, body: unknown, options: CallOptions = {}) {
    return this.#agent.request({
      origin: this.connection.server,
      path,
      method: verb,
      headers: {
        authorization: `Bearer ${this.connection.token}`,
        accept: 'application/json',
        ...(body === undefined
          ? {}
          : { 'content-type': options.contentType ?? 'application/json' }),
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      signal: options.signal ?? AbortSignal.timeout(30_000),
    });
  }
}

/** The value, or null if the call was refused with this code. */
export async function orNull<T>(code: number, call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RefusedByApi && error.code === code) return null;
    throw error;
  }
}
