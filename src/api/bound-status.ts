// Keeps the status small: it is read by people, stored in etcd and sent to every watcher with each change.
import type { CanaryStatus, ConsumedIntent } from './canary.ts';
import type { Instant } from '../clock/clock.ts';
import { renderStatus } from './status.ts';

/** Bytes of the rendered status. Only the names of very many tracked configs can make it larger. */
export const STATUS_BYTES_MAX = 16 * 1024;
const ENCODER = new TextEncoder();
const INTENTS_MAX = 20;
const APPROVED_MAX = 64;
const OWED_MAX = 32;

/** How much of the parts that serve people is kept. */
interface Limits {
  readonly text: number;
  readonly word: number;
  readonly measurements: number;
  readonly history: number;
  readonly configVersions: boolean;
}

/** From what nearly always fits down to what always does. */
const LEVELS: readonly [Limits, ...Limits[]] = [
  { text: 512, word: 253, measurements: 20, history: 10, configVersions: true },
  { text: 128, word: 128, measurements: 20, history: 10, configVersions: true },
  { text: 80, word: 64, measurements: 8, history: 5, configVersions: true },
  // Without these a restart reads the configs again; all else that is left decides something.
  { text: 40, word: 40, measurements: 4, history: 2, configVersions: false },
];

/** The same status with long texts cut and old entries dropped; nothing that a decision rests on is lost. */
export function boundStatus(status: CanaryStatus): CanaryStatus {
  let bounded = status;
  for (const limits of LEVELS) {
    bounded = cutTo(status, limits);
    if (sizeOf(bounded) <= STATUS_BYTES_MAX) return bounded;
  }
  return bounded;
}

function sizeOf(status: CanaryStatus): number {
  return ENCODER.encode(JSON.stringify(renderStatus(status))).length;
}

function cutTo(status: CanaryStatus, limits: Limits): CanaryStatus {
  const { rollout, lastFailure } = status;
  const { text, word } = limits;
  return {
    ...status,
    configVersions: limits.configVersions ? status.configVersions : {},
    rollout:
      rollout === null
        ? null
        : {
            ...rollout,
            paused: rollout.paused === null ? null : cut(rollout.paused, text),
            approved: rollout.approved.slice(-APPROVED_MAX),
          },
    owed: status.owed.slice(0, OWED_MAX),
    measurements: newest(status.measurements, limits.measurements, (one) => one.at).map((one) => ({
      ...one,
      name: cut(one.name, word),
      message: cut(one.message, text),
    })),
    lastFailure:
      lastFailure === null
        ? null
        : {
            ...lastFailure,
            reason: cut(lastFailure.reason, word),
            message: cut(lastFailure.message, text),
          },
    history: newest(status.history, limits.history, (one) => one.startedAt).map((one) => ({
      ...one,
      reason: cut(one.reason, text),
    })),
    intents: newestIntents(status.intents).map((one) => ({
      ...one,
      manager: cut(one.manager, word),
    })),
    conditions: status.conditions.map((one) => ({ ...one, message: cut(one.message, text * 2) })),
  };
}

/** Also never in the middle of a character that needs two UTF-16 units. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 3;
  const splits = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, splits ? end - 1 : end)}...`;
}

/** The newest entries in the order that they had. */
function newest<T>(items: readonly T[], max: number, timeOf: (item: T) => Instant): readonly T[] {
  if (items.length <= max) return items;
  const byTime = items
    .map((item, index) => ({ index, time: timeOf(item) }))
    .toSorted((a, b) => b.time - a.time || b.index - a.index);
  const kept = new Set(byTime.slice(0, max).map(({ index }) => index));
  return items.filter((_, index) => kept.has(index));
}

/** The newest of each verb stays whatever its age: its annotation may still stand, and must not be obeyed twice. */
function newestIntents(intents: readonly ConsumedIntent[]): readonly ConsumedIntent[] {
  if (intents.length <= INTENTS_MAX) return intents;
  const kept = new Set(newest(intents, INTENTS_MAX, (one) => one.at));
  const latest = new Map<string, ConsumedIntent>();
  for (const intent of intents) {
    const earlier = latest.get(intent.verb);
    if (earlier === undefined || earlier.at <= intent.at) latest.set(intent.verb, intent);
  }
  for (const intent of latest.values()) kept.add(intent);
  return intents.filter((intent) => kept.has(intent));
}
