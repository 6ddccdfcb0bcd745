// A small shop for tests of the world: a clock, a store, and the objects that routing goes by.
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import type { Resource } from '../../../../src/client/client.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { VirtualClock } from '../../../../src/clock/virtual-clock.ts';
import { ModelStore } from '../../../../src/sim/store/model-store.ts';
import { DataPlane } from '../../../../src/sim/world/proxies.ts';

const BY = { user: 'test', manager: 'test' };
export const SHOP = 'shop';

export class Scene {
  readonly clock = new VirtualClock();
  readonly store = new ModelStore({ clock: this.clock, random: () => 0.5 });
  readonly plane = new DataPlane({ store: this.store });

  /** Creates the object, or replaces the live one. */
  put(resource: Resource, object: KubeObject): KubeObject {
    const { name } = object.metadata;
    const live = this.store.get(resource, { namespace: SHOP, name });
    if (live === null) return this.store.create(resource, object, BY);
    const { resourceVersion = '' } = live.metadata;
    const replaced = { ...object, metadata: { ...object.metadata, resourceVersion } };
    return this.store.update(resource, replaced, BY);
  }

  remove(resource: Resource, name: string): void {
    this.store.delete(resource, { namespace: SHOP, name }, BY);
  }

  get(resource: Resource, name: string): KubeObject | null {
    return this.store.get(resource, { namespace: SHOP, name });
  }

  service(name: string, app: string): void {
    const spec = { selector: { app }, ports: [{ port: 80, protocol: 'TCP' }] };
    this.put(RESOURCES.services, { apiVersion: 'v1', kind: 'Service', metadata: meta(name), spec });
  }

  pod(name: string, app: string, image: string, ready = true): void {
    const labels = { app, 'pod-template-hash': name.split('-').at(-2) ?? '' };
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...meta(name), labels },
      spec: { containers: [{ name: 'app', image }] },
    };
    this.put(RESOURCES.pods, object);
    const key = { namespace: SHOP, name };
    const body = {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    };
    this.store.patch(RESOURCES.pods, key, { type: 'merge', body }, BY, { subresource: 'status' });
  }

  slice(service: string, pods: readonly string[]): void {
    this.put(RESOURCES.endpointSlices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...meta(`${service}-x`), labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      endpoints: pods.map((name, index) => ({
        addresses: [`10.0.0.${index + 1}`],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name, namespace: SHOP },
      })),
      ports: [],
    });
  }

  /** Three Services, two primary pods with image v1 and one canary pod with image v2. */
  shop(): this {
    this.service('web', 'web-primary');
    this.service('web-primary', 'web-primary');
    this.service('web-canary', 'web');
    this.pod('web-primary-a1-1', 'web-primary', 'v1');
    this.pod('web-primary-a1-2', 'web-primary', 'v1');
    this.pod('web-b2-1', 'web', 'v2');
    return this;
  }

  route(weights: Readonly<Record<string, number>>): KubeObject {
    return this.put(RESOURCES.httpRoutes, {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: meta('web'),
      spec: {
        parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' }],
        rules: [
          {
            backendRefs: Object.entries(weights).map(([name, weight]) => ({
              group: '',
              kind: 'Service',
              name,
              port: 80,
              weight,
            })),
          },
        ],
      },
    });
  }

  ingress(name: string, service: string, annotations: Readonly<Record<string, string>> = {}): void {
    const backend = { service: { name: service, port: { number: 80 } } };
    const paths = [{ path: '/', pathType: 'Prefix', backend }];
    this.put(RESOURCES.ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { ...meta(name), annotations },
      spec: { ingressClassName: 'nginx', rules: [{ host: 'web.test', http: { paths } }] },
    });
  }

  canaryIngress(weight: string): void {
    this.ingress('web-canary', 'web-canary', {
      'nginx.ingress.kubernetes.io/canary': 'true',
      'nginx.ingress.kubernetes.io/canary-weight': weight,
    });
  }

  /** Shares by image, rounded; `''` is what meets no pod. */
  byImage(apex = 'web'): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { image, share } of this.plane.flows(SHOP, apex)) {
      sums[image] = Math.round(((sums[image] ?? 0) + share) * 1e6) / 1e6;
    }
    return sums;
  }
}

function meta(name: string): KubeObject['metadata'] {
  return { name, namespace: SHOP };
}
