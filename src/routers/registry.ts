// The routers that Serin has; a new one joins by being in this list, and must then pass the shared suite.
import type { Problem } from '../api/canary.ts';
import { gatewayApi } from './gateway-api.ts';
import { kubernetes } from './kubernetes.ts';
import { nginx } from './nginx.ts';
import type { RouterProvider } from './provider.ts';

export const ROUTERS: readonly RouterProvider[] = [gatewayApi, nginx(), kubernetes];

/** Other names of the same router: v1beta1 has the same HTTPRoute, and every served cluster has v1. */
const ALIASES: Readonly<Record<string, string>> = {
  gatewayapi: 'gatewayapi:v1',
  'gatewayapi:v1beta1': 'gatewayapi:v1',
};

/** Providers of Flagger that Serin has not built. */
const NOT_BUILT: ReadonlySet<string> = new Set([
  'apisix',
  'appmesh',
  'appmesh:v1beta2',
  'contour',
  'gloo',
  'istio',
  'knative',
  'kuma',
  'linkerd',
  'osm',
  'skipper',
  'smi:v1alpha1',
  'smi:v1alpha2',
  'smi:v1alpha3',
  'traefik',
]);

/** The router of a `spec.provider`, or null; `refusedProvider` says why. */
export function routerFor(name: string): RouterProvider | null {
  const asked = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  return ROUTERS.find((router) => router.name === asked) ?? null;
}

/** Words for a provider that `routerFor` does not know. */
export function refusedProvider(name: string): Problem {
  const why = NOT_BUILT.has(name) ? 'is not built yet' : 'is unknown';
  return {
    reason: 'UnsupportedProvider',
    path: 'spec.provider',
    message: `provider ${JSON.stringify(name)} ${why}; use ${ROUTERS.map((router) => router.name).join(', ')}`,
  };
}
