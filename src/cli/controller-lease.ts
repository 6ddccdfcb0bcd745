// The flags of leader election, and the lease that they ask for.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '../clock/clock.ts';
import type { Client } from '../client/client.ts';
import type { ClusterConfig } from '../client/cluster-config.ts';
import { faultOfTimes, LEASE_TIMES, type LeaseTimes } from '../controller/election.ts';
import { Lease } from '../controller/lease.ts';
import type { Log } from '../recorder/log.ts';
import type { Metrics } from '../recorder/metrics.ts';
import { duration, type Flag, type Invocation, switched, text, UsageError } from './command.ts';

const LEASE_NAME = 'serin-controller';

export const LEASE_FLAGS = {
  'enable-leader-election': {
    type: 'boolean',
    default: false,
    help: 'act only while holding a lease, so that several replicas may run',
  },
  'leader-election-namespace': {
    type: 'string',
    value: 'NAME',
    help: "namespace of the lease (default: the pod's own, or the context's)",
  },
  'leader-election-lease-duration': {
    type: 'string',
    default: `${LEASE_TIMES.leaseMs / 1000}s`,
    value: 'DURATION',
    help: 'a leader that is silent for this long is replaced',
  },
  'leader-election-renew-deadline': {
    type: 'string',
    default: `${LEASE_TIMES.renewDeadlineMs / 1000}s`,
    value: 'DURATION',
    help: 'a leader that could not renew for this long ends',
  },
  'leader-election-retry-period': {
    type: 'string',
    default: `${LEASE_TIMES.retryMs / 1000}s`,
    value: 'DURATION',
    help: 'between two renewals, and between two tries',
  },
} as const satisfies Readonly<Record<string, Flag>>;

export interface LeaseSurroundings {
  /** Of the lease alone. */
  readonly client: Client;
  readonly config: ClusterConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Null: there is no election, and this replica acts. */
export function leaseOf(
  invocation: Invocation,
  { client, config, clock, log, metrics }: LeaseSurroundings,
): Lease | null {
  const times = leaseTimes(invocation);
  if (!switched(invocation, 'enable-leader-election')) return null;
  const namespace = text(invocation, 'leader-election-namespace') ?? '';
  return new Lease({
    client,
    clock,
    log: log.child({ lease: LEASE_NAME }),
    namespace: namespace === '' ? config.namespace : namespace,
    name: LEASE_NAME,
    identity: `${hostname()}_${randomUUID()}`,
    times,
    random: Math.random,
    observer: metrics.runtime.leaseObserver(LEASE_NAME),
  });
}

function leaseTimes(invocation: Invocation): LeaseTimes {
  const times = {
    leaseMs: duration(invocation, 'leader-election-lease-duration'),
    renewDeadlineMs: duration(invocation, 'leader-election-renew-deadline'),
    retryMs: duration(invocation, 'leader-election-retry-period'),
  };
  const fault = faultOfTimes(times);
  if (fault !== null) throw new UsageError(`--leader-election-*: ${fault}`);
  return times;
}
