// An Event as events.k8s.io/v1 wants it, and the series that it stands for.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Patch, Resource } from '../client/client.ts';
import type { Instant } from '../clock/clock.ts';
import { microTime } from '../clock/time-format.ts';
import type { EventObject, OccurredEvent } from './event.ts';

export const EVENTS: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

const NAME_MAX = 253;

/** A fact, how often it was seen, and how much of that the API server knows. */
export interface Series {
  readonly key: string;
  readonly first: OccurredEvent;
  readonly name: string;
  count: number;
  lastAt: Instant;
  lastMs: number;
  /** The count last written; 0 = nothing yet. */
  written: number;
  writtenMs: number;
  /** It waits in a lane. */
  due: boolean;
}

/** `<object>.<hex>`: of the time and a number below a million, so that no two of ours are the same. */
export function eventName(event: OccurredEvent, number: number): string {
  const suffix = (BigInt(Math.trunc(event.at)) * 1_000_000n + BigInt(number)).toString(16);
  const stem = event.regarding.name.slice(0, NAME_MAX - suffix.length - 1);
  return `${stem.replace(/[-.]+$/, '')}.${suffix}`;
}

/** More was seen than the API server knows of a series that it knows. */
export function unsaid(series: Series): boolean {
  return series.written > 0 && series.count > series.written;
}

export function seriesPatch(series: Series): Patch {
  return { type: 'merge', body: { series: seriesField(series) } };
}

export function namespaceOf(regarding: EventObject): string {
  return regarding.namespace ?? 'default';
}

function seriesField(series: Series): { count: number; lastObservedTime: string } {
  return { count: series.count, lastObservedTime: microTime(series.lastAt) };
}

export function eventObject(series: Series): KubeObject {
  const { first } = series;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: series.name, namespace: namespaceOf(first.regarding) },
    eventTime: microTime(first.at),
    reportingController: first.reportingController,
    reportingInstance: first.reportingInstance,
    action: first.action,
    reason: first.reason,
    regarding: first.regarding,
    ...(first.related === undefined ? {} : { related: first.related }),
    note: first.note,
    type: first.type,
    ...(series.count > 1 ? { series: seriesField(series) } : {}),
  };
}
