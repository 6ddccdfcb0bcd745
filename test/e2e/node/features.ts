// Three applications that together use what the operator can do to a cluster: routes, configs, autoscalers, own metrics.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { apply } from '../cluster/apply.ts';
import { TEST_SERVER } from './node.ts';
import type { Place } from './walk.ts';

export type App = 'gateway' | 'ingress' | 'plain';
export const APPS: readonly App[] = ['gateway', 'ingress', 'plain'];

/** All objects of all applications; without Canaries, nothing happens to them. */
export async function deployApps({ api, namespace }: Place): Promise<void> {
  const objects: KubeObject[] = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { COLOUR: 'blue' },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'password' },
      stringData: { WORD: 'canary' },
    },
    // Prometheus asks for no password and takes one all the same.
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'prometheus' },
      stringData: { username: 'operator', password: 'operator' },
    },
    ...APPS.map((app) => deployment(app, 'v1')),
    AUTOSCALER,
    INGRESS,
  ];
  for (const object of objects) await apply(api, object, namespace);
}

export async function releaseApp({ api, namespace }: Place, app: App, version: string) {
  await apply(api, deployment(app, version), namespace);
}

function deployment(app: App, version: string): KubeObject {
  const container = {
    name: 'app',
    image: TEST_SERVER,
    imagePullPolicy: 'Never',
    env: [{ name: 'VERSION', value: version }],
    envFrom: [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'password' } }],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m' } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, labels: { app } },
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { terminationGracePeriodSeconds: 5, containers: [container] },
      },
    },
  };
}

const AUTOSCALER = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'gateway' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gateway' },
    minReplicas: 1,
    maxReplicas: 2,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ],
  },
};

const INGRESS = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'ingress' },
  spec: {
    ingressClassName: 'nginx',
    rules: [
      {
        host: 'ingress.test',
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: 'ingress', port: { number: 80 } } },
            },
          ],
        },
      },
    ],
  },
};

/** A metric that always says this; asked for with a password out of a Secret. */
export async function setMetric({ api, namespace }: Place, value: number): Promise<void> {
  const template = {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'MetricTemplate',
    metadata: { name: 'well' },
    spec: {
      provider: {
        type: 'prometheus',
        address: 'http://198.18.255.1:9090',
        secretRef: { name: 'prometheus' },
      },
      query: `vector(${value})`,
    },
  };
  await apply(api, template, namespace);
}

const ROUTES: Readonly<Record<App, object>> = {
  gateway: {
    provider: 'gatewayapi:v1',
    autoscalerRef: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      name: 'gateway',
    },
  },
  ingress: {
    provider: 'nginx',
    ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'ingress' },
  },
  plain: { provider: 'kubernetes' },
};

/** A hook that never says yes: each time, the same is told. */
export const NEVER = {
  webhooks: [{ name: 'never', type: 'pre-rollout', url: 'http://198.18.255.1:9090/never' }],
};

/** A command in a canary pod that has a say. */
export const COMMAND = {
  webhooks: [{ name: 'fit', type: 'exec', exec: { command: ['/testserver', 'tell'] } }],
};

/** Weighted, or blue/green where nobody routes; `more` are further fields of the analysis. */
export async function applyCanary(place: Place, app: App, more: object = {}): Promise<void> {
  const service = {
    port: 80,
    targetPort: 'http',
    ...(app === 'gateway'
      ? { hosts: [place.host], gatewayRefs: [{ name: 'contour', namespace: 'projectcontour' }] }
      : {}),
  };
  const canary = {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: app },
    spec: {
      ...ROUTES[app],
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app },
      service,
      analysis: {
        interval: '1s',
        threshold: 3,
        ...(app === 'plain' ? { iterations: 2 } : { stepWeight: 50, maxWeight: 50 }),
        metrics: [
          {
            name: 'well',
            templateRef: { name: 'well' },
            interval: '1s',
            thresholdRange: { min: 1 },
          },
        ],
        ...more,
      },
    },
  };
  await apply(place.api, canary, place.namespace);
}
