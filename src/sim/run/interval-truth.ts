// What one interval of an analysis was in truth, by all requests that were answered: could it pass, must it fail?
import type { MetricSpec } from '../../api/canary.ts';
import type { Traffic } from '../world/traffic.ts';
import type { PodFact } from './pod-book.ts';

/** What one pod answered by one way. */
export interface Answered {
  readonly requests: number;
  readonly failed: number;
  readonly latencyMs: number;
}

export interface Whose extends PodFact {
  readonly namespace: string;
}

export type IntervalTruth = (of: Whose, fromMs: number, toMs: number) => readonly Answered[];

/** Samples are older than the check that asks for them: any of these moments may be what it saw. */
const MOMENTS = 4;
const QUANTILE = 0.99;
/** Sums of fractions miss a bound by a hair. */
const ROUNDING = 1e-6;

/** What the pods of one version answered, one by one. */
export function answeredBy(
  traffic: Iterable<Traffic>,
  fact: (namespace: string, pod: string) => PodFact,
): IntervalTruth {
  return ({ namespace, deployment, version }, fromMs, toMs) => {
    const found: Answered[] = [];
    for (const { series } of traffic) {
      for (const line of series) {
        if (line.namespace !== namespace || line.flow.pod === '') continue;
        const is = fact(namespace, line.flow.pod);
        if (is.deployment !== deployment || is.version !== version) continue;
        const count = line.window(fromMs, toMs);
        if (count.requests > 0) found.push(count);
      }
    }
    return found;
  };
}

/** Passed if it could be at any moment; failed only if it had to be at every one of which anything is known. */
export function judged(
  metrics: readonly MetricSpec[],
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  answered: (fromMs: number, toMs: number) => readonly Answered[],
): 'pass' | 'fail' | 'none' {
  if (metrics.length === 0) return 'pass';
  if (answered(startMs, endMs).length === 0) return 'none';
  let failed = false;
  for (let moment = 0; moment < MOMENTS; moment++) {
    const atMs = endMs - (moment * (endMs - startMs)) / MOMENTS;
    const verdicts = metrics.map((metric) => {
      const found = answered(atMs - metric.intervalMs, atMs);
      return found.length === 0 ? null : inRange(metric, found);
    });
    if (verdicts.every((verdict) => verdict === true)) return 'pass';
    if (verdicts.includes(false)) failed = true;
    else return 'none';
  }
  return failed ? 'fail' : 'none';
}

/** What is no question about requests may be answered in any way. */
function inRange({ name, origin, range }: MetricSpec, found: readonly Answered[]): boolean {
  if (origin.kind !== 'builtin') return true;
  const values =
    name === 'request-success-rate'
      ? [successRate(found)]
      : name === 'request-duration'
        ? [meanMs(found), quantileMs(found)]
        : [];
  const { min, max } = range;
  const fits = (value: number) =>
    (min === null || value >= min - ROUNDING) && (max === null || value <= max + ROUNDING);
  return values.length === 0 || values.some(fits);
}

function sum(found: readonly Answered[], of: (each: Answered) => number): number {
  return found.reduce((total, each) => total + of(each), 0);
}

function successRate(found: readonly Answered[]): number {
  return 100 * (1 - sum(found, ({ failed }) => failed) / sum(found, ({ requests }) => requests));
}

function meanMs(found: readonly Answered[]): number {
  return sum(found, ({ latencyMs }) => latencyMs) / sum(found, ({ requests }) => requests);
}

/** As if each pod answered all of its requests in its mean time: the model has no finer truth. */
function quantileMs(found: readonly Answered[]): number {
  const rank = QUANTILE * sum(found, ({ requests }) => requests);
  const sorted = found.toSorted((a, b) => a.latencyMs / a.requests - b.latencyMs / b.requests);
  let below = 0;
  for (const { requests, latencyMs } of sorted) {
    below += requests;
    // Sums of fractions miss the rank by a hair.
    if (below >= rank * (1 - 1e-9)) return latencyMs / requests;
  }
  return Number.NaN;
}
