// Calm calls and policies that tests vary.
import type { EgressCall } from '../../../src/egress/call.ts';
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
