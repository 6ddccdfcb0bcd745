// The test cluster itself: what every journey rests on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import type { Api } from './cluster/api.ts';
import { BEHAVIOUR, type Behaviour } from './cluster/behaviour.ts';
import { apiAs, cluster, describeE2E, newNamespace } from './cluster/e2e.ts';
import { startGateway } from './cluster/gateway.ts';
import { startPrometheus, startWebhookServer } from './cluster/http-servers.ts';
import { startKubelet } from './cluster/kubelet.ts';
import { until } from './cluster/until.ts';

interface Ready extends KubeObject {
  readonly status?: { readonly readyReplicas?: number };
}

interface Routed extends KubeObject {
  readonly status: { readonly parents: readonly { readonly conditions: readonly Condition[] }[] };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number;
}

describeE2E('the test cluster', () => {
  let api: Api;

  beforeAll(() => {
    api = apiAs();
  });
  afterAll(() => api.close());

  test('serves the kinds that the journeys need', async () => {
    await api.get('/apis/apps/v1/deployments');
    if (cluster().gatewayApi) await api.get('/apis/gateway.networking.k8s.io/v1/httproutes');
  });

  test('gives a plain user no rights', async () => {
    const alice = apiAs('alice');
    await expect(alice.get('/api/v1/secrets')).rejects.toMatchObject({ code: 403 });
    await alice.close();
  });

  test('brings the pods of a Deployment up, many at once, and lets them go', async () => {
    await using namespace = await newNamespace(api);
    await using kubelet = startKubelet(api, { namespace: namespace.name });
    const path = await deploy(api, namespace.name, { replicas: 100 });
    await readyReplicas(api, path, 100);
    const pods = await podsOf(api, namespace.name);
    expect(new Set(pods.map((pod) => pod.spec?.nodeName)).size).toBe(3);
    await api.patch(`${path}/scale`, { spec: { replicas: 0 } });
    await until('no pods', async () => (await podsOf(api, namespace.name)).length === 0);
    expect(kubelet).toBeDefined();
  });

  test('shows a crash as a kubelet does, by annotation or by a later rule', async () => {
    await using namespace = await newNamespace(api);
    await using kubelet = startKubelet(api, { namespace: namespace.name });
    const behaviour: Behaviour = { kind: 'crash', afterMs: 100, backoffMs: 60_000 };
    await deploy(api, namespace.name, { name: 'bad', behaviour });
    const good = await deploy(api, namespace.name, { name: 'good' });
    await readyReplicas(api, good, 1);
    kubelet.behave((pod) => pod.metadata.labels?.['app'] === 'good', behaviour);
    for (const app of ['bad', 'good']) {
      const pod = await until(`${app} to crash`, async () => {
        const [one] = await podsOf(api, namespace.name, app);
        return (one?.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0 ? one : null;
      });
      expect(pod.status?.containerStatuses?.[0]).toMatchObject({
        ready: false,
        restartCount: 1,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1 } },
      });
      expect(pod.status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'Ready', status: 'False' }),
      );
    }
  });

  test('confirms a route at its generation once its backends exist, unless told otherwise', async () => {
    await using namespace = await newNamespace(api);
    await using gateway = startGateway(api, { namespace: namespace.name });
    const routes = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace.name}/httproutes`;
    await api.post(routes, httpRoute('web'));
    const said = async () => (await api.get<Routed>(`${routes}/web`)).status.parents[0]?.conditions;
    const told = (reason: string, generation: number) =>
      until(`${reason} at generation ${generation}`, async () =>
        (await said())?.some(
          (one) => one.reason === reason && one.observedGeneration === generation,
        ),
      );
    await told('BackendNotFound', 1);
    await api.post(`/api/v1/namespaces/${namespace.name}/services`, service('web'));
    await told('ResolvedRefs', 1);
    gateway.judge(() => ({ kind: 'silent' }));
    await api.patch(`${routes}/web`, { spec: { hostnames: ['two.test'] } });
    gateway.judge(() => ({ kind: 'refuse', reason: 'NoMatchingParent' }));
    await told('NoMatchingParent', 2);
  });

  test('has servers that answer as told', async () => {
    await using hooks = await startWebhookServer();
    await using prometheus = await startPrometheus();
    hooks.close('/gate');
    const call = () => fetch(`${hooks.url}/gate`, { method: 'POST', body: '{"name":"web"}' });
    expect((await call()).status).toBe(403);
    hooks.open('/gate');
    expect((await call()).status).toBe(200);
    expect(hooks.calls('/gate')[1]?.body).toEqual({ name: 'web' });
    prometheus.answer((query) => (query === 'up' ? NaN : 'outage'));
    const ask = (query: string) => fetch(`${prometheus.url}/api/v1/query?query=${query}`);
    expect(await (await ask('up')).text()).toContain('"NaN"');
    expect((await ask('down')).status).toBe(503);
  });
});

interface Deployed {
  readonly name?: string;
  readonly replicas?: number;
  readonly behaviour?: Behaviour;
}

/** The path of the new Deployment. */
async function deploy(api: Api, namespace: string, options: Deployed): Promise<string> {
  const { name = 'web', replicas = 1, behaviour } = options;
  const annotations = behaviour === undefined ? {} : { [BEHAVIOUR]: JSON.stringify(behaviour) };
  const labels = { app: name };
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await api.post(path, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { containers: [{ name: 'app', image: 'web:1' }] },
      },
    },
  });
  return `${path}/${name}`;
}

async function readyReplicas(api: Api, path: string, count: number): Promise<void> {
  await until(`${count} ready pods`, async () => {
    return (await api.get<Ready>(path)).status?.readyReplicas === count;
  });
}

async function podsOf(api: Api, namespace: string, app = 'web'): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`;
  return (await api.get<{ items: readonly Pod[] }>(path)).items;
}

function service(name: string): object {
  const spec = { selector: { app: name }, ports: [{ port: 80 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

function httpRoute(name: string): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: { parentRefs: [{ name: 'any' }], rules: [{ backendRefs: [{ name, port: 80 }] }] },
  };
}
