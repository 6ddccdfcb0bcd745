// The metric sources that Serin has, and the ones of Flagger that it does not have yet and refuses by name.
import type { Problem } from '../api/canary.ts';
import { createPrometheus } from './prometheus.ts';
import type { MetricParts, MetricSource } from './source.ts';

export interface MetricSourceEntry {
  /** As in MetricTemplate `spec.provider.type`. */
  readonly type: string;
  readonly create: (parts: MetricParts) => MetricSource;
}

/** A new source joins by being in this list. */
export const METRIC_SOURCES: readonly MetricSourceEntry[] = [
  { type: 'prometheus', create: createPrometheus },
];

/** Types of Flagger's MetricTemplate that are known and not served. */
export const NOT_YET: readonly string[] = [
  'influxdb',
  'datadog',
  'externalmetrics',
  'stackdriver',
  'cloudwatch',
  'newrelic',
  'graphite',
  'dynatrace',
  'keptn',
  'splunk',
];

/** What speaks against a type; null when there is a source for it. `path` is the field that names it. */
export function judgeSourceType(type: string, path: string): Problem | null {
  const types = METRIC_SOURCES.map((entry) => entry.type);
  if (types.includes(type)) return null;
  const supported = `supported: ${types.join(', ')}`;
  const message = NOT_YET.includes(type)
    ? `metric source ${type} is not supported yet; ${supported}`
    : `${JSON.stringify(type)} is not a metric source; ${supported}`;
  return { reason: 'UnsupportedMetricSource', path, message };
}

/** All sources by type, ready to be asked. */
export function createMetricSources(parts: MetricParts): ReadonlyMap<string, MetricSource> {
  return new Map(METRIC_SOURCES.map(({ type, create }) => [type, create(parts)]));
}
