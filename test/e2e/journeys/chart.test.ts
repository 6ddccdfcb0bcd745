// The helm chart by itself: what it renders is admitted, what it does not know it refuses, and kustomize's base is the same.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { kustomizeBase } from '../../../tools/kustomize.ts';
import { parseManifests, pathOf } from '../cluster/apply.ts';
import {
  CHART,
  argumentsOf,
  describeChart,
  helm,
  helmPath,
  operatorOf,
  rendered,
  type Values,
} from '../cluster/chart.ts';
import { apiAs, newNamespace } from '../cluster/e2e.ts';

const BASE = join(CHART, '../../kustomize/base');
/** Kinds of the Prometheus operator, which the test cluster does not serve. */
const MONITORING = 'monitoring.coreos.com/v1';

const EVERYTHING: Values = {
  image: { digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'registry' }],
  nameOverride: 'rollouts',
  replicaCount: 3,
  selectorLabels: 'app,run',
  includeLabelPrefix: '*',
  allowCrossNamespaceRefs: true,
  routers: { gatewayApi: true, nginx: true },
  configTracking: { secrets: 'clusterWide' },
  exec: { enabled: true },
  egress: { allow: ['10.0.0.0/8', '*.example.com'], deny: ['10.1.0.0/16'] },
  extraArgs: ['--log-level=debug'],
  extraEnv: [{ name: 'TZ', value: 'UTC' }],
  serviceAccount: { annotations: { role: 'none' } },
  networkPolicy: {
    ingressFrom: [{ namespaceSelector: { matchLabels: { team: 'monitoring' } } }],
    egress: { enabled: true, rules: [{ ports: [{ port: 9090 }] }] },
  },
  serviceMonitor: { enabled: true, interval: '30s', labels: { release: 'prometheus' } },
  podMonitor: { enabled: true, scrapeTimeout: '5s' },
  prometheusRule: { enabled: true },
  dashboard: { enabled: true, annotations: { folder: 'Rollouts' } },
  podAnnotations: { 'prometheus.io/scrape': 'true' },
  podLabels: { team: 'platform' },
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
  ],
};
const NOTHING: Values = {
  namespaces: ['one', 'two'],
  routers: { gatewayApi: false },
  configTracking: { enabled: false },
  leaderElection: { enabled: false },
  replicaCount: 1,
  crds: { install: false },
  rbac: { aggregateToUsers: false },
  serviceAccount: { create: false, name: 'own' },
  uninstallHook: { enabled: false },
  podDisruptionBudget: { enabled: false },
  networkPolicy: { enabled: false },
  service: { enabled: false },
  resources: {},
};
const SETTINGS: Readonly<Record<string, Values>> = {
  'its own values': {},
  'every part': EVERYTHING,
  'hardly any part': NOTHING,
  'two namespaces': { namespaces: ['one', 'two'] },
  'the roles of somebody else': { rbac: { create: false } },
};

describeChart('the chart', () => {
  test.concurrent.each(Object.entries(SETTINGS))('with %s passes lint', async (_name, values) => {
    expect(await helm(['lint', '--strict', CHART], { values })).toContain('0 chart(s) failed');
  });

  test.concurrent.each(Object.entries(SETTINGS))(
    'with %s is taken whole by an API server',
    async (_name, values) => {
      const api = apiAs();
      await using _api = { [Symbol.asyncDispose]: () => api.close() };
      await using here = await newNamespace(api, 'chart');
      await restrict(here.name);
      for (const object of await rendered(values, here.name)) {
        if (object.apiVersion === MONITORING) continue;
        // Namespaces that are only named need not be there for a dry run of what is in them.
        const { namespace = here.name } = object.metadata;
        const near = { ...object, metadata: { ...object.metadata, namespace: here.name } };
        const path = await pathOf(api, namespace === here.name ? object : near, here.name);
        const taken = api.patch(
          `${path}?dryRun=All&fieldManager=helm&force=true&fieldValidation=Strict`,
          namespace === here.name ? object : near,
          { contentType: 'application/apply-patch+yaml' },
        );
        await expect(taken, `${object.kind} ${object.metadata.name}`).resolves.toBeDefined();
      }

      async function restrict(name: string): Promise<void> {
        const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
        await api.patch(`/api/v1/namespaces/${name}`, { metadata: { labels } });
      }
    },
  );

  test.concurrent('has pods that a restricted namespace admits', async () => {
    const api = apiAs();
    await using _api = { [Symbol.asyncDispose]: () => api.close() };
    await using here = await newNamespace(api, 'chart');
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await api.patch(`/api/v1/namespaces/${here.name}`, { metadata: { labels } });
    const pods = `/api/v1/namespaces/${here.name}/pods?dryRun=All&fieldValidation=Strict`;
    const podOf = (spec: object): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'pod' },
      spec,
    });
    const workloads = (await rendered({}, here.name)).filter(({ kind }) =>
      ['Deployment', 'Job'].includes(kind),
    );
    expect(workloads).toHaveLength(2);
    for (const workload of workloads) {
      const { spec } = (workload as ReturnType<typeof operatorOf>).spec.template;
      await expect(api.post(pods, podOf(spec)), workload.kind).resolves.toBeDefined();
      await expect(api.post(pods, podOf({ ...spec, hostNetwork: true }))).rejects.toThrow('403');
    }
  });

  test.concurrent.each([
    [{ metricServer: 'http://prometheus' }, 'metricServer'],
    [{ image: { tagg: '1' } }, 'tagg'],
    [{ replicaCount: 'two' }, '/replicaCount'],
    [{ configTracking: { secrets: 'all' } }, '/configTracking/secrets'],
    [{ namespaces: 'shop' }, '/namespaces'],
    [{ namespaces: ['Shop'] }, '/namespaces/0'],
    [{ meshProvider: 'istio' }, '/meshProvider'],
    [{ terminationGracePeriodSeconds: 30 }, '/terminationGracePeriodSeconds'],
    [{ resources: { limit: {} } }, 'limit'],
  ] as const)('refuses %o by the name of the field', async (values, field) => {
    await expect(rendered(values)).rejects.toThrow(field);
  });

  test.concurrent('refuses what cannot work together, and says why', async () => {
    const alone = { service: { enabled: false }, serviceMonitor: { enabled: true } };
    await expect(rendered(alone)).rejects.toThrow('serviceMonitor.enabled needs service.enabled');
    const two = { leaderElection: { enabled: false } };
    await expect(rendered(two)).rejects.toThrow('without leaderElection.enabled only one replica');
    const unrouted = { meshProvider: 'nginx' };
    await expect(rendered(unrouted)).rejects.toThrow('meshProvider nginx needs routers.nginx');
  });

  test.concurrent('gives the operator no right outside of its namespaces', async () => {
    const objects = await rendered({ namespaces: ['one', 'two'], configTracking: {} }, 'here');
    expect(objects.filter(({ kind }) => kind === 'ClusterRoleBinding')).toEqual([]);
    const roles = objects.filter(({ kind }) => kind === 'ClusterRole');
    // Those that are left are for people, by aggregation, and about kinds of Serin alone.
    expect(roles.map(groupsOf)).toEqual([['serin.dev'], ['serin.dev']]);
    const places = objects
      .filter(({ kind }) => kind === 'Role')
      .map(({ metadata }) => metadata.namespace);
    expect(new Set(places)).toEqual(new Set(['here', 'one', 'two']));
    expect(argumentsOf(objects)).toContain('--namespace=one,two');
  });

  test.concurrent.each([
    [{}, []],
    [{ configTracking: { secrets: 'none' }, namespaces: ['one'] }, []],
    [{ namespaces: ['one'] }, ['Role']],
    [{ configTracking: { secrets: 'clusterWide' } }, ['ClusterRole']],
    [{ configTracking: { enabled: false, secrets: 'clusterWide' } }, []],
  ] as const)('with %o has rights on Secrets in %o', async (values, where) => {
    expect(holdersOf(await rendered(values), 'secrets')).toEqual(where);
  });

  test.concurrent.each([
    ['httproutes', {}, { routers: { gatewayApi: false } }],
    ['ingresses', { routers: { nginx: true } }, {}],
    ['pods/exec', { exec: { enabled: true } }, {}],
    ['configmaps', {}, { configTracking: { enabled: false } }],
    ['leases', {}, { leaderElection: { enabled: false }, replicaCount: 1 }],
  ] as const)('has rights on %s only when asked to', async (plural, yes, no) => {
    expect(holdersOf(await rendered(yes), plural)).toHaveLength(plural === 'leases' ? 2 : 1);
    expect(holdersOf(await rendered(no), plural)).toEqual([]);
  });

  test.concurrent('is what the base of kustomize holds', async () => {
    for (const [name, text] of kustomizeBase(helmPath()))
      expect(readFileSync(join(BASE, name), 'utf8') === text, `${name}: npm run generate`).toBe(
        true,
      );
    const { stdout } = await promisify(execFile)('kubectl', ['kustomize', BASE], {
      maxBuffer: 16 * 1024 * 1024,
    });
    const names = (objects: readonly KubeObject[]): readonly string[] =>
      objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
    const chart = (await rendered()).filter(
      ({ metadata }) => metadata.annotations?.['helm.sh/hook'] === undefined,
    );
    expect(names(parseManifests(stdout))).toEqual(
      [...names(chart), 'Namespace serin-system'].toSorted(),
    );
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
}

function rulesOf(role: KubeObject): readonly Rule[] {
  return (role['rules'] ?? []) as readonly Rule[];
}

function groupsOf(role: KubeObject): readonly string[] {
  return [...new Set(rulesOf(role).flatMap(({ apiGroups }) => apiGroups))];
}

/** Kinds of the roles, one for each rule, that name a resource. */
function holdersOf(objects: readonly KubeObject[], plural: string): readonly string[] {
  return objects.flatMap((object) =>
    rulesOf(object)
      .filter(({ resources }) => resources.includes(plural))
      .map(() => object.kind),
  );
}
