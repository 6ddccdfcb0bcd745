// An operator installed on the real node as a team would: the image of this tree, by helm, with no rights but the chart's.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import type { KubeObject, Pod } from '../../../src/api/kubernetes.ts';
import { FINALIZER } from '../../../src/api/canary.ts';
import type { Api } from '../cluster/api.ts';
import { parseManifests } from '../cluster/apply.ts';
import { newNamespace } from '../cluster/namespace.ts';
import { until } from '../cluster/until.ts';
import { apiOfNode, nodeDir } from './node.ts';
import { checkedOver, createCanary, deployTarget, type Place, untilStatus } from './walk.ts';

export const ROOT = join(import.meta.dirname, '../../..');
export const CHART = join(ROOT, 'deploy/helm/serin');
export const RELEASE = 'serin';
/** conf/audit.yaml writes down what is asked from here. */
export const SYSTEM = 'serin-system';
export const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM}/leases/serin-controller`;
const REPOSITORY = 'serin.test/serin';
const CANARIES = '/apis/serin.dev/v1beta1/canaries';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const SOCKET = '/run/containerd/containerd.sock';

export interface OperatorPod extends Pod {
  readonly spec: {
    readonly containers: readonly {
      readonly image: string;
      readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
    }[];
  };
}

export type Values = Readonly<Record<string, unknown>>;

/** Makes the image of a source tree and gives it to the node. Seconds, when nothing changed. */
export async function importImage(tag: string, tree = ROOT): Promise<void> {
  const image = `${REPOSITORY}:${tag}`;
  const archive = await run(join(ROOT, 'tools/image/for-tests.sh'), [image, tree]);
  await ctr('images', 'import', archive.trim());
}

/** The same image by another tag. */
export async function tagImage(tag: string, as: string): Promise<void> {
  await ctr('images', 'tag', '--force', `${REPOSITORY}:${tag}`, `${REPOSITORY}:${as}`);
}

function ctr(...words: readonly string[]): Promise<string> {
  const node = join(import.meta.dirname, 'node.sh');
  return run(node, ['inside', nodeDir(), 'ctr', '-a', SOCKET, '-n', 'k8s.io', ...words]);
}

export function helm(...words: readonly string[]): Promise<string> {
  return run(join(inject('components'), 'bin/helm'), ['-n', SYSTEM, ...words]);
}

/** The chart's values on this node. */
export function valuesOf(tag: string, values: Values = {}): readonly string[] {
  const all = {
    image: { repository: REPOSITORY, tag, pullPolicy: 'Never' },
    // Prometheus runs on the node itself.
    metricsServer: 'http://198.18.255.1:9090',
    ...values,
  };
  return Object.entries(all).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`);
}

/** Calls the body with an API and an empty namespace for the operator; afterwards nothing of the operator is left. */
export async function onEmptyNode(body: (api: Api) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const api = apiOfNode();
  stack.defer(() => api.close());
  await clear(api);
  await api.post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: SYSTEM, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  stack.defer(() => clear(api));
  try {
    await body(api);
  } catch (error) {
    const { items } = (await api.find<{ items: KubeObject[] }>(CANARIES)) ?? { items: [] };
    process.stderr.write(`--- ${JSON.stringify(items, null, 1)}\n${await lastWords()}\n`);
    throw error;
  }
}

/** A namespace for an application, as `walk` makes it. The caller disposes it. */
export async function newPlace(api: Api): Promise<Place & AsyncDisposable> {
  const made = await newNamespace(api, 'team');
  return {
    api,
    namespace: made.name,
    host: `${made.name}.test`,
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

/** An application with its Canary, checked every 5 s; with a share of the CPU of its own beside the starting operators. */
export async function serveFirstVersion(place: Place): Promise<void> {
  await deployTarget(place, { resources: { requests: { cpu: '200m' } } });
  await createCanary(place, { interval: '5s', metrics: checkedOver('5s') });
  await untilStatus(place, 'the first version', ({ phase }) => phase === 'Initialized');
}

/** Takes every trace of an operator and of its kinds away; without one, nobody would see to finalizers. */
async function clear(api: Api): Promise<void> {
  await helm('uninstall', RELEASE, '--no-hooks', '--ignore-not-found', '--wait');
  await api.delete(`/api/v1/namespaces/${SYSTEM}`);
  await until('the canaries to be gone', async () => {
    const found = await api.find<{ items: readonly KubeObject[] }>(CANARIES);
    for (const { metadata } of found?.items ?? []) {
      const path = `/apis/serin.dev/v1beta1/namespaces/${metadata.namespace}/canaries/${metadata.name}`;
      if (metadata.finalizers !== undefined)
        await api.patch(path, { metadata: { finalizers: null } });
      await api.delete(path);
    }
    return (found?.items ?? []).length === 0;
  });
  const { items: crds } = await api.get<{ items: readonly KubeObject[] }>(CRDS);
  for (const { metadata } of crds)
    if (metadata.name.endsWith('.serin.dev')) await api.delete(`${CRDS}/${metadata.name}`);
  const left = [`/api/v1/namespaces/${SYSTEM}`, CANARIES];
  for (const path of left)
    await until(`${path} to be gone`, async () => (await api.find(path)) === null, {
      limitMs: 60_000,
    });
}

/** The operator's pods; those of hooks are not among them. */
export async function operatorPods(api: Api): Promise<readonly OperatorPod[]> {
  const { items } = await api.get<{ items: readonly OperatorPod[] }>(
    `/api/v1/namespaces/${SYSTEM}/pods`,
  );
  return items.filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ kind }) => kind === 'ReplicaSet'),
  );
}

/** Helm waits for one less, as one may be away. */
export async function bothReady(api: Api): Promise<void> {
  await until(
    'two ready pods of the operator',
    async () => (await operatorPods(api)).filter(isReady).length === 2,
    { limitMs: 60_000 },
  );
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  return ready === true && metadata.deletionTimestamp === undefined;
}

/** The pod that leads, by the Lease. */
export async function leaderOf(api: Api): Promise<string> {
  return until('a leader among the pods', async () => {
    const lease = await api.get<{ spec: { holderIdentity?: string } }>(LEASE);
    const holder = lease.spec.holderIdentity ?? '';
    const pods = await operatorPods(api);
    return pods.find(({ metadata }) => holder.startsWith(metadata.name))?.metadata.name ?? null;
  });
}

/** Canaries whose deletion would wait for an operator. */
export async function heldCanaries(api: Api): Promise<readonly string[]> {
  const { items } = await api.get<{ items: readonly KubeObject[] }>(CANARIES);
  return items
    .filter(({ metadata }) => metadata.finalizers?.includes(FINALIZER))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/** Everything that the chart makes with these values, hooks too. */
export async function rendered(values: readonly string[]): Promise<readonly KubeObject[]> {
  return parseManifests(await helm('template', RELEASE, CHART, '--kube-version=1.36.0', ...values));
}

async function lastWords(): Promise<string> {
  const words = [
    '-n',
    SYSTEM,
    'logs',
    '--prefix',
    '--tail=60',
    '-l',
    'app.kubernetes.io/name=serin',
  ];
  const all = ['get', 'pods,events', '-A', '-o', 'wide'];
  const states = await run('kubectl', all).catch(String);
  return `${states}\n${await run('kubectl', words).catch(String)}`;
}

export async function run(program: string, words: readonly string[]): Promise<string> {
  const options = { maxBuffer: 64 << 20, timeout: 300_000 };
  const { stdout } = await promisify(execFile)(program, words, options);
  return stdout;
}
