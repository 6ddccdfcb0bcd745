// The guarded HTTP caller for every address that comes out of a user's object: metrics servers, hooks, alert receivers.
import type { Clock } from '../clock/clock.ts';
import { startDeadline } from '../clock/deadline.ts';
import { AgentPool } from './agents.ts';
import type { EgressAnswer, EgressCall, EgressFailure } from './call.ts';
import { classify } from './failures.ts';
import { readHeaders } from './headers.ts';
import { type EgressPolicy, judgeUrl } from './policy.ts';
import type { Resolver } from './pinned-lookup.ts';

export interface EgressParts {
  readonly clock: Clock;
  readonly policy: EgressPolicy;
  /** Default: the system's (getaddrinfo, with the pod's search domains). */
  readonly resolver?: Resolver;
}

export interface Egress extends AsyncDisposable {
  /** Throws nothing but the signal's reason. */
  call(call: EgressCall, signal: AbortSignal): Promise<EgressAnswer | EgressFailure>;
}

/** Ends its idle connections when disposed; calls under way are cut. */
export function createEgress(parts: EgressParts): Egress {
  const agents = new AgentPool(parts.policy, parts.resolver);
  return {
    call: (call, signal) => callOnce(parts, agents, call, signal),
    [Symbol.asyncDispose]: () => agents[Symbol.asyncDispose](),
  };
}

async function callOnce(
  parts: EgressParts,
  agents: AgentPool,
  call: EgressCall,
  signal: AbortSignal,
): Promise<EgressAnswer | EgressFailure> {
  signal.throwIfAborted();
  const judged = judgeUrl(call.url, parts.policy);
  if (judged.kind === 'refused') return refused(judged.why);
  const { url } = judged;
  const headers = readHeaders(call.headers);
  if (headers.kind === 'refused') return refused(headers.why);
  const agent = agents.agentFor(call);
  if (agent === null) return refused('the certificate authority is not PEM');
  using deadline = startDeadline(parts.clock, call.deadlineMs, signal);
  try {
    const requested = agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: call.method,
      headers: headers.flat,
      body: call.body,
      signal: deadline.signal,
    });
    return await readAnswer(await orAbort(requested, deadline.signal), call, url.host);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.exceeded) {
      const message = `${url.host} did not answer within ${call.deadlineMs} ms`;
      return { kind: 'failure', failure: 'Timeout', status: null, message };
    }
    return classify(error, url.host);
  }
}

/** undici looks at the signal only once it is connected; the deadline covers resolving and connecting, too. */
async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface RawResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

async function readAnswer(
  response: RawResponse,
  call: EgressCall,
  host: string,
): Promise<EgressAnswer | EgressFailure> {
  const { statusCode: status, headers, body } = response;
  if (status >= 300 && status < 400) {
    drop(body);
    const message = `${host} answered ${status}, and redirects are not followed`;
    return { kind: 'failure', failure: 'Redirected', status, message };
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    drop(body);
    const message = `${host} answered ${status} with an encoding that was not asked for`;
    return { kind: 'failure', failure: 'Garbled', status, message };
  }
  const read = await readBody(body, call.bodyBytesMax);
  if (read.cut && call.overflow === 'fail') {
    const message = `${host} answered ${status} with more than ${call.bodyBytesMax} bytes`;
    return { kind: 'failure', failure: 'TooLarge', status, message };
  }
  return {
    kind: 'answer',
    status,
    contentType: first(headers['content-type']).split(';', 1)[0]?.trim().toLowerCase() ?? '',
    body: read.bytes,
    cut: read.cut,
    retryAfterMs: seconds(first(headers['retry-after'])),
  };
}

async function readBody(
  body: RawResponse['body'],
  bytesMax: number,
): Promise<{ readonly bytes: Uint8Array; readonly cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let cut = false;
  // Leaving the loop destroys the stream, and with it the connection: nothing more is received.
  for await (const chunk of body) {
    const room = bytesMax - length;
    cut = chunk.length > room;
    chunks.push(cut ? chunk.subarray(0, room) : chunk);
    length += Math.min(chunk.length, room);
    if (cut) break;
  }
  return { bytes: Buffer.concat(chunks, length), cut };
}

/** Nobody wants the rest. The error that destroying raises is not news. */
function drop(body: RawResponse['body'] & { on?(event: 'error', listener: () => void): unknown }) {
  body.on?.('error', () => {});
  body.destroy();
}

function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function seconds(text: string): number | null {
  return /^\d{1,6}$/.test(text) ? Number(text) * 1000 : null;
}

function refused(why: string): EgressFailure {
  return { kind: 'failure', failure: 'Refused', status: null, message: why };
}
