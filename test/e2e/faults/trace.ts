// What a rollout came to and what was done on the way, in a form in which two of them can be compared.
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import { parseStatus } from '../../../src/api/status.ts';
import type { Entry } from '../cluster/fault-proxy.ts';
import { titleOf } from '../cluster/fault-proxy-call.ts';
import type { Journey } from '../journeys/journey.ts';

const KINDS = [
  'apps/v1/deployments',
  'autoscaling/v2/horizontalpodautoscalers',
  'gateway.networking.k8s.io/v1/httproutes',
  'networking.k8s.io/v1/ingresses',
  'serin.dev/v1beta1/canaries',
  'v1/configmaps',
  'v1/secrets',
  'v1/services',
] as const;

/** By `<plural>/<name>`: everything that lasts of an object, in one text. */
export type Ending = Readonly<Record<string, unknown>>;

/** All objects of the namespace as they are, without what differs between any two runs: times, uids, versions. */
export async function endingOf({ api, namespace }: Journey): Promise<Ending> {
  const lists = await Promise.all(
    KINDS.map(async (kind) => {
      const root = kind.startsWith('v1/') ? `/api/v1` : `/apis/${kind.replace(/\/[^/]*$/, '')}`;
      const plural = kind.slice(kind.lastIndexOf('/') + 1);
      const { items } = await api.get<{ items: readonly KubeObject[] }>(
        `${root}/namespaces/${namespace}/${plural}`,
      );
      return items.map(
        (item) => [`${plural}/${item.metadata.name}`, lasting(plural, item, namespace)] as const,
      );
    }),
  );
  return Object.fromEntries(lists.flat());
}

function lasting(plural: string, object: KubeObject, namespace: string): unknown {
  const { metadata, status, spec, ...rest } = object;
  const { labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  const owners = ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]);
  const kept = {
    ...rest,
    spec: plural === 'canaries' ? undefined : spec,
    metadata: { labels, annotations, finalizers, owners, deleted: deletionTimestamp !== undefined },
    status: plural === 'canaries' ? outcomeOf(status) : pods(plural, status),
  };
  return JSON.parse(
    JSON.stringify(kept, (key, value: unknown) =>
      VOLATILE.has(key) ? undefined : typeof value === 'string' ? plain(value) : value,
    ).replaceAll(namespace, 'NAMESPACE'),
  );
}

/** Chosen by the API server, or a time. */
const VOLATILE = new Set([
  'clusterIP',
  'clusterIPs',
  'nodePort',
  'resourceVersion',
  'serin.dev/canary-uid',
  'uid',
]);

function plain(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(/\b1\d{12}\b/g, 'TIME');
}

function outcomeOf(status: unknown): unknown {
  const seen = parseStatus(status);
  return {
    phase: seen.phase,
    canaryWeight: seen.canaryWeight,
    iterations: seen.iterations,
    failedChecks: seen.failedChecks,
    history: seen.history.map(({ outcome }) => outcome),
    lastFailure: seen.lastFailure?.reason,
    parking: seen.parking,
    repairs: seen.repairs.rounds,
    owed: seen.owed,
    conditions: seen.conditions.map(({ type, status: so, reason }) => [type, so, reason]),
  };
}

function pods(plural: string, status: unknown): unknown {
  if (plural !== 'deployments') return undefined;
  const {
    replicas = 0,
    readyReplicas = 0,
    updatedReplicas = 0,
  } = status as NonNullable<Deployment['status'] & { readonly replicas?: number }>;
  return { replicas, readyReplicas, updatedReplicas };
}

/** What a run's writes did, in the order of the store. */
export interface Effects {
  /** How often each write changed what it wrote; the Canary's status aside. A write that changes nothing is none. */
  readonly changes: Readonly<Record<string, number>>;
  /** The primary's images, one after the other. */
  readonly primaries: readonly string[];
  /** Phases of the Canary, one after the other. */
  readonly phases: readonly string[];
  /** Weights that the status chose, one after the other. */
  readonly chosen: readonly number[];
  /** Weights that the route carried, one after the other. */
  readonly routed: readonly number[];
}

export function effectsOf(deeds: readonly Entry[]): Effects {
  const last = new Map<string, string>();
  const changes: Record<string, number> = {};
  const primaries: string[] = [];
  const phases: string[] = [];
  const chosen: number[] = [];
  const routed: number[] = [];
  for (const { call, code, answer } of deeds) {
    if (code < 200 || code > 299) continue;
    const object = JSON.parse(answer) as KubeObject;
    const { resource, subresource, name, verb } = call;
    const key = `${resource}/${subresource}/${name}`;
    const title = titleOf(call);
    if (verb === 'delete') {
      last.delete(key);
      changes[title] = (changes[title] ?? 0) + 1;
      continue;
    }
    if (key === 'canaries/status/web') {
      const status = parseStatus(object['status']);
      add(phases, status.phase);
      add(chosen, status.canaryWeight);
      continue;
    }
    if (key === 'deployments//web-primary') add(primaries, imageIn(object));
    const weight = weightIn(resource, object);
    if (weight !== null) add(routed, weight);
    const content = contentOf(object);
    if (last.get(key) !== content) changes[title] = (changes[title] ?? 0) + 1;
    last.set(key, content);
  }
  return { changes, primaries, phases, chosen, routed };
}

function add<T>(list: T[], value: T): void {
  if (list.at(-1) !== value) list.push(value);
}

/** All but the status, and what the API server counts. */
function contentOf(object: KubeObject): string {
  const { labels, annotations, finalizers, ownerReferences, deletionTimestamp } = object.metadata;
  const deleted = deletionTimestamp !== undefined;
  const metadata = { labels, annotations, finalizers, ownerReferences, deleted };
  return JSON.stringify({ ...object, metadata, status: undefined });
}

function imageIn(object: KubeObject): string {
  return (object as Deployment).spec.template.spec.containers[0]?.image ?? '';
}

/** The canary's weight in what is written to a router; throws where weights do not sum to 100. */
function weightIn(resource: string, { spec, metadata }: KubeObject): number | null {
  if (resource === 'ingresses')
    return Number(metadata.annotations?.['nginx.ingress.kubernetes.io/canary-weight'] ?? 0);
  if (resource !== 'httproutes') return null;
  const { rules = [] } = spec as {
    rules?: { backendRefs?: { name: string; weight?: number }[] }[];
  };
  const refs = rules[0]?.backendRefs ?? [];
  const sum = refs.reduce((total, { weight = 1 }) => total + weight, 0);
  if (refs.length > 1 && sum !== 100)
    throw new Error(`the weights sum to ${sum}: ${JSON.stringify(refs)}`);
  return refs.find(({ name }) => name === 'web-canary')?.weight ?? 0;
}
