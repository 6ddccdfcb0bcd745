// Where requests really go at each moment: the tables that gateways and Ingress controllers obey, down to ready pods.
import type { Change } from '../store/change.ts';
import type { ModelStore } from '../store/model-store.ts';
import { type Endpoints, type EndpointSource, Reach, REACH_KINDS } from './reach.ts';

/** How users reach an app. `auto`: the gateway or Ingress that has ever led there, for good; else the Service. */
export type Entrance = 'auto' | 'gateway' | 'ingress' | 'service';

export interface Backend {
  readonly service: string;
  readonly port: number | null;
  readonly weight: number;
  /** ingress-nginx sends the share of a canary that has no ready pod to the others; a gateway answers 503. */
  readonly canary: boolean;
}

/** What a gateway or an Ingress controller has taken up for one apex. */
export interface Table {
  readonly by: 'gateway' | 'ingress';
  /** Of the HTTPRoute or of the main Ingress. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly backends: readonly Backend[];
}

export interface Share {
  readonly pod: string;
  readonly image: string;
  /** Its pod-template-hash; empty without one. */
  readonly hash: string;
  readonly share: number;
}

/** Requests of one way: through a backend to a pod; `pod` is empty where none answers. */
export interface Flow extends Share {
  readonly by: 'gateway' | 'ingress' | 'service';
  /** The HTTPRoute or Ingress; empty for a plain Service. */
  readonly route: string;
  readonly service: string;
  readonly port: number | null;
  readonly canary: boolean;
}

export interface App {
  readonly namespace: string;
  readonly apex: string;
  readonly entrance: Entrance;
}

export interface DataPlaneOptions {
  readonly store: Pick<ModelStore, 'list' | 'onCommit'>;
  /** Default `auto`. */
  readonly endpoints?: EndpointSource;
}

interface Tracked extends App {
  flows: readonly Flow[];
}

interface Namespace {
  readonly reach: Reach;
  readonly tables: Map<string, Table>;
  /** Apexes and who has ever led there: losing the route is an outage, not a way round it. */
  readonly led: Map<string, 'gateway' | 'ingress'>;
  readonly apps: Map<string, Tracked>;
}

export class DataPlane {
  readonly #namespaces = new Map<string, Namespace>();
  readonly #listeners = new Set<(app: App) => void>();
  readonly #gone = new Set<(namespace: string, pod: string) => void>();
  readonly #endpoints: EndpointSource;

  constructor({ store, endpoints = 'auto' }: DataPlaneOptions) {
    this.#endpoints = endpoints;
    for (const resource of REACH_KINDS) {
      for (const object of store.list(resource)) {
        this.#at(object.metadata.namespace ?? '').reach.learn(resource, object, false);
      }
    }
    store.onCommit((change) => this.#onCommit(change));
  }

  /** Share of requests that each pod answers, by pod name. What is missing to 1 is `unserved`. */
  shares(namespace: string, apex: string, entrance: Entrance = 'auto'): readonly Share[] {
    const byPod = new Map<string, Share>();
    for (const { pod, image, hash, share } of this.flows(namespace, apex, entrance)) {
      if (pod === '') continue;
      byPod.set(pod, { pod, image, hash, share: share + (byPod.get(pod)?.share ?? 0) });
    }
    return [...byPod.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
  }

  /** Share of requests that meet no pod: no route, no endpoint, or one that is dead. */
  unserved(namespace: string, apex: string, entrance: Entrance = 'auto'): number {
    return this.flows(namespace, apex, entrance)
      .filter(({ pod }) => pod === '')
      .reduce((sum, { share }) => sum + share, 0);
  }

  flows(namespace: string, apex: string, entrance: Entrance = 'auto'): readonly Flow[] {
    const { apps } = this.#at(namespace);
    const key = `${entrance}/${apex}`;
    const known = apps.get(key);
    if (known !== undefined) return known.flows;
    const app = { namespace, apex, entrance };
    const tracked = { ...app, flows: this.#flowsOf(app) };
    apps.set(key, tracked);
    return tracked.flows;
  }

  /** The table in force; null where a plain Service leads, or nothing. */
  inForce(namespace: string, apex: string, by: 'gateway' | 'ingress'): Table | null {
    return this.#at(namespace).tables.get(`${by}/${apex}`) ?? null;
  }

  /** For gateways and Ingress controllers: from now on they obey this table; null = none for this apex. */
  obey(namespace: string, apex: string, by: 'gateway' | 'ingress', table: Table | null): void {
    const here = this.#at(namespace);
    if (table === null) here.tables.delete(`${by}/${apex}`);
    else {
      here.tables.set(`${by}/${apex}`, table);
      if (here.led.get(apex) !== 'gateway') here.led.set(apex, by);
    }
    this.#refresh(here);
  }

  /** Told after the shares of an app that somebody has asked for have changed. */
  onShift(listener: (app: App) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told when a pod has left the cluster, after the shift that this made. */
  onGone(listener: (namespace: string, pod: string) => void): () => void {
    this.#gone.add(listener);
    return () => this.#gone.delete(listener);
  }

  #onCommit({ resource, type, object }: Change): void {
    if (
      !REACH_KINDS.some((kind) => kind.plural === resource.plural && kind.group === resource.group)
    )
      return;
    const { namespace = '', name } = object.metadata;
    const here = this.#at(namespace);
    const gone = type === 'DELETED';
    here.reach.learn(resource, object, gone);
    this.#refresh(here);
    if (!gone || resource.plural !== 'pods') return;
    for (const listener of this.#gone) listener(namespace, name);
  }

  #refresh({ apps }: Namespace): void {
    const shifted: App[] = [];
    for (const app of apps.values()) {
      const flows = this.#flowsOf(app);
      if (same(flows, app.flows)) continue;
      app.flows = flows;
      shifted.push(app);
    }
    for (const app of shifted) for (const listener of this.#listeners) listener(app);
  }

  #flowsOf({ namespace, apex, entrance }: App): readonly Flow[] {
    const here = this.#at(namespace);
    const by = entrance === 'auto' ? (here.led.get(apex) ?? 'service') : entrance;
    if (by === 'service') {
      const way = { by, route: '', service: apex, port: null, canary: false };
      return this.#into(here, way, 1);
    }
    const table = here.tables.get(`${by}/${apex}`);
    if (table === undefined) {
      return [nobody({ by, route: '', service: '', port: null, canary: false }, 1)];
    }
    const backends = table.backends.filter(
      ({ weight, canary, service }) =>
        weight > 0 && !(canary && size(here.reach.behind(service)) === 0),
    );
    const all = backends.reduce((sum, { weight }) => sum + weight, 0);
    const way = { by, route: table.name };
    if (all === 0) return [nobody({ ...way, service: '', port: null, canary: false }, 1)];
    return backends.flatMap(({ service, port, canary, weight }) =>
      this.#into(here, { ...way, service, port, canary }, weight / all),
    );
  }

  #into({ reach }: Namespace, way: Way, share: number): readonly Flow[] {
    const found = reach.behind(way.service);
    const each = share / size(found);
    const flows = found.pods.map(({ name, image, hash }) => ({
      ...way,
      pod: name,
      image,
      hash,
      share: each,
    }));
    if (flows.length === 0) return [nobody(way, share)];
    return found.dead === 0 ? flows : [...flows, nobody(way, each * found.dead)];
  }

  #at(namespace: string): Namespace {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const made: Namespace = {
      reach: new Reach(this.#endpoints),
      tables: new Map(),
      led: new Map(),
      apps: new Map(),
    };
    this.#namespaces.set(namespace, made);
    return made;
  }
}

type Way = Pick<Flow, 'by' | 'route' | 'service' | 'port' | 'canary'>;

function size({ pods, dead }: Endpoints): number {
  return pods.length + dead;
}

function nobody(way: Way, share: number): Flow {
  return { ...way, pod: '', image: '', hash: '', share };
}

function same(a: readonly Flow[], b: readonly Flow[]): boolean {
  return (
    a.length === b.length &&
    a.every((flow, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        flow.pod === other.pod &&
        flow.image === other.image &&
        flow.share === other.share &&
        flow.service === other.service &&
        flow.by === other.by &&
        flow.canary === other.canary &&
        flow.route === other.route
      );
    })
  );
}
