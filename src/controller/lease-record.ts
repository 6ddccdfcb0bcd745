// What a Lease says, read from the object and written back into it.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import { microTime } from '../clock/time-format.ts';

export interface LeaseRecord {
  /** Empty = nobody. */
  readonly holder: string;
  /** How long the holder may be silent. Whole seconds. */
  readonly leaseMs: number;
  /** As the holder's clock had them: shown to people, never compared with a clock of ours. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often the Lease went from one holder to another. */
  readonly transitions: number;
}

/** The record of any Lease, whoever wrote it; what is missing or odd is read as nobody's. */
export function leaseRecord(object: KubeObject): LeaseRecord {
  const spec = fieldsOf(object['spec']);
  const count = (value: unknown): number =>
    typeof value === 'number' && Number.isFinite(value) ? Math.max(0, value) : 0;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    holder: text(spec['holderIdentity']),
    leaseMs: count(spec['leaseDurationSeconds']) * 1000,
    acquireTime: text(spec['acquireTime']),
    renewTime: text(spec['renewTime']),
    transitions: count(spec['leaseTransitions']),
  };
}

/** The Lease with this record; everything else that `base` has stays, its resourceVersion above all. */
export function leaseObject(
  key: { readonly namespace: string; readonly name: string },
  base: KubeObject | null,
  record: LeaseRecord,
): KubeObject {
  return {
    ...base,
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: base === null ? key : base.metadata,
    spec: {
      ...fieldsOf(base?.['spec']),
      holderIdentity: record.holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(record.leaseMs / 1000)),
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
      leaseTransitions: record.transitions,
    },
  };
}

/** What `holder` puts in place of `last`; a new holder counts one transition. */
export function renewedRecord(
  last: LeaseRecord | null,
  { holder, leaseMs, now }: Pick<LeaseRecord, 'holder' | 'leaseMs'> & { readonly now: Instant },
): LeaseRecord {
  const renewTime = microTime(now);
  if (last === null) return { holder, leaseMs, acquireTime: renewTime, renewTime, transitions: 0 };
  if (last.holder === holder && last.acquireTime !== '') return { ...last, leaseMs, renewTime };
  return { holder, leaseMs, acquireTime: renewTime, renewTime, transitions: last.transitions + 1 };
}

/** Nobody's, and to be had at once. */
export function releasedRecord(last: LeaseRecord, now: Instant): LeaseRecord {
  const time = microTime(now);
  return { ...last, holder: '', leaseMs: 1000, acquireTime: time, renewTime: time };
}

export function sameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.leaseMs === b.leaseMs &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime &&
    a.transitions === b.transitions
  );
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
