// Gateway API: one HTTPRoute with the name of the apex, whose backend weights split the traffic.
import { asWeight, NO_WEIGHT } from '../api/canary.ts';
import type { CanarySpec, Weight } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { APP_QUERIES } from './builtin-queries.ts';
import { httpRouteProblems } from './http-route-limits.ts';
import { acceptance } from './http-route-status.ts';
import { httpRouteSpec } from './http-route.ts';
import type { Route, RouterInput, RouterProvider, RouteState } from './provider.ts';
import {
  holds,
  holdsMetadata,
  isRecord,
  ours,
  problem,
  records,
  serviceNames,
  stampOf,
  stamped,
  TOGGLES,
} from './route-objects.ts';

const HTTP_ROUTE = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  plural: 'httproutes',
} as const;

/** Fields that change which requests match or where they go, and that no server fills in by itself. */
const STEERING: ReadonlySet<string> = new Set([
  'hostnames',
  'matches',
  'method',
  'headers',
  'queryParams',
  'filters',
  'timeouts',
  'retry',
  'sessionPersistence',
  'namespace',
  'sectionName',
  'port',
  'set',
  'add',
  'remove',
  'hostname',
  'percent',
  'fraction',
]);

export const gatewayApi: RouterProvider = {
  name: 'gatewayapi:v1',
  can: { weight: true, mirror: false, match: false, sessionAffinity: false },
  confirms: { by: 'status' },
  kinds: [HTTP_ROUTE],
  needs: (spec) => [keyOf(spec)],
  validate: (spec) => ({
    refused: httpRouteProblems(spec),
    warned:
      spec.ingressRef === null
        ? []
        : [
            problem(
              'spec.ingressRef',
              'has no effect: Gateway API routes traffic by spec.service.gatewayRefs',
            ),
          ],
  }),
  missing: () => [],
  render: ({ canary, spec }, route, writtenAt) => [
    {
      apiVersion: HTTP_ROUTE.apiVersion,
      kind: HTTP_ROUTE.kind,
      metadata: {
        name: spec.service.name,
        namespace: canary.namespace,
        labels: spec.service.apex.labels,
        annotations: {
          ...spec.service.apex.annotations,
          ...TOGGLES,
          ...stamped(canary, route, writtenAt),
        },
      },
      spec: httpRouteSpec(spec, route, canary.deleting),
    },
  ],
  read,
  builtin: APP_QUERIES,
};

function read(input: RouterInput): RouteState {
  const { canary, spec, objects } = input;
  const live = objects.get(keyOf(spec));
  if (live === undefined) return { kind: 'absent' };
  if (!ours(live, canary)) {
    return { kind: 'foreign', object: `HTTPRoute ${canary.namespace}/${spec.service.name}` };
  }
  const { revision, step, writtenAt } = stampOf(live);
  const found = backendsOf(live);
  const apex = toApex(found, spec);
  const route: Route = apex
    ? { kind: 'apex', ...(alone(found) ? {} : { trailing: true }) }
    : { kind: 'split', canary: shareOf(found, spec), revision, step };
  const [wanted] = gatewayApi.render(input, route, writtenAt);
  const intact =
    wanted !== undefined &&
    writtenAt > 0 &&
    (apex || step >= 0) &&
    holdsMetadata(live, wanted) &&
    holds(live['spec'], wanted['spec'], STEERING);
  return {
    kind: 'ours',
    route,
    writtenAt,
    intact,
    accepted: acceptance(live, spec.service.gatewayRefs),
  };
}

type Backends = readonly { readonly name: unknown; readonly weight: number }[];

function backendsOf(live: KubeObject): readonly Backends[] {
  const rules = records(isRecord(live['spec']) ? live['spec']['rules'] : undefined);
  return rules.map((rule) =>
    records(rule['backendRefs']).map(({ name, weight }) => ({
      name,
      weight: typeof weight === 'number' ? weight : 1,
    })),
  );
}

function toApex(rules: readonly Backends[], spec: CanarySpec): boolean {
  const { apex } = serviceNames(spec);
  return (
    rules.length > 0 &&
    rules.every(
      (rule) =>
        rule.some(({ name }) => name === apex) &&
        rule.every(({ name, weight }) => name === apex || weight === 0) &&
        (alone([rule]) || rule.some(({ weight }) => weight > 0)),
    )
  );
}

function alone(rules: readonly Backends[]): boolean {
  return rules.every((rule) => rule.length === 1);
}

/** The largest share that any rule gives the canary, whatever somebody made of the rules: none is read as drained. */
function shareOf(rules: readonly Backends[], spec: CanarySpec): Weight {
  const { canary } = serviceNames(spec);
  const shares = rules.map((rule) => {
    const all = rule.reduce((sum, { weight }) => sum + weight, 0);
    const some = rule
      .filter(({ name }) => name === canary)
      .reduce((sum, { weight }) => sum + weight, 0);
    if (some <= 0 || all <= 0) return 0;
    return Math.min(100, Math.max(1, Math.round((100 * some) / all)));
  });
  return shares.length === 0 ? NO_WEIGHT : asWeight(Math.max(...shares));
}

function keyOf(spec: CanarySpec): string {
  return `${HTTP_ROUTE.kind}/${spec.service.name}`;
}
