// The real node itself: real pods behind a real data plane, measured by a real Prometheus.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject, Pod } from '../../../src/api/kubernetes.ts';
import type { Api } from '../cluster/api.ts';
import { apply } from '../cluster/apply.ts';
import { newNamespace } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { TEST_SERVER, apiOfNode, describeNode, load, prometheusValue } from './node.ts';

interface Workload extends KubeObject {
  readonly status?: { readonly readyReplicas?: number };
}

describeNode('the real node', () => {
  let api: Api;

  beforeAll(() => {
    api = apiOfNode();
  });
  afterAll(() => api.close());

  test('splits traffic by an HTTPRoute, and Prometheus sees who answered', async () => {
    await using namespace = await newNamespace(api);
    const { name } = namespace;
    await start(api, name, 'v1');
    await start(api, name, 'v2', { ERROR_RATE: '1' });
    await apply(api, route(name, { v1: 80, v2: 20 }));
    const host = `${name}.test`;
    await until('the route', async () => 'v1' in (await load({ host, requests: 1 })).answers);
    const { answers, failures } = await load({ host, requests: 2_000 });
    expect(failures).toEqual({});
    expect(answers['v1']?.['200']).toBeGreaterThan(1_600 - 72); // four standard deviations
    expect(answers['v1']?.['200']).toBeLessThan(1_600 + 72);
    expect(Object.keys(answers['v2'] ?? {})).toEqual(['500']);
    const failed = answers['v2']?.['500'] ?? 0;
    await until('Prometheus to have counted', async () => {
      const query = `sum(http_requests_total{namespace="${name}",status="500"})`;
      return ((await prometheusValue(query)) ?? 0) >= failed;
    });
  });

  test('shows a crashing pod as it is', async () => {
    await using namespace = await newNamespace(api);
    await apply(api, deployment(namespace.name, 'bad', { CRASH_AFTER: '200ms' }));
    await until('a restart', async () => {
      const path = `/api/v1/namespaces/${namespace.name}/pods`;
      const [pod] = (await api.get<{ items: readonly Pod[] }>(path)).items;
      const container = pod?.status?.containerStatuses?.[0];
      return container?.lastState?.terminated?.exitCode === 1 && container.restartCount > 0;
    });
  });
});

async function start(
  api: Api,
  namespace: string,
  version: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await apply(api, deployment(namespace, version, env));
  await apply(api, service(namespace, version));
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${version}`;
  await until(`${version} to be ready`, async () => {
    return (await api.get<Workload>(path)).status?.readyReplicas === 2;
  });
}

function deployment(
  namespace: string,
  version: string,
  env: Readonly<Record<string, string>>,
): KubeObject {
  const variables = Object.entries({ VERSION: version, ...env }).map(([name, value]) => ({
    name,
    value,
  }));
  return parse(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${version}, namespace: ${namespace}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${version}}}
  template:
    metadata:
      labels: {app: ${version}}
      annotations: {prometheus.io/scrape: "true"}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: app
          image: ${TEST_SERVER}
          imagePullPolicy: Never
          env: ${JSON.stringify(variables)}
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
`) as KubeObject;
}

function service(namespace: string, version: string): KubeObject {
  return parse(`
apiVersion: v1
kind: Service
metadata: {name: ${version}, namespace: ${namespace}}
spec: {selector: {app: ${version}}, ports: [{port: 80, targetPort: http}]}
`) as KubeObject;
}

function route(namespace: string, weights: Readonly<Record<string, number>>): KubeObject {
  const backends = Object.entries(weights).map(([name, weight]) => ({ name, port: 80, weight }));
  return parse(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: ${namespace}}
spec:
  parentRefs: [{name: contour, namespace: projectcontour}]
  hostnames: [${namespace}.test]
  rules: [{backendRefs: ${JSON.stringify(backends)}}]
`) as KubeObject;
}
