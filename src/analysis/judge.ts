// From a sample to a verdict: only a number inside inclusive bounds passes, and what is not known is not a failure.
import type { MetricSpec, Verdict } from '../api/canary.ts';
import type { Sample } from './sample.ts';

export interface Judgement {
  readonly verdict: Verdict;
  /** The number that was judged; null when there was none. */
  readonly value: number | null;
  /** For conditions and Events; names the metric, holds no byte of the source's answer. */
  readonly message: string;
}

/** Judges one sample by the metric's inclusive bounds. Total: any sample and any bounds give a verdict. */
export function judge(metric: Pick<MetricSpec, 'name' | 'range'>, sample: Sample): Judgement {
  const { name, range } = metric;
  if (sample.kind === 'none') return unknown(`${name} is unknown: ${sample.message}`);
  const { value } = sample;
  if (!Number.isFinite(value)) return unknown(`${name} is unknown: ${value} cannot be judged`);
  const { min, max } = range;
  if ((min === null && max === null) || Number.isNaN(min) || Number.isNaN(max)) {
    return unknown(`${name} is unknown: it has no threshold to be judged by`);
  }
  if (min !== null && value < min) {
    return { verdict: 'fail', value, message: compare(name, value, 'below the minimum', min) };
  }
  if (max !== null && value > max) {
    return { verdict: 'fail', value, message: compare(name, value, 'above the maximum', max) };
  }
  return {
    verdict: 'pass',
    value,
    message: `${name} ${show(value)} is within ${bounds(min, max)}`,
  };
}

/** One verdict of many: a failure decides, then doubt. Nothing to judge is a pass: the step has only its interval. */
export function combine(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.includes('unknown') ? 'unknown' : 'pass';
}

function unknown(message: string): Judgement {
  return { verdict: 'unknown', value: null, message };
}

function compare(name: string, value: number, relation: string, bound: number): string {
  // Rounding must never make the message contradict itself: "99.00 is below the minimum 99".
  const rounded = show(value);
  const text = Number(rounded) === bound ? String(value) : rounded;
  return `${name} ${text} is ${relation} ${bound}`;
}

function bounds(min: number | null, max: number | null): string {
  if (min === null) return `the maximum ${max}`;
  return max === null ? `the minimum ${min}` : `${min} and ${max}`;
}

/** Two decimals for what people read as such; whole, tiny and huge numbers as they are. */
function show(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 0.01 && size < 1e9 ? value.toFixed(2) : value.toPrecision(3);
}
