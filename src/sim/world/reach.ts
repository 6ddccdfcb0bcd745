// Which pods stand behind a Service at this moment, as proxies see it: by EndpointSlices, or by labels and readiness.
import type { KubeObject, Pod, Service } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import { isRecord, records } from '../../routers/route-objects.ts';

/** Whose word counts. `auto`: slices where a Service has any. */
export type EndpointSource = 'auto' | 'slices' | 'selector';

export interface PodFacts {
  readonly name: string;
  /** Of its first container. */
  readonly image: string;
  /** Its pod-template-hash; empty without one. */
  readonly hash: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  /** Answers if it is sent something, ready or not. */
  readonly alive: boolean;
}

export interface Endpoints {
  readonly pods: readonly PodFacts[];
  /** Endpoints that nobody stands behind any more. */
  readonly dead: number;
}

const NONE: Endpoints = { pods: [], dead: 0 };
const SERVICE_OF_SLICE = 'kubernetes.io/service-name';

/** Kinds to be shown to `Reach.learn`. */
export const REACH_KINDS: readonly Resource[] = [
  RESOURCES.pods,
  RESOURCES.services,
  RESOURCES.endpointSlices,
];

/** Pods, Services and slices of one namespace. */
export class Reach {
  readonly #source: EndpointSource;
  readonly #pods = new Map<string, PodFacts>();
  readonly #services = new Map<string, Service>();
  /** By Service, then by slice. */
  readonly #slices = new Map<string, Map<string, KubeObject>>();

  constructor(source: EndpointSource) {
    this.#source = source;
  }

  learn({ plural }: Resource, object: KubeObject, gone: boolean): void {
    const { name, labels } = object.metadata;
    if (plural === 'pods') {
      if (gone) this.#pods.delete(name);
      else this.#pods.set(name, factsOf(object));
    } else if (plural === 'services') {
      if (gone || !isService(object)) this.#services.delete(name);
      else this.#services.set(name, object);
    } else {
      const service = labels?.[SERVICE_OF_SLICE] ?? '';
      const slices = this.#slices.get(service) ?? new Map<string, KubeObject>();
      if (gone) slices.delete(name);
      else slices.set(name, object);
      this.#slices.set(service, slices);
    }
  }

  behind(name: string): Endpoints {
    const service = this.#services.get(name);
    if (service === undefined || service.spec.type === 'ExternalName') return NONE;
    const slices = this.#slices.get(name);
    const bySlices = this.#source === 'slices' || (this.#source === 'auto' && slices !== undefined);
    if (bySlices) return this.#ofSlices([...(slices?.values() ?? [])]);
    const selector = Object.entries(service.spec.selector ?? {});
    if (selector.length === 0) return NONE;
    const pods = [...this.#pods.values()].filter(
      (pod) => pod.ready && selector.every(([key, value]) => pod.labels[key] === value),
    );
    return { pods, dead: 0 };
  }

  /** An endpoint that its slice calls ready gets requests, whatever has become of the pod since. */
  #ofSlices(slices: readonly KubeObject[]): Endpoints {
    const targets = new Set(
      slices
        .flatMap((slice) => records(slice['endpoints']))
        .filter(({ conditions }) => !isRecord(conditions) || conditions['ready'] !== false)
        .map(({ targetRef }) => (isRecord(targetRef) ? String(targetRef['name']) : '')),
    );
    const pods = [...targets].flatMap((name) => this.#pods.get(name) ?? []);
    const alive = pods.filter((pod) => pod.alive);
    return { pods: alive, dead: targets.size - alive.length };
  }
}

function isService(object: KubeObject): object is Service {
  return isRecord(object['spec']);
}

function factsOf(object: Pod): PodFacts {
  const { name, labels = {}, deletionTimestamp } = object.metadata;
  const conditions = object.status?.conditions ?? [];
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  const [first] = records(object.spec?.['containers']);
  return {
    name,
    image: typeof first?.['image'] === 'string' ? first['image'] : '',
    hash: labels['pod-template-hash'] ?? '',
    labels,
    ready: ready && deletionTimestamp === undefined,
    alive: (object.status?.phase ?? 'Running') === 'Running',
  };
}
