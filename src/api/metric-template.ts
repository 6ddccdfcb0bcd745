// A MetricTemplate as the rest of Serin knows it.
import type { NamespacedName, Problem } from './canary.ts';
import type { KubeObject } from './kubernetes.ts';
import { parseNamed } from './parse-named.ts';
import { parseQuery } from './render-query.ts';
import { metricTemplateSchema } from './schema/metric-template.ts';
import type { MetricProviderType } from './schema/metric-template.ts';

export interface MetricProvider {
  readonly type: MetricProviderType;
  /** Empty = the provider's own. */
  readonly address: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Secret in the template's namespace that holds the credentials; null = none. */
  readonly secretName: string | null;
  readonly region: string | null;
  readonly insecureSkipVerify: boolean;
}

export interface MetricTemplate extends NamespacedName {
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly provider: MetricProvider;
  /** With placeholders, all of them known; `renderQuery` fills them in. */
  readonly query: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Total: any JSON gives an answer. */
export function parseMetricTemplate(raw: KubeObject): Parsed<MetricTemplate> {
  const parsed = parseNamed(metricTemplateSchema, raw);
  if (!parsed.ok) return parsed;
  const { identity, spec } = parsed.value;
  const { provider, query } = spec;
  const checked = parseQuery(query, 'spec.query');
  const problems: Problem[] = checked.ok ? [] : [checked.problem];
  const address = provider.address ?? '';
  if (address !== '' && !isHttp(address)) {
    problems.push({
      reason: 'InvalidSpec',
      path: 'spec.provider.address',
      message: 'must be an http or https address',
    });
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: {
      ...identity,
      provider: {
        type: provider.type,
        address,
        headers: provider.headers ?? {},
        secretName: provider.secretRef?.name ?? null,
        region: provider.region || null,
        insecureSkipVerify: provider.insecureSkipVerify ?? false,
      },
      query,
    },
  };
}

export function isHttp(address: string): boolean {
  return /^https?:\/\//i.test(address) && URL.canParse(address);
}
