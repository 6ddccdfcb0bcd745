// spec.analysis with its defaults: strategy, metrics, webhooks, alerts.
import { asWeight } from './canary.ts';
import type {
  AlertSpec,
  AnalysisSpec,
  MetricOrigin,
  MetricSpec,
  Strategy,
  Weight,
} from './canary.ts';
import { readDuration } from './findings.ts';
import type { Findings } from './findings.ts';
import { parseWebhook } from './parse-webhook.ts';
import type { RawAlert, RawAnalysis, RawMetric } from './schema/canary-analysis.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const BUILTIN_METRICS = ['request-success-rate', 'request-duration'];

/** Where the analysis stands, and what it cannot know by itself. */
export interface AnalysisPlace {
  /** `spec.analysis`, or the deprecated `spec.canaryAnalysis`. */
  readonly path: string;
  /** For references that do not say theirs. */
  readonly namespace: string;
  readonly skipAnalysis: boolean;
  readonly found: Findings;
}

export function parseAnalysis(raw: RawAnalysis, place: AnalysisPlace): AnalysisSpec {
  const { path, found } = place;
  refuseNotBuilt(raw, place);
  if ((raw.alerts ?? []).length > 0) {
    found.noEffect(`${path}.alerts`, 'has no effect yet: alerts are not sent by this version');
  }
  const each = <R, T>(
    items: readonly R[] | undefined,
    field: string,
    parse: (item: R, at: AnalysisPlace) => T,
  ): readonly T[] =>
    (items ?? []).map((item, index) =>
      parse(item, { ...place, path: `${path}.${field}[${index}]` }),
    );
  return {
    intervalMs: readDuration(
      raw.interval,
      { path: `${path}.interval`, found },
      { fallbackMs: MINUTE_MS, min: '1s', max: '24h' },
    ),
    threshold: Math.max(1, raw.threshold ?? 1),
    strategy: strategy(raw, place),
    primaryReadyThreshold: raw.primaryReadyThreshold ?? 100,
    canaryReadyThreshold: raw.canaryReadyThreshold ?? 100,
    metrics: each(raw.metrics, 'metrics', parseMetric),
    webhooks: each(raw.webhooks, 'webhooks', parseWebhook),
    alerts: each(raw.alerts, 'alerts', parseAlert),
    unknown: {
      limitMs: readDuration(
        raw.unknown?.limit,
        { path: `${path}.unknown.limit`, found },
        { fallbackMs: 10 * MINUTE_MS, min: '1s', max: '24h' },
      ),
      then: raw.unknown?.then ?? 'pause',
    },
  };
}

/** Refused rather than ignored: without them, traffic would go elsewhere than was asked for. */
function refuseNotBuilt(raw: RawAnalysis, { path, found }: AnalysisPlace): void {
  if ((raw.match ?? []).length > 0) {
    found.notSupported(
      `${path}.match`,
      'A/B tests are not built yet: remove match; iterations alone is a blue/green rollout',
    );
  }
  if (raw.mirror === true) {
    found.notSupported(`${path}.mirror`, 'mirroring to the canary is not built yet: remove mirror');
  } else if ((raw.mirrorWeight ?? 0) > 0) {
    found.noEffect(`${path}.mirrorWeight`, 'has no effect without mirror');
  }
  if (raw.sessionAffinity !== undefined) {
    found.notSupported(
      `${path}.sessionAffinity`,
      'session affinity is not built yet: remove sessionAffinity',
    );
  }
}

function strategy(raw: RawAnalysis, { path, found, skipAnalysis }: AnalysisPlace): Strategy {
  const given = (['iterations', 'stepWeight', 'stepWeights'] as const).filter(
    (field) => raw[field] !== undefined,
  );
  if (given.length > 1) {
    found.invalid(
      path,
      `only one of ${given.join(', ')} can be given: they are different strategies`,
    );
  } else if (given.length === 0 && !skipAnalysis) {
    found.invalid(path, 'one of stepWeight, stepWeights, iterations is needed');
  }
  if (raw.stepWeights !== undefined) {
    return weighted(listedWeights(raw.stepWeights, raw, { path, found }), raw);
  }
  if (raw.stepWeight !== undefined) {
    return weighted(linearWeights(raw.stepWeight, raw.maxWeight ?? 100), raw);
  }
  for (const field of ['maxWeight', 'stepWeightPromotion'] as const) {
    if (raw[field] === undefined || raw.iterations === undefined) continue;
    found.noEffect(`${path}.${field}`, 'has no effect with iterations: blue/green has no weights');
  }
  return { kind: 'blue-green', iterations: raw.iterations ?? 1 };
}

function weighted(weights: readonly Weight[], raw: RawAnalysis): Strategy {
  return { kind: 'weighted', weights, promotionStep: raw.stepWeightPromotion || null };
}

/** 20 up to 50 is 20, 40, 50: the last step is clipped. */
function linearWeights(step: number, max: number): readonly Weight[] {
  const weights: Weight[] = [];
  for (let weight = step; weight < max; weight += step) weights.push(asWeight(weight));
  return [...weights, asWeight(max)];
}

function listedWeights(
  weights: readonly number[],
  raw: RawAnalysis,
  { path, found }: Pick<AnalysisPlace, 'path' | 'found'>,
): readonly Weight[] {
  for (const [index, weight] of weights.entries()) {
    const earlier = weights[index - 1];
    if (earlier === undefined || earlier < weight) continue;
    found.invalid(
      `${path}.stepWeights[${index}]`,
      `must be greater than the entry before it: ${weight} comes after ${earlier}`,
    );
  }
  if (raw.maxWeight !== undefined && (weights.at(-1) ?? 0) !== raw.maxWeight) {
    found.noEffect(`${path}.maxWeight`, 'has no effect with stepWeights: the list says it all');
  }
  return weights.map(asWeight);
}

function parseMetric(raw: RawMetric, { path, namespace, found }: AnalysisPlace): MetricSpec {
  return {
    name: raw.name,
    intervalMs: readDuration(
      raw.interval,
      { path: `${path}.interval`, found },
      { fallbackMs: MINUTE_MS, min: '1s', max: '24h' },
    ),
    range: range(raw, path, found),
    origin: origin(raw, { path, namespace, found }),
    variables: raw.templateVariables ?? {},
  };
}

function range(raw: RawMetric, path: string, found: Findings): MetricSpec['range'] {
  const { thresholdRange, threshold } = raw;
  if (thresholdRange !== undefined) {
    const { min = null, max = null } = thresholdRange;
    const at = `${path}.thresholdRange`;
    if (min === null && max === null) found.invalid(at, 'needs min, max or both');
    if (min !== null && max !== null && min > max) {
      found.invalid(at, `min must not be greater than max: ${min} is greater than ${max}`);
    }
    return { min, max };
  }
  if (threshold === undefined) {
    found.invalid(
      `${path}.thresholdRange`,
      `is needed: without bounds no value of ${raw.name} can pass or fail`,
    );
    return { min: null, max: null };
  }
  return raw.name === 'request-success-rate'
    ? { min: threshold, max: null }
    : { min: null, max: threshold };
}

function origin(
  raw: RawMetric,
  { path, namespace, found }: Pick<AnalysisPlace, 'path' | 'namespace' | 'found'>,
): MetricOrigin {
  const { templateRef, query } = raw;
  if (templateRef !== undefined) {
    if (query !== undefined) {
      found.noEffect(`${path}.query`, 'has no effect with templateRef: the query is the template');
    }
    const ref = { namespace: templateRef.namespace ?? namespace, name: templateRef.name };
    return { kind: 'template', ref };
  }
  if (query !== undefined && query.trim() !== '') return { kind: 'inline', query };
  if (!BUILTIN_METRICS.includes(raw.name)) {
    found.invalid(
      `${path}.name`,
      `${raw.name} is not built in (${BUILTIN_METRICS.join(', ')} are): give it a templateRef`,
    );
  }
  return { kind: 'builtin' };
}

function parseAlert(raw: RawAlert, { namespace }: AnalysisPlace): AlertSpec {
  const { name, severity, providerRef } = raw;
  return {
    name,
    severity: severity === undefined || severity === '' ? 'info' : severity,
    providerRef: { namespace: providerRef.namespace ?? namespace, name: providerRef.name },
  };
}
