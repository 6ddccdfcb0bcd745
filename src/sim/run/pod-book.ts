// Keeps account of whose pods there are: by Deployment, with the version that each one runs, and when some were lost.
import { isObject, textOf } from '../../api/json.ts';
import type { KubeObject, Pod, PodTemplate } from '../../api/kubernetes.ts';
import { RESOURCES } from '../../client/resources.ts';
import { imagesOf, type ReadyPod, type Shelves } from '../check/truth.ts';
import { listOf } from '../check/readings.ts';
import type { Change } from '../store/change.ts';
import { controllerOf } from '../world/shelves.ts';

export interface PodFact {
  /** Empty where none stands above it. */
  readonly deployment: string;
  readonly version: string;
}

const NONE: ReadonlyMap<string, ReadyPod> = new Map<string, ReadyPod>();
/** Whose deletions were asked for by somebody's write to a workload. */
const CLUSTER = /^system:/;
const versions = new WeakMap<PodTemplate['spec'], string>();

/** The images of all containers, with what they are told to run and the variables that are written out. */
export function versionOf(template: PodTemplate): string {
  const { spec } = template;
  const known = versions.get(spec);
  if (known !== undefined) return known;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const told = containers.flatMap(({ command, args, env = [] }) => {
    // A variable that is taken from a config has another one's name in the primary.
    const plain = listOf(env).filter(({ value }) => value !== undefined);
    const written = plain.map(({ name, value }) => `${textOf(name)}=${textOf(value)}`);
    return [...(written.length > 0 ? [written] : []), command ?? [], args ?? []].filter(
      (part) => !Array.isArray(part) || part.length > 0,
    );
  });
  const version =
    told.length === 0 ? imagesOf(template) : `${imagesOf(template)} ${JSON.stringify(told)}`;
  versions.set(spec, version);
  return version;
}

export class PodBook {
  readonly #store: Shelves;
  readonly #nowMs: () => number;
  /** Kept beyond their ends: what a pod answered stays true. */
  readonly #facts = new Map<string, PodFact>();
  readonly #ready = new Map<string, Map<string, ReadyPod>>();
  readonly #lost = new Map<string, number>();

  constructor(store: Shelves, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
    for (const pod of store.list(RESOURCES.pods)) this.#note(pod);
  }

  /** For every commit to a pod. */
  learn({ type, object, before, by }: Change): void {
    const { namespace = '', name, deletionTimestamp } = object.metadata;
    const key = this.#note(object);
    if (type === 'DELETED') this.#ready.get(key)?.delete(name);
    const crashed = isReady(before) && !isReady(object) && deletionTimestamp === undefined;
    const ends = type === 'DELETED' || deletionTimestamp !== before?.metadata.deletionTimestamp;
    const taken = ends && (isDisrupted(object) || !CLUSTER.test(by.user));
    if (crashed || taken || (isDisrupted(object) && !isDisrupted(before)))
      this.#lost.set(`${namespace}/${this.fact(namespace, name).deployment}`, this.#nowMs());
  }

  fact(namespace: string, pod: string): PodFact {
    return this.#facts.get(`${namespace}/${pod}`) ?? { deployment: '', version: '' };
  }

  ready(namespace: string, deployment: string): readonly ReadyPod[] {
    return [...(this.#ready.get(`${namespace}/${deployment}`) ?? NONE).values()];
  }

  lostMs(namespace: string, deployment: string): number {
    return this.#lost.get(`${namespace}/${deployment}`) ?? -Infinity;
  }

  /** Key of the Deployment that the pod belongs to. */
  #note(object: KubeObject): string {
    const { namespace = '', name, deletionTimestamp } = object.metadata;
    const pod = `${namespace}/${name}`;
    const fact = this.#facts.get(pod) ?? this.#read(object);
    this.#facts.set(pod, fact);
    const key = `${namespace}/${fact.deployment}`;
    const ready = this.#ready.get(key) ?? new Map<string, ReadyPod>();
    this.#ready.set(key, ready);
    if (!isReady(object) || deletionTimestamp !== undefined) ready.delete(name);
    else if (!ready.has(name)) ready.set(name, { name, version: fact.version });
    return key;
  }

  #read(pod: KubeObject): PodFact {
    const { namespace = '' } = pod.metadata;
    const above = controllerOf(pod);
    const set =
      above?.kind === 'ReplicaSet'
        ? this.#store.get(RESOURCES.replicaSets, { namespace, name: above.name })
        : null;
    const deployment = set === null ? null : controllerOf(set);
    const spec = isObject(pod['spec']) ? (pod['spec'] as PodTemplate['spec']) : { containers: [] };
    return { deployment: deployment?.name ?? '', version: versionOf({ spec }) };
  }
}

function isReady(pod: KubeObject | null): boolean {
  return is(pod, 'Ready');
}

function isDisrupted(pod: KubeObject | null): boolean {
  return is(pod, 'DisruptionTarget');
}

function is(pod: Pod | null, wanted: string): boolean {
  const conditions = pod?.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === wanted && status === 'True');
}
