// The application of the reference journeys: a Deployment, its Canary, and how both are changed by a user.
import type { Deployment, KubeObject } from '../../api/kubernetes.ts';
import { parseStatus } from '../../api/status.ts';
import type { CanaryStatus } from '../../api/canary.ts';
import { RESOURCES } from '../../client/resources.ts';
import { type ModelCluster, USER } from './model-cluster.ts';

export const SHOP = 'shop';
export const APP = 'web';
const KEY = { namespace: SHOP, name: APP };

export interface ShopOptions {
  readonly replicas?: number;
  /** Fields of `spec.analysis` that differ. */
  readonly analysis?: Readonly<Record<string, unknown>>;
  /** Fields of the spec that differ. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

const ANALYSIS = {
  interval: '10s',
  threshold: 3,
  stepWeight: 25,
  maxWeight: 50,
  metrics: [{ name: 'request-success-rate', interval: '10s', thresholdRange: { min: 99 } }],
};

/** Version v1 with a Canary on the Gateway API. */
export function openShop(cluster: ModelCluster, options: ShopOptions = {}): void {
  cluster.createNamespace(SHOP);
  cluster.create(deploymentOf('web:1', options.replicas ?? 2));
  cluster.create(canaryOf(options));
}

export function release(cluster: ModelCluster, image: string): void {
  const path = '/spec/template/spec/containers/0/image';
  const operations = [{ op: 'replace', path, value: image }] as const;
  cluster.store.patch(RESOURCES.deployments, KEY, { type: 'json', operations }, USER);
}

export function statusOf(cluster: ModelCluster): CanaryStatus {
  return parseStatus(cluster.store.get(RESOURCES.canaries, KEY)?.['status']);
}

/** The image that a Deployment of the shop would run. */
export function imageOf(cluster: ModelCluster, name: string): string {
  const found = cluster.store.get(RESOURCES.deployments, { namespace: SHOP, name });
  const deployment = found as Deployment | null;
  return deployment?.spec.template.spec.containers[0]?.image ?? '';
}

function deploymentOf(image: string, replicas: number): KubeObject {
  const labels = { app: APP };
  const container = { name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP, namespace: SHOP },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

function canaryOf({ analysis = {}, spec = {} }: ShopOptions): KubeObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: APP, namespace: SHOP },
    spec: {
      provider: 'gatewayapi:v1',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: APP },
      service: {
        port: 80,
        targetPort: 'http',
        hosts: ['web.test'],
        gatewayRefs: [{ name: 'gateway', namespace: 'infra' }],
      },
      analysis: { ...ANALYSIS, ...analysis },
      ...spec,
    },
  };
}
