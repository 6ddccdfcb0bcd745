// The metric source `prometheus`: one instant query over Prometheus' HTTP API, or anything that speaks it.
import type { NoSampleReason, Sample } from '../analysis/sample.ts';
import { startDeadline } from '../clock/deadline.ts';
import type { EgressCall, EgressFailureKind } from '../egress/call.ts';
import { parseHttpUrl } from '../egress/policy.ts';
import { retryOnClock } from '../egress/retry.ts';
import { readPrometheusAnswer } from './prometheus-answer.ts';
import type { MetricParts, MetricSource, Query } from './source.ts';

/** Longest query, in characters. */
const QUERY_CHARS_MAX = 65_536;
/** Longer ones go by POST: proxies cut long URLs, and some let no POST through, so GET is the rule. */
const GET_BYTES_MAX = 4096;
const BODY_BYTES_MAX = 1024 * 1024;
const RETRIES_MAX = 2;
const RETRY_MS = 250;

const REASONS: Readonly<Record<EgressFailureKind, NoSampleReason>> = {
  Refused: 'Refused',
  Unreachable: 'Unreachable',
  Timeout: 'Timeout',
  TooLarge: 'BadAnswer',
  Redirected: 'BadAnswer',
  Garbled: 'BadAnswer',
};

/**
 * Credentials: `token` (sent as bearer), else `username` and `password`. The address may have a path and parameters of
 * its own. Two further tries after no connection, 429 or 5xx, 250 ms and 500 ms later, if the deadline leaves time.
 */
export function createPrometheus({ clock, egress }: MetricParts): MetricSource {
  return {
    type: 'prometheus',
    async query(query, { signal, deadlineMs }) {
      const call = buildCall(query);
      if ('kind' in call) return call;
      using deadline = startDeadline(clock, deadlineMs, signal);
      const ask = async (): Promise<Sample> => {
        const result = await egress.call({ ...call, deadlineMs: deadline.leftMs() }, signal);
        if (result.kind === 'answer') return readPrometheusAnswer(result);
        return none(REASONS[result.failure], result.message);
      };
      const delayMs = (sample: Sample, tries: number): number | null => {
        if (sample.kind === 'number' || sample.reason !== 'Unreachable') return null;
        const wait = RETRY_MS * 2 ** (tries - 1);
        return wait < deadline.leftMs() ? wait : null;
      };
      return retryOnClock(ask, { clock, retriesMax: RETRIES_MAX, delayMs }, signal);
    },
  };
}

type PreparedCall = Omit<EgressCall, 'deadlineMs'>;

function buildCall(query: Query): PreparedCall | Sample {
  const text = query.text.trim();
  if (text === '') return none('BadQuery', 'the query is empty');
  if (text.length > QUERY_CHARS_MAX) {
    return none('BadQuery', `the query is longer than ${QUERY_CHARS_MAX} characters`);
  }
  const url = queryUrl(query.address);
  if (typeof url === 'string') return none('Refused', `address of the metrics server: ${url}`);
  const authorization = authorizationOf(query);
  if (authorization !== null && typeof authorization === 'object') return authorization;
  const form = new URLSearchParams({ query: text }).toString();
  const byGet = form.length <= GET_BYTES_MAX;
  if (byGet) url.search = url.search === '' ? form : `${url.search}&${form}`;
  return {
    method: byGet ? 'GET' : 'POST',
    url: url.href,
    headers: headersOf(query.headers, authorization, byGet),
    body: byGet ? null : form,
    bodyBytesMax: BODY_BYTES_MAX,
    overflow: 'fail',
    insecureSkipVerify: query.insecureSkipVerify,
    ca: query.ca,
    reuse: true,
  };
}

/** The API's URL below an address that may have a path and parameters; or why not, in words. */
function queryUrl(address: string): URL | string {
  const url = parseHttpUrl(address);
  if (typeof url === 'string') return url;
  url.hash = '';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  return url;
}

/** The header's value; null = none; a sample = why the credentials cannot be used, in words without them. */
function authorizationOf({ credentials }: Query): string | null | Sample {
  if (Object.keys(credentials).length === 0) return null;
  // Secrets made by `echo` end in a line feed that nobody meant.
  const token = credentials['token']?.trim() ?? '';
  if (token !== '') {
    return /^[!-~]+$/.test(token) ? `Bearer ${token}` : none('Refused', badSecret('token'));
  }
  const username = credentials['username']?.trim() ?? '';
  const password = credentials['password']?.replace(/\r?\n$/, '') ?? '';
  if (username === '' || password === '') {
    return none('Refused', 'the Secret holds neither token nor username and password');
  }
  if (username.includes(':')) return none('Refused', badSecret('username'));
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function headersOf(
  own: Query['headers'],
  authorization: string | null,
  byGet: boolean,
): Record<string, readonly string[]> {
  const ours: [string, readonly string[]][] = [['accept', ['application/json']]];
  if (authorization !== null) ours.push(['authorization', [authorization]]);
  if (!byGet) ours.push(['content-type', ['application/x-www-form-urlencoded']]);
  const taken = new Set(ours.map(([name]) => name));
  const others = Object.entries(own).filter(([name]) => !taken.has(name.toLowerCase()));
  return Object.fromEntries([...others, ...ours]);
}

function badSecret(key: string): string {
  return `the ${key} in the Secret holds a character that it cannot have`;
}

function none(reason: NoSampleReason, message: string): Sample {
  return { kind: 'none', reason, message };
}
