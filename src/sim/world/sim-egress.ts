// The guarded HTTP caller inside the model: metrics server and hooks answer in process, on the model's clock.
import type { Clock } from '../../clock/clock.ts';
import { type Deadline, startDeadline } from '../../clock/deadline.ts';
import { orAborted } from '../../clock/or-aborted.ts';
import type {
  EgressAnswer,
  EgressCall,
  EgressFailure,
  EgressFailureKind,
} from '../../egress/call.ts';
import type { Egress } from '../../egress/egress.ts';
import { readHeaders } from '../../egress/headers.ts';
import { parseHttpUrl } from '../../egress/policy.ts';
import type { MetricsSource } from './metrics-source.ts';
import type { Webhooks } from './webhooks.ts';

/** How a host is away: no connection, connections that hear nothing, or a proxy that answers 503 in its place. */
export type Outage = 'unreachable' | 'silent' | 'unavailable';

/** `http://prometheus.<anything>` and `http://hooks.<anything>`. */
export type SimHost = 'prometheus' | 'hooks';

export interface SimEgressOptions {
  readonly clock: Clock;
  readonly metrics: MetricsSource;
  readonly hooks: Webhooks;
  /** From a call to its answer, on top of a hook's own. Default 0: at once. */
  readonly delayMs?: (host: SimHost) => number;
}

export interface SimEgress extends Egress {
  /** From now on; null = back again. `unreachable` cuts calls under way, too. */
  away(host: SimHost, outage: Outage | null): void;
}

type Reply =
  | {
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      readonly delayMs: number;
      readonly retryAfterMs: number | null;
    }
  | 'hang';

const UNAVAILABLE: Reply = {
  status: 503,
  contentType: 'text/plain',
  body: 'no healthy upstream',
  delayMs: 0,
  retryAfterMs: null,
};

export function createSimEgress(options: SimEgressOptions): SimEgress {
  const outages = new Map<SimHost, Outage>();
  const watchers = new Set<() => void>();
  let closed = false;
  return {
    away(host, outage) {
      if (outage === null) outages.delete(host);
      else outages.set(host, outage);
      for (const look of watchers) look();
    },
    async call(call, signal) {
      signal.throwIfAborted();
      const url = parseHttpUrl(call.url);
      if (typeof url === 'string') return failure('Refused', url);
      const headers = readHeaders(call.headers);
      if (headers.kind === 'refused') return failure('Refused', headers.why);
      const host = hostOf(url);
      if (host === null) return failure('Refused', `${url.hostname} is not part of the model`);
      const ended = (): EgressFailure | null =>
        closed || outages.get(host) === 'unreachable' ? cut(url.host) : null;
      const before = ended();
      if (before !== null) return before;
      const outage = outages.get(host);
      const reply = outage === undefined ? ask(options, { host, url, call }) : away(outage);
      const waitMs = reply === 'hang' ? Infinity : reply.delayMs + (options.delayMs?.(host) ?? 0);
      if (waitMs > 0) {
        using deadline = startDeadline(options.clock, call.deadlineMs, signal);
        const end = await until(
          { clock: options.clock, waitMs, deadline, watchers, ended },
          signal,
        );
        if (end === 'late') {
          const message = `${url.host} did not answer within ${call.deadlineMs} ms`;
          return failure('Timeout', message);
        }
        if (end !== 'due') return end;
      }
      return reply === 'hang' ? cut(url.host) : answered(reply, call, url.host);
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const look of watchers) look();
    },
  };
}

interface Wait {
  readonly clock: Clock;
  readonly waitMs: number;
  readonly deadline: Deadline;
  readonly watchers: Set<() => void>;
  readonly ended: () => EgressFailure | null;
}

/** Until the answer is due, time is up, or the other side goes away. */
async function until(wait: Wait, signal: AbortSignal): Promise<'due' | 'late' | EgressFailure> {
  const { promise, resolve } = Promise.withResolvers<'due' | EgressFailure>();
  const look = (): void => {
    const end = wait.ended();
    if (end !== null) resolve(end);
  };
  const timer = Number.isFinite(wait.waitMs)
    ? wait.clock.newTimer(wait.waitMs, () => resolve('due'))
    : null;
  wait.watchers.add(look);
  try {
    return await orAborted(promise, wait.deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (wait.deadline.exceeded) return 'late';
    throw error;
  } finally {
    timer?.stop();
    wait.watchers.delete(look);
  }
}

function hostOf({ hostname, protocol }: URL): SimHost | null {
  if (protocol !== 'http:') return null;
  const [first] = hostname.split('.', 1);
  return first === 'prometheus' || first === 'hooks' ? first : null;
}

function away(outage: Outage): Reply {
  return outage === 'unavailable' ? UNAVAILABLE : 'hang';
}

function ask(
  { metrics, hooks }: SimEgressOptions,
  asked: { readonly host: SimHost; readonly url: URL; readonly call: EgressCall },
): Reply {
  const { host, url, call } = asked;
  if (host === 'hooks') {
    const name = url.pathname.slice(1);
    const answer = hooks.answer({ name, method: call.method, body: call.body ?? '' });
    if (answer === 'hang') return 'hang';
    const { status, body = '', delayMs = 0, retryAfterSeconds } = answer;
    const retryAfterMs = retryAfterSeconds === undefined ? null : retryAfterSeconds * 1000;
    return { status, contentType: 'text/plain', body, delayMs, retryAfterMs };
  }
  const calm = { delayMs: 0, retryAfterMs: null };
  if (!url.pathname.endsWith('/api/v1/query')) {
    return { status: 404, contentType: 'text/plain', body: '404 page not found', ...calm };
  }
  const form = call.method === 'POST' ? new URLSearchParams(call.body ?? '') : url.searchParams;
  const { status, body } = metrics.answer(form.get('query') ?? '');
  return { status, contentType: 'application/json', body, ...calm };
}

function answered(
  { status, contentType, body, retryAfterMs }: Exclude<Reply, 'hang'>,
  { bodyBytesMax, overflow }: EgressCall,
  host: string,
): EgressAnswer | EgressFailure {
  if (status >= 300 && status < 400) {
    const message = `${host} answered ${status}, and redirects are not followed`;
    return failure('Redirected', message, status);
  }
  const bytes = new TextEncoder().encode(body);
  const isCut = bytes.length > bodyBytesMax;
  if (isCut && overflow === 'fail') {
    const message = `${host} answered ${status} with more than ${bodyBytesMax} bytes`;
    return failure('TooLarge', message, status);
  }
  const kept = isCut ? bytes.subarray(0, bodyBytesMax) : bytes;
  return { kind: 'answer', status, contentType, body: kept, cut: isCut, retryAfterMs };
}

function cut(host: string): EgressFailure {
  return failure('Unreachable', `the connection to ${host} failed (ECONNREFUSED)`);
}

function failure(
  kind: EgressFailureKind,
  message: string,
  status: number | null = null,
): EgressFailure {
  return { kind: 'failure', failure: kind, status, message };
}
