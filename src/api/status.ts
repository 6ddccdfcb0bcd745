// Status of a Canary to JSON and back. Reading never fails: what cannot be read is as if it had never been written.
import { asRevision, asWeight, INTENT_VERBS, NO_WEIGHT, PHASES } from './canary.ts';
import type {
  CanaryStatus,
  ConsumedIntent,
  Measurement,
  Outcome,
  Revision,
  RevisionRecord,
  Rollout,
  Weight,
} from './canary.ts';
import type { Instant } from '../clock/clock.ts';
import { isObject, textOf, textsOf } from './json.ts';
import type { Condition } from './kubernetes.ts';
import { formatTime, parseTime } from './time.ts';

type Fields = Readonly<Record<string, unknown>>;

const VERDICTS = ['pass', 'fail', 'unknown'] as const;
const OUTCOMES = [
  'current',
  'promoted',
  'failed',
  'superseded',
  'aborted',
  'reverted',
] as const satisfies readonly Outcome[];
const CONDITION_STATUSES = ['True', 'False', 'Unknown'] as const;

/** The status of a Canary that Serin has not seen yet. */
export const EMPTY_STATUS: CanaryStatus = parseStatus(null);

/**
 * Plain JSON for the status subresource. What is null or empty is left out, so write it whole (PUT), not as a merge.
 * Law: `parseStatus(renderStatus(status))` is `status`, for times of whole milliseconds in the years 1 to 9999.
 */
export function renderStatus(status: CanaryStatus): unknown {
  const { rollout, lastFailure, lastTransitionTime, parking } = status;
  return withoutEmpty({
    phase: status.phase,
    observedGeneration: status.observedGeneration,
    canaryWeight: status.canaryWeight,
    failedChecks: status.failedChecks,
    iterations: status.iterations,
    lastAppliedSpec: status.lastAppliedSpec,
    lastPromotedSpec: status.lastPromotedSpec,
    ...(lastTransitionTime === '' ? {} : { lastTransitionTime }),
    trackedConfigs: status.trackedConfigs,
    configVersions: status.configVersions,
    target: status.target,
    ...(rollout === null ? {} : { rollout: renderRollout(rollout) }),
    ...(parking === null ? {} : { parking }),
    ...(status.repairs.rounds === 0 && status.repairs.seen === ''
      ? {}
      : { repairs: status.repairs }),
    owed: status.owed,
    measurements: status.measurements.map((one) =>
      withoutNulls({ ...one, at: formatTime(one.at) }),
    ),
    ...(lastFailure === null
      ? {}
      : { lastFailure: { ...lastFailure, at: formatTime(lastFailure.at) } }),
    history: status.history.map((record) =>
      withoutNulls({
        ...record,
        startedAt: formatTime(record.startedAt),
        endedAt: record.endedAt === null ? null : formatTime(record.endedAt),
      }),
    ),
    intents: status.intents.map((intent) => ({ ...intent, at: formatTime(intent.at) })),
    conditions: status.conditions,
  });
}

function renderRollout(rollout: Rollout): unknown {
  const optional = (instant: Instant | null): string | null =>
    instant === null ? null : formatTime(instant);
  return withoutNulls({
    ...rollout,
    startedAt: formatTime(rollout.startedAt),
    stepSince: formatTime(rollout.stepSince),
    checkedAt: optional(rollout.checkedAt),
    trafficSince: optional(rollout.trafficSince),
    unknownSince: optional(rollout.unknownSince),
    unreadySince: optional(rollout.unreadySince),
    waitingSince: formatTime(rollout.waitingSince),
  });
}

/** People read the status: a list or map that says nothing is left out. */
function withoutEmpty(fields: Fields): Fields {
  const says = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || Object.keys(value).length > 0;
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => says(value)));
}

/** The API server takes null for a wrong type. */
function withoutNulls(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** Total: garbage, and fields of other versions, give the defaults. */
export function parseStatus(raw: unknown): CanaryStatus {
  const fields = fieldsOf(raw);
  const target = fieldsOf(fields['target']);
  const repairs = fieldsOf(fields['repairs']);
  return {
    phase: oneOf(PHASES, fields['phase']) ?? '',
    observedGeneration: count(fields['observedGeneration']),
    canaryWeight: weight(fields['canaryWeight']) ?? NO_WEIGHT,
    failedChecks: count(fields['failedChecks']),
    iterations: count(fields['iterations']),
    lastAppliedSpec: revision(fields['lastAppliedSpec']) ?? '',
    lastPromotedSpec: revision(fields['lastPromotedSpec']) ?? '',
    trackedConfigs: textsOf(fields['trackedConfigs']),
    configVersions: textsOf(fields['configVersions']),
    lastTransitionTime: textOf(fields['lastTransitionTime']),
    target: {
      generation: count(target['generation']),
      revision: revision(target['revision']) ?? '',
      template: textOf(target['template']),
      turn: textOf(target['turn']),
    },
    rollout: readRollout(fields['rollout']),
    parking: readParking(fields['parking']),
    repairs: { rounds: count(repairs['rounds']), seen: textOf(repairs['seen']) },
    owed: textList(fields['owed']),
    measurements: each(fields['measurements'], readMeasurement),
    lastFailure: readLastFailure(fields['lastFailure']),
    history: each(fields['history'], readRecord),
    intents: each(fields['intents'], readConsumedIntent),
    conditions: each(fields['conditions'], readCondition),
  };
}

function readRollout(raw: unknown): Rollout | null {
  const fields = fieldsOf(raw);
  const startedAt = parseTime(fields['startedAt']);
  if (startedAt === null) return null;
  const { paused, capacity, configStamp } = fields;
  return {
    startedAt,
    step: count(fields['step']),
    stepSince: parseTime(fields['stepSince']) ?? startedAt,
    checks: count(fields['checks']),
    checkedAt: parseTime(fields['checkedAt']),
    trafficSince: parseTime(fields['trafficSince']),
    unknownSince: parseTime(fields['unknownSince']),
    unreadySince: parseTime(fields['unreadySince']),
    waitingSince: parseTime(fields['waitingSince']) ?? startedAt,
    paused: typeof paused === 'string' ? paused : null,
    resumeWeight: weight(fields['resumeWeight']),
    approved: textList(fields['approved']),
    capacity: Number.isSafeInteger(capacity) ? count(capacity) : null,
    configStamp: typeof configStamp === 'string' ? configStamp : null,
  };
}

function readParking(raw: unknown): CanaryStatus['parking'] {
  if (!isObject(raw)) return null;
  return { generation: count(raw['generation']), rounds: count(raw['rounds']) };
}

function readMeasurement(fields: Fields): Measurement | null {
  const verdict = oneOf(VERDICTS, fields['verdict']);
  const at = parseTime(fields['at']);
  if (verdict === null || at === null) return null;
  const value = fields['value'];
  return {
    name: textOf(fields['name']),
    verdict,
    value: typeof value === 'number' && Number.isFinite(value) ? value + 0 : null,
    message: textOf(fields['message']),
    at,
  };
}

function readLastFailure(raw: unknown): CanaryStatus['lastFailure'] {
  const fields = fieldsOf(raw);
  const failed = revision(fields['revision']);
  const at = parseTime(fields['at']);
  if (failed === null || at === null) return null;
  const { reason, message } = fields;
  return { revision: failed, reason: textOf(reason), message: textOf(message), at };
}

function readRecord(fields: Fields): RevisionRecord | null {
  const of = revision(fields['revision']);
  const outcome = oneOf(OUTCOMES, fields['outcome']);
  const startedAt = parseTime(fields['startedAt']);
  if (of === null || outcome === null || startedAt === null) return null;
  const endedAt = parseTime(fields['endedAt']);
  return { revision: of, outcome, reason: textOf(fields['reason']), startedAt, endedAt };
}

function readConsumedIntent(fields: Fields): ConsumedIntent | null {
  const verb = oneOf(INTENT_VERBS, fields['verb']);
  const at = parseTime(fields['at']);
  if (verb === null || at === null) return null;
  const { value, manager, cleared } = fields;
  return { verb, value: textOf(value), manager: textOf(manager), at, cleared: cleared === true };
}

function readCondition(fields: Fields): Condition | null {
  const status = oneOf(CONDITION_STATUSES, fields['status']);
  const type = textOf(fields['type']);
  if (status === null || type === '') return null;
  const { observedGeneration } = fields;
  return {
    type,
    status,
    reason: textOf(fields['reason']),
    message: textOf(fields['message']),
    lastTransitionTime: textOf(fields['lastTransitionTime']),
    ...(Number.isSafeInteger(observedGeneration)
      ? { observedGeneration: count(observedGeneration) }
      : {}),
  };
}

function fieldsOf(raw: unknown): Fields {
  return isObject(raw) ? raw : {};
}

function each<T>(raw: unknown, read: (fields: Fields) => T | null): readonly T[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((item) => read(fieldsOf(item))).filter((item) => item !== null);
}

function oneOf<const V extends string>(values: readonly V[], raw: unknown): V | null {
  return values.find((value) => value === raw) ?? null;
}

function textList(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.filter((item) => typeof item === 'string') : [];
}

function count(raw: unknown): number {
  // JSON knows -0, which is written back as 0: added to 0 it is gone.
  return Number.isSafeInteger(raw) && Number(raw) >= 0 ? Number(raw) + 0 : 0;
}

function weight(raw: unknown): Weight | null {
  return Number.isInteger(raw) && Number(raw) >= 0 && Number(raw) <= 100
    ? asWeight(Number(raw) + 0)
    : null;
}

function revision(raw: unknown): Revision | null {
  return typeof raw === 'string' && /^[0-9a-f]{64}$/.test(raw) ? asRevision(raw) : null;
}
