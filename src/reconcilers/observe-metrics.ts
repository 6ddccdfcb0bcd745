// Each metric of a Canary made into a query that can be asked, or the reason why it cannot.
import type { Canary, MetricSpec, Problem } from '../api/canary.ts';
import { refusedReference } from '../api/grants.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { parseMetricTemplate } from '../api/metric-template.ts';
import { renderQuery } from '../api/render-query.ts';
import { judgeSourceType } from '../metrics/registry.ts';
import type { RouterProvider } from '../routers/provider.ts';

/** A metric ready to be asked; the Secret is read when it is. */
export interface MetricPlan {
  readonly metric: MetricSpec;
  readonly type: string;
  readonly text: string;
  /** Empty = the operator's own Prometheus. */
  readonly address: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly insecureSkipVerify: boolean;
  readonly region: string | null;
  readonly secret: { readonly namespace: string; readonly name: string } | null;
}

export interface MetricsInput {
  readonly canary: Canary;
  readonly router: RouterProvider;
  readonly allowCrossNamespace: boolean;
  /** The live template; undefined = there is none. */
  readonly template: (namespace: string, name: string) => KubeObject | undefined;
}

export function planMetrics(input: MetricsInput): {
  readonly plans: readonly MetricPlan[];
  readonly problems: readonly Problem[];
} {
  const plans: MetricPlan[] = [];
  const problems: Problem[] = [];
  input.canary.spec.analysis.metrics.forEach((metric, index) => {
    const planned = planOne(input, metric, `spec.analysis.metrics[${index}]`);
    if ('problems' in planned) problems.push(...planned.problems);
    else plans.push(planned);
  });
  return { plans, problems };
}

type Planned = MetricPlan | { readonly problems: readonly Problem[] };

function planOne(input: MetricsInput, metric: MetricSpec, path: string): Planned {
  const { canary, router } = input;
  const own = {
    metric,
    type: 'prometheus',
    address: canary.spec.metricsServer ?? '',
    headers: {},
    insecureSkipVerify: false,
    region: null,
    secret: null,
  };
  switch (metric.origin.kind) {
    case 'builtin': {
      const query = Object.hasOwn(router.builtin, metric.name)
        ? router.builtin[metric.name]
        : undefined;
      if (query === undefined) {
        const known = Object.keys(router.builtin).join(', ');
        const message = `${metric.name} is no builtin metric of ${router.name} (${known}): give a templateRef`;
        return { problems: [{ reason: 'UnknownMetric', path: `${path}.name`, message }] };
      }
      return rendered(input, own, query, path);
    }
    case 'inline':
      return rendered(input, own, metric.origin.query, `${path}.query`);
    case 'template':
      return fromTemplate(input, metric, metric.origin.ref, `${path}.templateRef`);
  }
}

function fromTemplate(
  input: MetricsInput,
  metric: MetricSpec,
  ref: { readonly namespace: string; readonly name: string },
  path: string,
): Planned {
  const raw = input.template(ref.namespace, ref.name);
  const named = `MetricTemplate ${ref.namespace}/${ref.name}`;
  if (raw === undefined) {
    const message = `${named} does not exist`;
    return { problems: [{ reason: 'MetricTemplateNotFound', path, message }] };
  }
  const annotations = raw.metadata.annotations ?? {};
  const to = { ...ref, kind: 'MetricTemplate', resource: 'metrictemplates.serin.dev', annotations };
  const refusal = refusedReference({ from: input.canary.namespace, path, to }, input);
  if (refusal !== null) return { problems: [refusal] };
  const parsed = parseMetricTemplate(raw);
  if (!parsed.ok) {
    return {
      problems: parsed.problems.map((problem) => ({
        reason: 'InvalidMetricTemplate',
        path,
        message: `${named}, ${problem.path}: ${problem.message}`,
      })),
    };
  }
  const { provider, query } = parsed.value;
  const unsupported = judgeSourceType(provider.type, path);
  if (unsupported !== null) return { problems: [unsupported] };
  const { type, address, headers, insecureSkipVerify, region, secretName } = provider;
  const secret = secretName === null ? null : { namespace: ref.namespace, name: secretName };
  return rendered(
    input,
    { metric, type, address, headers, insecureSkipVerify, region, secret },
    query,
    path,
  );
}

function rendered(
  input: MetricsInput,
  plan: Omit<MetricPlan, 'text'>,
  query: string,
  path: string,
): Planned {
  const { canary } = input;
  const { spec } = canary;
  const values = {
    name: canary.name,
    namespace: canary.namespace,
    target: spec.targetRef.name,
    service: spec.service.name,
    ingress: spec.ingressRef?.name ?? '',
    route: '',
    intervalMs: plan.metric.intervalMs,
    variables: plan.metric.variables,
  };
  const result = renderQuery(query, values, path);
  return result.ok ? { ...plan, text: result.text } : { problems: [result.problem] };
}
