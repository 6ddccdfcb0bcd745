// One check of the analysis: which questions are due, what the answers say, and what is still too young to be asked.
import { judge } from '../analysis/judge.ts';
import type { Measurement, Verdict } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import type { Ask } from './decision.ts';
import { askKey, later } from './record.ts';
import { inForceSince } from './traffic.ts';
import type { World } from './world.ts';

export interface Check {
  readonly verdict: Verdict | 'pending' | 'warming';
  readonly asks: readonly Ask[];
  readonly measurements: readonly Measurement[];
  /** The first thing that speaks against going on. */
  readonly why: string;
}

/** When the next check is due; null while the canary does not have what is analysed. */
export function dueAt(world: World): Instant | null {
  const { spec, status } = world.canary;
  const { rollout } = status;
  if (rollout === null || rollout.trafficSince === null) return null;
  const since = inForceSince(world);
  if (since === null) return null;
  const weighted = spec.analysis.strategy.kind === 'weighted';
  const begun = weighted
    ? Math.max(since, rollout.stepSince)
    : Math.max(rollout.trafficSince, rollout.stepSince);
  const regular = later(rollout.checkedAt ?? (begun as Instant), spec.analysis.intervalMs);
  return askable(world, regular) ? regular : firstWarm(world, regular);
}

/** Something can be asked at that time. With no metrics and no hooks a step simply passes. */
function askable(world: World, at: Instant): boolean {
  const { metrics, webhooks } = world.canary.spec.analysis;
  if (metrics.length === 0) return true;
  return (
    webhooks.some((hook) => hook.type === 'rollout') ||
    metrics.some((metric) => warm(world, metric.intervalMs, at))
  );
}

function firstWarm(world: World, regular: Instant): Instant {
  const since = world.canary.status.rollout?.trafficSince ?? regular;
  const windows = world.canary.spec.analysis.metrics.map((metric) => metric.intervalMs);
  return Math.max(regular, later(since, Math.min(...windows))) as Instant;
}

/** A whole window lies after the canary got traffic. */
function warm(world: World, windowMs: number, at: Instant): boolean {
  const since = world.canary.status.rollout?.trafficSince ?? null;
  return since !== null && later(since, windowMs) <= at;
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
  return canary.spec.analysis.webhooks
    .filter((hook) => hook.type === 'rollout')
    .map((hook): Part => {
      const key = askKey(world, slot(world), hook.type, hook.name);
      const answer = answers.get(key);
      if (answer?.kind !== 'hook') {
        const ask = {
          kind: 'hook',
          key,
          hook,
          phase: canary.status.phase,
          newerThan: null,
        } as const;
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

function metricParts(world: World): Part[] {
  const { canary, answers, now } = world;
  return canary.spec.analysis.metrics.map((metric): Part => {
    const key = askKey(world, slot(world), 'metric', metric.name);
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
