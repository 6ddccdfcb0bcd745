// What a rollout on the real node starts from: a Deployment of three pods, its Canary, the operator, and users that ask.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import type { Deployment, Service } from '../../../src/api/kubernetes.ts';
import { parseStatus } from '../../../src/api/status.ts';
import type { Api } from '../cluster/api.ts';
import { apply, applyCrds } from '../cluster/apply.ts';
import { newNamespace } from '../cluster/namespace.ts';
import { until } from '../cluster/until.ts';
import { apiOfNode, TEST_SERVER } from './node.ts';
import { NodeOperator } from './operator.ts';

const CRDS = join(import.meta.dirname, '../../../crds');

/** Where one application lives. */
export interface Place {
  readonly api: Api;
  readonly namespace: string;
  /** The Host header that Envoy knows this application by. */
  readonly host: string;
}

export interface Walk extends Place {
  readonly operator: NodeOperator;
}

export interface WalkOptions {
  readonly prometheus?: string;
  readonly bundle?: string;
  /** Of the operator, further ones. */
  readonly flags?: readonly string[];
}

/** A namespace with the operator for it; on failure the Canaries and the operator's last words come along. */
export async function walk(
  body: (on: Walk) => Promise<void>,
  options: WalkOptions = {},
): Promise<void> {
  await using started = await startWalk(options);
  try {
    await body(started);
  } catch (error) {
    process.stderr.write(await lastWords(started));
    throw error;
  }
}

/** The same, until it is disposed of. */
export async function startWalk(options: WalkOptions = {}): Promise<Walk & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const api = apiOfNode();
  stack.defer(() => api.close());
  await applyCrds(api, globSync(join(CRDS, 'serin.dev_*.yaml')));
  await apply(api, OPERATOR_RIGHTS);
  const { name: namespace } = stack.use(await newNamespace(api, 'node'));
  const place: Place = { api, namespace, host: `${namespace}.test` };
  stack.defer(() => withoutFinalizer(place));
  const operator = stack.use(new NodeOperator({ namespace, ...options }));
  await operator.start();
  const began = stack.move();
  return { ...place, operator, [Symbol.asyncDispose]: () => began.disposeAsync() };
}

/** For people: the Canaries as they are, and the end of what the operator said. */
export async function lastWords(on: Walk): Promise<string> {
  const { items } = await on.api
    .get<{ items?: unknown }>(canariesPath(on))
    .catch((error: unknown) => ({ items: String(error) }));
  const last = on.operator.log.split('\n').slice(-60).join('\n');
  return `--- ${on.namespace}: ${JSON.stringify(items, null, 1)}\n${last}\n`;
}

/** The operator is gone: nobody else would let the Canary, and with it the namespace, go. */
async function withoutFinalizer(on: Place): Promise<void> {
  const path = `${canariesPath(on)}/web`;
  if ((await on.api.find(path)) !== null)
    await on.api.patch(path, { metadata: { finalizers: null } });
}

const OPERATOR_RIGHTS = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'operator' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'operator' }],
};

function canariesPath({ namespace }: Place): string {
  return `/apis/serin.dev/v1beta1/namespaces/${namespace}/canaries`;
}

export function deploymentPath({ namespace }: Place, name = 'web'): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
}

function servicePath({ namespace }: Place, name: string): string {
  return `/api/v1/namespaces/${namespace}/services/${name}`;
}

export function routePath({ namespace }: Place): string {
  return `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/web`;
}

type Environment = Readonly<Record<string, string>>;

function variables(version: string, env: Environment) {
  return Object.entries({ VERSION: version, ...env }).map(([name, value]) => ({ name, value }));
}

/** What differs from three pods that may take all the CPU they want. */
export interface TargetShape {
  readonly replicas?: number;
  readonly env?: Environment;
  /** Of the container. */
  readonly resources?: unknown;
}

/** Pods of version v1, all ready. */
export async function deployTarget(on: Place, shape: TargetShape = {}): Promise<void> {
  const { replicas = 3, env = {}, resources = {} } = shape;
  const container = {
    name: 'app',
    image: TEST_SERVER,
    imagePullPolicy: 'Never',
    env: variables('v1', env),
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
    resources,
  };
  await on.api.post(`/apis/apps/v1/namespaces/${on.namespace}/deployments`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' }, annotations: { 'prometheus.io/scrape': 'true' } },
        spec: { terminationGracePeriodSeconds: 10, containers: [container] },
      },
    },
  });
  await untilReady(on, 'web', replicas);
}

export async function untilReady(on: Place, name: string, replicas: number): Promise<void> {
  await until(
    `${replicas} ready pods of ${name}`,
    async () => {
      const { status } = await on.api.get<Deployment>(deploymentPath(on, name));
      return status?.readyReplicas === replicas;
    },
    { limitMs: 60_000 },
  );
}

/** Pods of a Deployment have ended, after their drain too. */
export async function untilNoPods(on: Place, app = 'web'): Promise<void> {
  const path = `/api/v1/namespaces/${on.namespace}/pods?labelSelector=app%3D${app}`;
  await until(
    `the pods of ${app} to be gone`,
    async () => (await on.api.get<{ items: readonly unknown[] }>(path)).items.length === 0,
    { limitMs: 60_000 },
  );
}

/** A Service that clients call by its address, on the pods of the Deployment. */
export async function createService(on: Place): Promise<string> {
  const spec = { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] };
  const body = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec };
  const made = await on.api.post<Service>(`/api/v1/namespaces/${on.namespace}/services`, body);
  return made.spec.clusterIP ?? '';
}

/** Fields of `spec.analysis`; the others are those of the first canary that users make. */
export type Analysis = Readonly<Record<string, unknown>>;

/** 10 to 50 by 10, checked by success rate and duration out of the real Prometheus. */
export async function createCanary(
  on: Place,
  analysis: Analysis = {},
  spec: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await on.api.post(canariesPath(on), {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'web' },
    spec: {
      provider: 'gatewayapi:v1',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      service: {
        port: 80,
        targetPort: 8080,
        hosts: [on.host],
        gatewayRefs: [{ name: 'contour', namespace: 'projectcontour' }],
      },
      analysis: {
        interval: '10s',
        threshold: 3,
        stepWeight: 10,
        maxWeight: 50,
        metrics: checkedOver('10s'),
        ...analysis,
      },
      ...spec,
    },
  });
}

/** The two builtin metrics over a window. */
export function checkedOver(interval: string): readonly unknown[] {
  return [
    { name: 'request-success-rate', interval, thresholdRange: { min: 99 } },
    { name: 'request-duration', interval, thresholdRange: { max: 500 } },
  ];
}

export async function initialized(on: Place, analysis: Analysis = {}): Promise<void> {
  await deployTarget(on);
  await createCanary(on, analysis);
  await untilStatus(on, 'the first version', ({ phase }) => phase === 'Initialized');
}

/** A new version of the application; gives the time of it. */
export async function release(on: Place, version: string, env: Environment = {}): Promise<number> {
  const container = { name: 'app', env: variables(version, env) };
  const contentType = 'application/strategic-merge-patch+json';
  const template = { spec: { containers: [container] } };
  await on.api.patch(deploymentPath(on), { spec: { template } }, { contentType });
  return Date.now();
}

export async function statusOf(on: Place): Promise<CanaryStatus> {
  const object = await on.api.get(`${canariesPath(on)}/web`);
  return parseStatus(object['status']);
}

export async function untilStatus(
  on: Place,
  what: string,
  so: (status: CanaryStatus) => boolean,
  limitMs = 120_000,
): Promise<CanaryStatus> {
  return until(
    what,
    async () => {
      const status = await statusOf(on);
      return so(status) ? status : null;
    },
    { limitMs },
  );
}

/** The end of a rollout, whichever. */
export function untilOver(on: Place, limitMs?: number): Promise<CanaryStatus> {
  const over = ({ phase, parking }: CanaryStatus): boolean =>
    (phase === 'Succeeded' || phase === 'Failed') && parking === null;
  return untilStatus(on, 'the end of the rollout', over, limitMs);
}

export interface Step {
  readonly weight: number;
  /** By the operator's own record, since 1970. */
  readonly sinceMs: number;
}

export interface Rollout {
  /** As it was at the end. */
  readonly status: CanaryStatus;
  /** From the start at weight 0 to the promotion, which counts as the last step. */
  readonly steps: readonly Step[];
}

/** Follows a rollout that was just released to its end and keeps what the operator recorded on the way. */
export async function followRollout(on: Place, limitMs = 180_000): Promise<Rollout> {
  const steps: Step[] = [];
  const status = await untilStatus(
    on,
    'the end of the rollout',
    ({ canaryWeight: weight, rollout, phase, parking }) => {
      const rolling = phase === 'Progressing' || phase === 'Promoting';
      if (rolling && rollout !== null && steps.at(-1)?.sinceMs !== rollout.stepSince)
        steps.push({ weight, sinceMs: rollout.stepSince });
      return steps.length > 0 && parking === null && (phase === 'Succeeded' || phase === 'Failed');
    },
    limitMs,
  );
  return { status, steps };
}

/** How long a rollout took from its first weight to its promotion, beyond its intervals. */
export function lateness(steps: readonly Step[], intervalMs: number): number {
  const [, first] = steps;
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return Number.NaN;
  return last.sinceMs - first.sinceMs - (steps.length - 2) * intervalMs;
}

export async function deleteCanary(on: Place): Promise<void> {
  await on.api.delete(`${canariesPath(on)}/web`);
  await until(
    'the Canary to be gone',
    async () => (await on.api.find(`${canariesPath(on)}/web`)) === null,
    { limitMs: 60_000 },
  );
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

/** Which version a Deployment holds; null when there is no such Deployment. */
export async function versionOf(on: Place, name: string): Promise<string | null> {
  const found = await on.api.find<Deployment>(deploymentPath(on, name));
  const container = found?.spec.template.spec.containers[0] as unknown as Container | undefined;
  return container?.env.find((variable) => variable.name === 'VERSION')?.value ?? null;
}

export async function backendsOf(on: Place): Promise<Readonly<Record<string, number>>> {
  const route = await on.api.get<{
    spec: { rules: { backendRefs: { name: string; weight?: number }[] }[] };
  }>(routePath(on));
  const backends = route.spec.rules[0]?.backendRefs ?? [];
  return Object.fromEntries(backends.map(({ name, weight = 1 }) => [name, weight]));
}

export async function serviceExists(on: Place, name: string): Promise<boolean> {
  return (await on.api.find(servicePath(on, name))) !== null;
}
