// One watch: an open answer as a stream of events, let go as soon as anybody has had enough of it.
import type { Dispatcher } from 'undici';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Timer } from '../clock/clock.ts';
import type { WatchEvent } from './client.ts';
import { ApiError } from './errors.ts';
import { brokenError, statusOf } from './failure.ts';
import { fieldsOf, isFields } from './fields.ts';
import { LineSplitter } from './lines.ts';
import type { Answer, Request, Transport } from './transport.ts';

/** Who is told something after this long will be told more: from then on bookmarks come. Before, these are initial events. */
const INITIAL_MS = 30_000;
/** How often a silent watch looks whether its connection lives. */
const LOOK_MS = 20_000;

/** etcd holds 1.5 MiB an object by default; more means that this is no watch. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

export interface WatchRequest {
  readonly request: Request;
  readonly idleMs: number;
  /** Null: silence ends the watch in any case. */
  readonly onAlive: (() => void) | null;
  /** By then the server has ended the watch: after that silence ends it in any case too. */
  readonly lifeMs: number;
  /** Makes of `object` what the caller sees. */
  readonly shape: (object: KubeObject) => KubeObject;
}

interface Stream {
  readonly body: Answer['body'];
  readonly dispatcher: Dispatcher;
}

/** Ends without an error when the server ends the watch; throws ApiError or the signal's reason. */
export async function* watchStream(
  transport: Transport,
  { request, idleMs, onAlive, lifeMs, shape }: WatchRequest,
): AsyncGenerator<WatchEvent, void, undefined> {
  const { signal, attempt } = request;
  signal.throwIfAborted();
  const life = new AbortController();
  const end = () => life.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  let idle: Timer | null = null;
  try {
    const stream = await transport.send<Stream>(request, life, ({ body }, dispatcher) => {
      body.on('error', () => {}); // told by the iterator; without a listener it would end the operator
      return { value: { body, dispatcher }, bytes: 0 };
    });
    const openedMs = transport.clock.monotonicMs();
    let told = false;
    const timer = transport.clock.newTimer(idleMs, () => {
      const young = transport.clock.since(openedMs) < lifeMs;
      if (onAlive !== null && young && !told && transport.lives(stream.dispatcher)) {
        timer.reset(LOOK_MS);
        return onAlive();
      }
      transport.suspect(stream.dispatcher);
      life.abort(brokenError(attempt, undefined, `not a byte for ${idleMs} ms`));
    });
    idle = timer;
    const lines = new LineSplitter(LINE_BYTES_MAX);
    // Leaving the loop in any way destroys the body, and that resets the stream.
    for await (const chunk of stream.body) {
      told ||= transport.clock.since(openedMs) > INITIAL_MS;
      idle.stop(); // counts only while waiting for the server, never for a slow consumer
      for (const line of lines.push(chunk)) {
        signal.throwIfAborted();
        yield parseEvent(attempt, line, shape);
      }
      idle.reset(idleMs);
    }
    const rest = lines.rest();
    if (rest !== '') yield parseEvent(attempt, rest, shape);
  } catch (error) {
    signal.throwIfAborted();
    if (life.signal.reason instanceof ApiError) throw life.signal.reason;
    throw error instanceof ApiError ? error : brokenError(attempt, error);
  } finally {
    idle?.stop();
    signal.removeEventListener('abort', end);
  }
}

function parseEvent(
  attempt: string,
  line: string,
  shape: (object: KubeObject) => KubeObject,
): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw brokenError(attempt, error, 'an event is not JSON');
  }
  const { type, object } = fieldsOf(event) as { type?: unknown; object?: unknown };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (isFields(object) && isFields(object['metadata'])) {
        return { type, object: shape(object as KubeObject) };
      }
      break;
    case 'ERROR': {
      const status = statusOf(object);
      if (status !== null) return { type, status };
      break;
    }
  }
  throw brokenError(attempt, undefined, `not a watch event: ${line.slice(0, 100)}`);
}
