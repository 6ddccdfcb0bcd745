// One check of the analysis: which questions are due, what the answers say, and what is still too young to be asked.
import { judge } from '../analysis/judge.ts';
import type { Measurement, Rollout, Verdict, WebhookSpec } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import type { Ask } from './decision.ts';
import { askKey, later } from './record.ts';
import { inForceSince } from './traffic.ts';
import type { Answer, World } from './world.ts';

export interface Check {
  readonly verdict: Verdict | 'pending' | 'warming';
  readonly asks: readonly Ask[];
  readonly measurements: readonly Measurement[];
  /** The first thing that speaks against going on. */
  readonly why: string;
}

/** A check without a verdict is made again this soon. */
const AGAIN_MS = 1_000;

/**
 * Since when the canary has had what is judged; null while it does not. The status keeps it from the first check on;
 * until then the route says it, by when it was written, so that a restart finds the same.
 */
export function trafficSince(world: World): Instant | null {
  const { canary, route } = world;
  const { rollout, canaryWeight } = canary.status;
  if (rollout === null || rollout.step === 0 || rollout.resumeWeight !== null) return null;
  if (rollout.trafficSince !== null) return rollout.trafficSince;
  const since = inForceSince(world);
  if (since === null || (route.canWeight && route.weight !== canaryWeight)) return null;
  return latest(since, rollout.stepSince);
}

/** When the next check is due; null while the canary does not have what is analysed. */
export function dueAt(world: World): Instant | null {
  const { spec, status } = world.canary;
  const { rollout } = status;
  const traffic = trafficSince(world);
  const { confirmed } = world.route;
  if (rollout === null || traffic === null || confirmed.kind !== 'yes') return null;
  const weighted = spec.analysis.strategy.kind === 'weighted';
  const { since, writtenAt = since } = confirmed;
  const begun = latest(weighted ? writtenAt : traffic, rollout.stepSince);
  const regular = later(rollout.checkedAt ?? begun, spacing(world, rollout));
  if (!askable(world, regular)) return latest(regular, wholeAt(world, Math.min));
  // Where the last check came before some window was whole, the next one comes as soon as it is.
  const whole = wholeAt(world, Math.max);
  const waits = rollout.checkedAt !== null && rollout.checkedAt < whole;
  return waits && whole < regular ? whole : regular;
}

/** A missing verdict counts as nothing: it is asked for again soon, then ever later, at most an interval apart. */
function spacing({ canary }: World, { checkedAt, unknownSince }: Rollout): number {
  const { intervalMs } = canary.spec.analysis;
  if (checkedAt === null || unknownSince === null) return intervalMs;
  return Math.min(intervalMs, Math.max(AGAIN_MS, checkedAt - unknownSince));
}

/** Something can be asked at that time. With no metrics and no hooks a step simply passes. */
function askable(world: World, at: Instant): boolean {
  const { metrics, webhooks } = world.canary.spec.analysis;
  if (metrics.length === 0) return true;
  return webhooks.some(atChecks) || metrics.some((metric) => warm(world, metric.intervalMs, at));
}

/** Hooks that have a say in every check. */
function atChecks({ type }: WebhookSpec): boolean {
  return type === 'rollout' || type === 'exec';
}

/** When the first (or last) of the metrics has a whole window with traffic. */
function wholeAt(world: World, which: (...windows: readonly number[]) => number): Instant {
  const { metrics } = world.canary.spec.analysis;
  if (metrics.length === 0) return trafficSince(world) ?? world.now;
  const windowMs = which(...metrics.map((metric) => metric.intervalMs));
  return later(trafficSince(world) ?? world.now, windowMs);
}

/** A whole window lies after the canary got traffic. */
function warm(world: World, windowMs: number, at: Instant): boolean {
  const since = trafficSince(world);
  return since !== null && later(since, windowMs) <= at;
}

function latest(left: Instant, right: Instant): Instant {
  return left > right ? left : right;
}

/** The check that is due now: all questions at once, one failure is enough, no answer is not a yes. */
export function check(world: World): Check {
  const parts = [...hookParts(world), ...metricParts(world)];
  const asks = parts.flatMap((part) => (part.ask === null ? [] : [part.ask]));
  const measurements = parts.flatMap((part) =>
    part.measurement === null ? [] : [part.measurement],
  );
  const verdicts = parts.map((part) => part.verdict);
  const order = ['fail', 'pending', 'unknown', 'warming', 'pass'] as const;
  const verdict = order.find((candidate) => verdicts.includes(candidate)) ?? 'pass';
  const why = parts.find((part) => part.verdict === verdict)?.why ?? 'nothing to check';
  return { verdict, asks, measurements, why };
}

interface Part {
  readonly verdict: Check['verdict'];
  readonly ask: Ask | null;
  readonly measurement: Measurement | null;
  readonly why: string;
}

function slot(world: World): string {
  const { rollout } = world.canary.status;
  return `step${rollout?.step ?? 0}check${rollout?.checks ?? 0}`;
}

function hookParts(world: World): Part[] {
  const { canary, answers, now } = world;
  const again = dueAt(world) ?? now;
  return canary.spec.analysis.webhooks.filter(atChecks).map((hook): Part => {
    const key = askKey(world, slot(world), hook.type, hook.name);
    const answer = answers.get(key);
    if (answer?.kind !== 'hook' || stale(world, answer, again)) {
      const newerThan = answer === undefined ? null : again;
      const ask = { kind: 'hook', key, hook, phase: canary.status.phase, newerThan } as const;
      return {
        verdict: 'pending',
        ask,
        measurement: null,
        why: `webhook ${hook.name} has not answered`,
      };
    }
    const verdict = answer.ok ? 'pass' : answer.heard ? 'fail' : 'unknown';
    const message = `webhook ${hook.name}: ${answer.message}`;
    return {
      verdict,
      ask: null,
      measurement: { name: hook.name, verdict, value: null, message, at: now },
      why: message,
    };
  });
}

/** Where a check is made again: a hook that did not answer, or did an interval ago, is called again. */
function stale(
  { canary }: World,
  answer: Extract<Answer, { kind: 'hook' }>,
  again: Instant,
): boolean {
  const { rollout } = canary.status;
  if ((rollout?.unknownSince ?? null) === null || answer.at >= again) return false;
  return !answer.heard || later(answer.at, canary.spec.analysis.intervalMs) <= again;
}

function metricParts(world: World): Part[] {
  const { canary, answers, now } = world;
  const last = canary.status.rollout?.checkedAt ?? 0;
  return canary.spec.analysis.metrics.map((metric): Part => {
    // Each time anew: a check that is made again keeps its number.
    const key = askKey(world, `${slot(world)}after${last}`, 'metric', metric.name);
    if (!warm(world, metric.intervalMs, now)) {
      return {
        verdict: 'warming',
        ask: null,
        measurement: null,
        why: `${metric.name} is warming up`,
      };
    }
    const answer = answers.get(key);
    if (answer?.kind !== 'sample') {
      const ask = { kind: 'metric', key, metric } as const;
      return {
        verdict: 'pending',
        ask,
        measurement: null,
        why: `${metric.name} has not been answered`,
      };
    }
    const { verdict, value, message } = judge(metric, answer.sample);
    return {
      verdict,
      ask: null,
      measurement: { name: metric.name, verdict, value, message, at: now },
      why: message,
    };
  });
}

/** The newest measurement of each name, newest first. */
export function merged(
  fresh: readonly Measurement[],
  old: readonly Measurement[],
): readonly Measurement[] {
  const names = new Set(fresh.map((measurement) => measurement.name));
  return [...fresh, ...old.filter((measurement) => !names.has(measurement.name))].slice(0, 20);
}
