// From what a connection threw to a failure that may be shown: codes and classes, nothing that the other side wrote.
import { errors } from 'undici';
import type { EgressFailure, EgressFailureKind } from './call.ts';
import { EgressRefusal } from './pinned-lookup.ts';

const KINDS: Readonly<Record<string, EgressFailureKind>> = {
  UND_ERR_HEADERS_OVERFLOW: 'TooLarge',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'TooLarge',
  UND_ERR_CONNECT_TIMEOUT: 'Timeout',
  UND_ERR_INVALID_ARG: 'Refused',
  ETIMEDOUT: 'Timeout',
};

export function classify(error: unknown, host: string): EgressFailure {
  const refusal = find(error, (inner) => inner instanceof EgressRefusal);
  if (refusal instanceof EgressRefusal) {
    return { kind: 'failure', failure: 'Refused', status: null, message: refusal.message };
  }
  const code = codeOf(error);
  // Its message holds what was received, and its code is not always set.
  const garbled = find(error, (inner) => inner instanceof errors.HTTPParserError) !== null;
  const failure = garbled ? 'Garbled' : (KINDS[code] ?? 'Unreachable');
  const words: Readonly<Record<EgressFailureKind, string>> = {
    Refused: `${host} cannot be called like this`,
    Unreachable: `the connection to ${host} failed`,
    Timeout: `${host} did not answer in time`,
    TooLarge: `${host} answered with too large a head`,
    Redirected: `${host} redirects`,
    Garbled: `${host} does not speak HTTP`,
  };
  const message = code === '' ? words[failure] : `${words[failure]} (${code})`;
  return { kind: 'failure', failure, status: null, message };
}

/** The innermost cause's code, if it looks like one. */
function codeOf(error: unknown): string {
  let code = '';
  find(error, (inner) => {
    const own: unknown = Object.hasOwn(inner, 'code') ? Reflect.get(inner, 'code') : undefined;
    if (typeof own === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(own)) code = own;
    return false;
  });
  return code;
}

/** Walks causes and the parts of aggregates, outermost first; bounded, as causes may go in circles. */
function find(error: unknown, wanted: (inner: Error) => boolean): Error | null {
  const open: unknown[] = [error];
  for (let looked = 0; looked < 32 && open.length > 0; looked++) {
    const inner = open.shift();
    if (!(inner instanceof Error)) continue;
    if (wanted(inner)) return inner;
    open.push(inner.cause);
    if (inner instanceof AggregateError) open.push(...inner.errors);
  }
  return null;
}
