// One calm Canary, the user's Ingress, and what an API server and a gateway make of the objects that we render.
import { asWeight } from '../../../src/api/canary.ts';
import type { Canary, CanarySpec, GatewayRef, ServiceSpec } from '../../../src/api/canary.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { calmCanary as anyCanary, calmService as anyService } from '../workloads/fixtures.ts';
import type { Route, RouterInput, RouterProvider } from '../../../src/routers/provider.ts';

export const NOW = asInstant(1_767_225_600_123);
export const REVISION = 'a'.repeat(64);

export const gatewayRef: GatewayRef = {
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name: 'public',
  namespace: 'infra',
  sectionName: null,
  port: null,
};

export const calmService: ServiceSpec = { ...anyService, gatewayRefs: [gatewayRef] };

/** Fit for every router: blue/green, with a gateway and an Ingress. */
const calmSpec: CanarySpec = {
  ...anyCanary.spec,
  ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web' },
  service: calmService,
  analysis: { ...anyCanary.spec.analysis, strategy: { kind: 'blue-green', iterations: 10 } },
};

export const calmCanary: Canary = { ...anyCanary, spec: calmSpec };

export function backend(name: string): unknown {
  return { service: { name, port: { number: 80 } } };
}

/** The user's Ingress: two hosts lead to the apex, one path to another Service. */
export const ingress: KubeObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: {
    name: 'web',
    namespace: 'test',
    labels: { 'app.kubernetes.io/instance': 'web' },
    annotations: {
      'nginx.ingress.kubernetes.io/proxy-body-size': '8m',
      'nginx.ingress.kubernetes.io/canary-by-header': 'x-old',
      'cert-manager.io/cluster-issuer': 'letsencrypt',
      'kubernetes.io/ingress.class': 'nginx',
    },
  },
  spec: {
    ingressClassName: 'nginx',
    tls: [{ hosts: ['a.example.com'], secretName: 'web-tls' }],
    rules: [
      {
        host: 'a.example.com',
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: backend('podinfo') },
            { path: '/docs', pathType: 'Prefix', backend: backend('docs') },
          ],
        },
      },
      {
        host: 'docs.example.com',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend('docs') }] },
      },
    ],
  },
};

/** What a router is given: the user's objects and, where there are any, the live ones. */
export function input(
  service: Partial<ServiceSpec> = {},
  live: readonly KubeObject[] = [],
): RouterInput {
  const spec: CanarySpec = { ...calmSpec, service: { ...calmService, ...service } };
  return {
    canary: { ...calmCanary, spec },
    spec,
    objects: new Map(
      [ingress, ...live].map((object) => [`${object.kind}/${object.metadata.name}`, object]),
    ),
  };
}

export function split(weight: number, step = 3): Route & { kind: 'split' } {
  return { kind: 'split', canary: asWeight(weight), revision: REVISION, step };
}

/** A rendered object as the API server returns it: owned by our Canary, and obeyed by its gateway. */
export function stored(object: KubeObject, uid = calmCanary.uid): KubeObject {
  const { kind, name } = gatewayRef;
  const condition = { status: 'True', observedGeneration: 2, reason: 'Fine', message: '' };
  return {
    ...structuredClone(object),
    metadata: {
      ...object.metadata,
      uid: 'object-uid',
      generation: 2,
      resourceVersion: '41',
      ownerReferences: [
        { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', name: 'podinfo', uid, controller: true },
      ],
    },
    status: {
      parents: [
        {
          parentRef: { group: gatewayRef.group, kind, name, namespace: 'infra' },
          controllerName: 'example.com/gateway',
          conditions: [
            { ...condition, type: 'Accepted' },
            { ...condition, type: 'ResolvedRefs' },
          ],
        },
      ],
    },
  };
}

/** The live objects after `route` was written. */
export function written(
  router: RouterProvider,
  route: Route,
  service: Partial<ServiceSpec> = {},
): readonly KubeObject[] {
  return router.render(input(service), route, NOW).map((object) => stored(object));
}

/** A copy of the object with one field set. */
export function changed(
  object: KubeObject | undefined,
  path: readonly string[],
  value: unknown,
): KubeObject {
  const copy = structuredClone(object);
  let at = copy as unknown as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
  return copy as KubeObject;
}
