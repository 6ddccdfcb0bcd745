// Calm calls and policies that tests vary.
import type { EgressCall } from '../../../src/egress/call.ts';
import type { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { type EgressPolicy, NO_RULES, parseEgressRules } from '../../../src/egress/policy.ts';

export const atHome: EgressPolicy = { loopback: 'allowed', allow: NO_RULES, deny: NO_RULES };
export const inCluster: EgressPolicy = { ...atHome, loopback: 'refused' };

export function rules(...entries: string[]) {
  return parseEgressRules('--egress', entries).rules;
}

export function get(url: string, change: Partial<EgressCall> = {}): EgressCall {
  return {
    method: 'GET',
    url,
    headers: {},
    body: null,
    bodyBytesMax: 1024,
    overflow: 'fail',
    deadlineMs: 5000,
    insecureSkipVerify: false,
    ca: null,
    reuse: true,
    ...change,
  };
}

export const forever: AbortSignal = new AbortController().signal;

/** Lets waits of up to `limitMs` pass at once until the promise is settled; longer ones (deadlines) stand still. */
export async function passingWaits<T>(
  clock: VirtualClock,
  limitMs: number,
  promise: Promise<T>,
): Promise<T> {
  const state = { settled: false };
  const settled = promise.finally(() => {
    state.settled = true;
  });
  while (!state.settled) await clock.advanceToNext(limitMs);
  return settled;
}
