// What an Event is before it is written: a fact about an object, told once by the part of Serin that made it true.
import { createHash } from 'node:crypto';
import type { Instant } from '../clock/clock.ts';
import { fitText } from './visible-text.ts';

/** `v1.ObjectReference`, as far as it is used. */
export interface EventObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for cluster-scoped objects; their Events go to `default`. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

export type EventType = 'Normal' | 'Warning';

export interface EventInput {
  readonly regarding: EventObject;
  readonly related?: EventObject;
  readonly type: EventType;
  /** CamelCase, from a fixed set: why. At most 128 bytes, the rest is cut. */
  readonly reason: string;
  /** CamelCase, from a fixed set: what was done. At most 128 bytes, the rest is cut. */
  readonly action: string;
  /** For people. At most 1024 bytes, the rest is cut; control characters are escaped. */
  readonly note: string;
  /** Facts alike of two occasions (two rollouts, say) are two Events. Not written. Default: all are of one. */
  readonly occasion?: string;
}

/** An Event with its source and time, its texts made fit. */
export interface OccurredEvent extends EventInput {
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly at: Instant;
}

/** Where Events go. Neither method may throw, and `take` never waits. */
export interface EventSink {
  take(event: OccurredEvent): void;
  /** Writes what is still owed, as far as it can before the signal ends. */
  close(signal: AbortSignal): Promise<void>;
}

/** Tells facts about objects; never waits and never throws. */
export interface EventRecorder {
  event(input: EventInput): void;
}

export const NOTE_BYTES_MAX = 1024;
const WORD_BYTES_MAX = 128;

export interface EventSource {
  readonly reportingController: string;
  readonly reportingInstance: string;
}

export function occurred(input: EventInput, source: EventSource, at: Instant): OccurredEvent {
  return {
    regarding: reference(input.regarding),
    ...(input.related === undefined ? {} : { related: reference(input.related) }),
    type: input.type,
    reason: fitText(input.reason, WORD_BYTES_MAX),
    action: fitText(input.action, WORD_BYTES_MAX),
    note: fitText(input.note, NOTE_BYTES_MAX),
    ...(input.occasion === undefined ? {} : { occasion: input.occasion }),
    reportingController: fitText(source.reportingController, WORD_BYTES_MAX),
    reportingInstance: fitText(source.reportingInstance, WORD_BYTES_MAX),
    at,
  };
}

/** What else the value may carry stays out of the Event. */
function reference(object: EventObject): EventObject {
  const { apiVersion, kind, namespace, name, uid, resourceVersion, fieldPath } = object;
  return {
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(fieldPath === undefined ? {} : { fieldPath }),
  };
}

/**
 * Two Events of one key are one fact that was seen again: a series. client-go leaves the note out of this key, because
 * its notes mostly vary in noise and the newest adds nothing. Serin's notes carry the fact itself: "weight 10" and
 * "weight 20" have one reason, and folded into a series the second would only ever be a count beside the text of the
 * first. So the note is in the key (by digest, to keep keys small). What this costs in writes when a note does carry noise
 * is bounded by the spam filter. The resourceVersion of the object is left out: it moves with every write to it.
 */
export function seriesKey(event: OccurredEvent): string {
  const { reason, action, related, occasion = '' } = event;
  const note = createHash('sha256').update(event.note).digest('base64url').slice(0, 22);
  const other = related === undefined ? null : identityOf(related);
  return JSON.stringify([spamKey(event), reason, action, other, note, occasion]);
}

/** Source, object and type: what shares a spam bucket. */
export function spamKey(event: OccurredEvent): string {
  const { reportingController, reportingInstance, type, regarding } = event;
  return JSON.stringify([reportingController, reportingInstance, type, ...identityOf(regarding)]);
}

function identityOf(object: EventObject): readonly unknown[] {
  const { apiVersion, kind, namespace, name, uid, fieldPath } = object;
  return [apiVersion, kind, namespace, name, uid, fieldPath];
}
