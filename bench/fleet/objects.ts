// The objects that the benchmarks put into the cluster: the smallest ones that a rollout needs, and large ones.
import type { KubeObject } from '../../src/api/kubernetes.ts';

const CANARY_API = 'serin.dev/v1beta1';
export const CANARIES = `/apis/${CANARY_API}`;
export const APPS = '/apis/apps/v1';
export const NETWORKING = '/apis/networking.k8s.io/v1';

export interface CanaryShape {
  readonly intervalSeconds: number;
  /** Failed checks that roll back. Default 5. */
  readonly threshold?: number;
  /** Default: none, so that each step passes after its interval. */
  readonly metrics?: readonly unknown[];
}

export function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${String(index).padStart(4, '0')}`);
}

export function namespaceOf(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function deploymentOf(name: string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'c', image: 'app:1', ports: [{ containerPort: 9898 }] }],
        },
      },
    },
  };
}

export function ingressOf(name: string): KubeObject {
  const backend = { service: { name, port: { number: 80 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
    spec: {
      rules: [
        {
          host: `${name}.example.com`,
          http: { paths: [{ path: '/', pathType: 'Prefix', backend }] },
        },
      ],
    },
  };
}

/** Two steps, 25 % and 50 %, behind ingress-nginx. */
export function canaryOf(name: string, shape: CanaryShape): KubeObject {
  const { intervalSeconds, threshold = 5, metrics = [] } = shape;
  return {
    apiVersion: CANARY_API,
    kind: 'Canary',
    metadata: { name },
    spec: {
      provider: 'nginx',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name },
      progressDeadlineSeconds: 600,
      service: { port: 80, targetPort: 9898 },
      analysis: {
        interval: `${intervalSeconds}s`,
        threshold,
        maxWeight: 50,
        stepWeight: 25,
        metrics,
      },
    },
  };
}

/** What a change of version is: the image of the one container. */
export function imagePatch(image: string): readonly unknown[] {
  return [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: image }];
}

/** A Deployment without pods whose JSON, as the API server serves it, has about so many bytes. */
export function largeDeploymentOf(name: string, bytes: number): KubeObject {
  const plain = deploymentOf(name);
  const variables = Math.max(0, Math.floor((bytes - SERVED_WITHOUT_VARIABLES) / VARIABLE_BYTES));
  const env = Array.from({ length: variables }, (_, index) => ({
    name: `SETTING_${String(index).padStart(3, '0')}`,
    value: `${name} takes this from its own configuration, ${index}`,
  }));
  const spec = plain['spec'] as { readonly template: { readonly metadata: unknown } };
  const containers = [
    {
      name: 'c',
      image: `registry.example.com/team/${name}:1`,
      ports: [{ name: 'http', containerPort: 9898 }],
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 2 },
      env,
    },
  ];
  return {
    ...plain,
    spec: { ...spec, replicas: 0, template: { ...spec.template, spec: { containers } } },
  };
}

/** Measured: a variable costs its own text, and its field in the managed fields. */
const VARIABLE_BYTES = 154;
const SERVED_WITHOUT_VARIABLES = 1_900;
