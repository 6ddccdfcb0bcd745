// From Prometheus' answer to a sample: exactly one finite number, or the reason why not. Nothing of the body is passed on.
import type { NoSampleReason, Sample } from '../analysis/sample.ts';
import type { Json } from '../api/kubernetes.ts';

export interface RawAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly body: Uint8Array;
}

/** Prometheus' own classes of errors, and what they mean to the one who asked. */
const ERROR_TYPES: ReadonlyMap<string, readonly [NoSampleReason, string]> = new Map([
  ['bad_data', ['BadQuery', 'Prometheus cannot parse the query (bad_data)']],
  ['execution', ['BadQuery', 'Prometheus cannot execute the query (execution)']],
  ['timeout', ['Timeout', 'the query took Prometheus too long (timeout)']],
  ['canceled', ['Unreachable', 'Prometheus gave the query up (canceled)']],
  ['internal', ['Unreachable', 'Prometheus has an internal error (internal)']],
  ['unavailable', ['Unreachable', 'Prometheus is not available (unavailable)']],
  ['not_found', ['BadAnswer', 'Prometheus has nothing at this address (not_found)']],
]);

/** A number as Prometheus writes it; Number() alone would take an empty string for zero. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE = /^(?:NaN|[+-]?Inf)$/;

export function readPrometheusAnswer({ status, body }: RawAnswer): Sample {
  const answer = parse(body);
  const told = member(answer, 'status');
  if (told === 'error') return readError(member(answer, 'errorType'), status, body.length);
  if (status !== 200) return readStatus(status, body.length);
  if (told !== 'success') return bad(`answered ${body.length} bytes that are not Prometheus' API`);
  const data = member(answer, 'data');
  const result = member(data, 'result');
  switch (member(data, 'resultType')) {
    case 'vector':
      return readVector(result);
    case 'scalar':
      return readPoint(result);
    case 'matrix':
      return none(
        'BadQuery',
        'the query gives ranges, not one number: take the range selector off',
      );
    case 'string':
      return none('BadQuery', 'the query gives a string, not a number');
    default:
      return bad('answered with a type of result that Prometheus does not have');
  }
}

function readVector(result: Json | undefined): Sample {
  if (!Array.isArray(result)) return bad('answered a vector without elements');
  const elements: readonly Json[] = result;
  if (elements.length === 0) return none('NoData', 'the query gave no series');
  if (elements.length > 1) {
    const words = `the query gave ${elements.length} series where one is needed: aggregate them`;
    return none('SeveralSeries', words);
  }
  const [element] = elements;
  if (member(element, 'value') === undefined && member(element, 'histogram') !== undefined) {
    return none('BadQuery', 'the query gives a histogram, not a number: take a quantile of it');
  }
  return readPoint(member(element, 'value'));
}

function readPoint(point: Json | undefined): Sample {
  if (!Array.isArray(point) || point.length !== 2) return bad('answered a point without a value');
  const [time, text]: readonly Json[] = point;
  if (typeof time !== 'number' || typeof text !== 'string') {
    return bad('answered a point whose value is not in the form that Prometheus uses');
  }
  if (NOT_FINITE.test(text)) return none('NotANumber', `the query gave ${text}`);
  if (!NUMBER.test(text)) return bad('answered a value that is not a number');
  const value = Number(text);
  if (!Number.isFinite(value))
    return none('NotANumber', 'the query gave a number beyond all bounds');
  return { kind: 'number', value };
}

function readError(type: Json | undefined, status: number, length: number): Sample {
  const known = typeof type === 'string' ? ERROR_TYPES.get(type) : undefined;
  return known === undefined ? readStatus(status, length) : none(...known);
}

function readStatus(status: number, length: number): Sample {
  const answered = `the metrics server answered ${status} (${length} bytes)`;
  if (status === 400) return none('BadQuery', answered);
  if (status === 401 || status === 403) {
    return none('Refused', `${answered}: it does not accept the credentials`);
  }
  return none(status === 429 || status >= 500 ? 'Unreachable' : 'BadAnswer', answered);
}

function parse(body: Uint8Array): Json | undefined {
  try {
    const parsed: Json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return parsed;
  } catch {
    return undefined;
  }
}

/** An own member of an object; `__proto__` and its like are members like any other. */
function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !isObject(value)) return undefined;
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: object): value is { readonly [key: string]: Json } {
  return !Array.isArray(value);
}

function bad(words: string): Sample {
  return none('BadAnswer', `the metrics server ${words}`);
}

function none(reason: NoSampleReason, message: string): Sample {
  return { kind: 'none', reason, message };
}
