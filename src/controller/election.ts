// Who leads: the choices of leader election by a Lease, of what was seen and the local monotonic time alone.
import type { KubeObject } from '../api/kubernetes.ts';
import { type LeaseRecord, leaseRecord, sameRecord } from './lease-record.ts';

export interface LeaseTimes {
  /** A holder that is silent for this long may be replaced. Default 15 s. */
  readonly leaseMs: number;
  /** A leader that could not renew for this long leads no more. Default 10 s. */
  readonly renewDeadlineMs: number;
  /** Between two renewals, and between two tries. Default 2 s. */
  readonly retryMs: number;
}

export const LEASE_TIMES: LeaseTimes = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
/** A retry may be put off by up to this part of itself, and has to fit into the renew deadline all the same. */
export const JITTER = 1.2;

/** What is wrong with the times, in words; null = nothing. */
export function faultOfTimes({ leaseMs, renewDeadlineMs, retryMs }: LeaseTimes): string | null {
  if (leaseMs % 1000 !== 0) return 'the lease must last whole seconds';
  if (leaseMs <= renewDeadlineMs) return 'the lease must last longer than the renew deadline';
  if (renewDeadlineMs <= JITTER * retryMs)
    return `the renew deadline must be longer than ${JITTER} times the retry period`;
  return retryMs > 0 ? null : 'the retry period must be positive';
}

/**
 * One replica's view. The times in the record are another machine's and count for nothing: a Lease is expired when its
 * content has not been seen to change for the duration that it states, by this machine's monotonic clock.
 */
export interface Election {
  readonly identity: string;
  readonly times: LeaseTimes;
  /** The last content, also of a Lease that was deleted since; null = none was ever seen. */
  readonly record: LeaseRecord | null;
  /** When that content was first seen; monotonic. */
  readonly changedMs: number;
  /** The Lease as it was last seen or stored; null = it is not there. */
  readonly object: KubeObject | null;
  readonly looked: boolean;
  /** When the last renewal that was stored had been sent, monotonic; null = not the leader. */
  readonly renewedMs: number | null;
}

export type Move =
  | { readonly kind: 'look' }
  /** Take or renew: replace the object, or make it where there is none. */
  | { readonly kind: 'write' }
  /** Somebody else holds it until then, as far as is known. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'lost'; readonly why: string };

export function newElection(identity: string, times: LeaseTimes): Election {
  return {
    identity,
    times,
    record: null,
    changedMs: 0,
    object: null,
    looked: false,
    renewedMs: null,
  };
}

/** The Lease was read, or found absent. */
export function seen(election: Election, object: KubeObject | null, nowMs: number): Election {
  if (object === null) return { ...election, object, looked: true };
  const record = leaseRecord(object);
  const same = election.record !== null && sameRecord(election.record, record);
  const changedMs = same ? election.changedMs : nowMs;
  return { ...election, record, changedMs, object, looked: true };
}

/** A write of ours was stored. It counts from when it was sent: nobody else can have seen it earlier. */
export function stored(
  election: Election,
  object: KubeObject,
  { sentMs, nowMs }: { readonly sentMs: number; readonly nowMs: number },
): Election {
  return { ...seen(election, object, nowMs), renewedMs: sentMs };
}

/** Until when this replica may act, monotonic; null = it is not the leader. */
export function actsUntilMs({ renewedMs, times }: Election): number | null {
  return renewedMs === null ? null : renewedMs + times.renewDeadlineMs;
}

export function nextMove(election: Election, nowMs: number): Move {
  const untilMs = actsUntilMs(election);
  return untilMs === null ? moveOfStandby(election, nowMs) : moveOfLeader(election, untilMs, nowMs);
}

function moveOfLeader({ record, identity, times }: Election, untilMs: number, nowMs: number): Move {
  if (nowMs >= untilMs)
    return { kind: 'lost', why: `the lease was not renewed within ${times.renewDeadlineMs} ms` };
  if (record?.holder !== identity)
    return { kind: 'lost', why: `the lease went to ${record?.holder || 'nobody'}` };
  // One that was deleted is made again: nobody who had seen it will take it before it would have expired.
  return { kind: 'write' };
}

function moveOfStandby(election: Election, nowMs: number): Move {
  const { looked, record, changedMs, identity } = election;
  if (!looked) return { kind: 'look' };
  // Ours without our knowing: the answer to an earlier try was lost.
  if (record === null || record.holder === '' || record.holder === identity)
    return { kind: 'write' };
  const untilMs = changedMs + record.leaseMs;
  return nowMs >= untilMs ? { kind: 'write' } : { kind: 'wait', untilMs };
}
