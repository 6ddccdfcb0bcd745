// The live copies of the cluster that decisions rest on: one informer a kind, started when first needed.
import {
  type Deployment,
  type HorizontalPodAutoscaler,
  type KubeObject,
  keyOf,
  type Pod,
  type Service,
} from '../api/kubernetes.ts';
import type { Client, Resource } from '../client/client.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Clock } from '../clock/clock.ts';
import { createInformer, type Informer } from '../informers/informer.ts';
import { InformerPool } from '../informers/informer-pool.ts';
import { keepManagersOf, stripManagedFields, type Transform } from '../informers/transforms.ts';
import type { Log } from '../recorder/log.ts';
import { claimsOf } from './claims.ts';
import { Recall } from './recall.ts';

/** Whose changes are new revisions. */
export type ConfigTracking = 'all' | 'configmaps' | 'none';

export interface ViewOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Empty = all. */
  readonly namespaces: readonly string[];
  /** Where MetricTemplates are read. Default: `namespaces`. */
  readonly templateNamespaces?: readonly string[];
  /** A change to `<plural>/<namespace>/<name>`; `initial` when it was there before, `old` what it was, if anything. */
  readonly onChange: (
    subject: string,
    initial: boolean,
    object: KubeObject,
    old?: KubeObject,
  ) => void;
  readonly configTracking: ConfigTracking;
}

const HPA_OF_TARGET = 'target';
const CLAIM = 'claim';

export class ClusterView {
  readonly canaries: Informer<KubeObject>;
  readonly metricTemplates: Informer<KubeObject>;
  readonly deployments: Informer<Deployment>;
  readonly services: Informer<Service>;
  readonly scalers: Informer<HorizontalPodAutoscaler>;
  /** Metadata only; null when configs are not tracked. */
  readonly configMaps: Informer<KubeObject> | null;
  readonly secrets: Informer<KubeObject> | null;
  readonly recall = new Recall();
  readonly #options: ViewOptions;
  readonly #pool: InformerPool;
  readonly #signal: AbortSignal;
  readonly #routes = new Map<
    string,
    { readonly resource: Resource; readonly informer: Informer<KubeObject> }
  >();
  readonly #running: Promise<void>[] = [];
  readonly #pods = new Map<string, { readonly pool: string; readonly informer: Informer<Pod> }>();

  constructor(options: ViewOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#pool = new InformerPool(
      (key, error) => options.log.error({ informer: key, error }, 'informer failed'),
      signal,
    );
    const owners = keepManagersOf([
      ['spec', 'replicas'],
      ['spec', 'selector'],
    ]);
    this.canaries = this.#start(RESOURCES.canaries, {
      transform: keepIntentManagers,
      indexers: { [CLAIM]: (canary: KubeObject) => claimsOf(canary).map(({ mark }) => mark) },
    });
    const { templateNamespaces } = options;
    this.metricTemplates = this.#start(
      RESOURCES.metricTemplates,
      templateNamespaces === undefined ? {} : { namespaces: templateNamespaces },
    );
    this.deployments = this.#start(RESOURCES.deployments, { transform: owners });
    this.services = this.#start(RESOURCES.services, { transform: owners });
    this.scalers = this.#start(RESOURCES.horizontalPodAutoscalers, {
      indexers: { [HPA_OF_TARGET]: (hpa: HorizontalPodAutoscaler) => [scaledBy(hpa)] },
    });
    const metadata = { metadataOnly: true };
    const tracking = options.configTracking;
    this.configMaps = tracking === 'none' ? null : this.#start(RESOURCES.configMaps, metadata);
    this.secrets = tracking === 'all' ? this.#start(RESOURCES.secrets, metadata) : null;
  }

  /** Autoscalers that scale a workload: `<namespace>/<kind>/<name>`. */
  scalersOf(target: string): readonly HorizontalPodAutoscaler[] {
    return this.scalers.store.byIndex(HPA_OF_TARGET, target);
  }

  /** Canaries that claim something that this one claims; it is one of them, once it is stored. */
  claimants(canary: KubeObject): readonly KubeObject[] {
    const { store } = this.canaries;
    const keys = new Set(claimsOf(canary).flatMap(({ mark }) => store.indexKeys(CLAIM, mark)));
    return [...keys].flatMap((key) => store.get(key) ?? []);
  }

  /** The informer of a router's kind. It says by itself when the cluster does not serve that. */
  routes(apiVersion: string, kind: string, plural: string): Informer<KubeObject> {
    const name = `${apiVersion}/${plural}`;
    const known = this.#routes.get(name);
    if (known !== undefined) return known.informer;
    const [group = '', version = ''] = apiVersion.includes('/')
      ? apiVersion.split('/')
      : ['', apiVersion];
    const resource: Resource = { group, version, plural, kind, namespaced: true };
    const informer = this.#start<KubeObject>(resource);
    this.#routes.set(name, { resource, informer });
    return informer;
  }

  /** Every known object of a router's kind in a namespace, with its resource. */
  routeObjects(
    namespace: string | undefined,
  ): readonly (readonly [Resource, readonly KubeObject[]])[] {
    return [...this.#routes.values()].map(
      ({ resource, informer }) => [resource, informer.store.list(namespace)] as const,
    );
  }

  /** The pods of a canary, watched only while somebody asks; each change wakes the Canary. */
  pods(
    canary: string,
    selector: { readonly namespace: string; readonly labels: string },
  ): Informer<Pod> {
    const pool = `${selector.namespace}/${selector.labels}`;
    const held = this.#pods.get(canary);
    if (held?.pool === pool) return held.informer;
    this.releasePods(canary);
    const informer = this.#pool.acquire<Pod>(pool, () => {
      const made = this.#make<Pod>(RESOURCES.pods, {
        namespace: selector.namespace,
        labelSelector: selector.labels,
        transform: podFacts,
      });
      this.#tell(made, `pods-of/${pool}`, () => '');
      return made;
    });
    this.#pods.set(canary, { pool, informer });
    return informer;
  }

  /** Whether the pods that a Canary asked for are being read for the first time. */
  fillsPods(canary: string): boolean {
    return this.#pods.get(canary)?.informer.status().phase === 'syncing';
  }

  /** The pods that a Canary asked for and has not released. */
  heldPods(canary: string): readonly Pod[] {
    return this.#pods.get(canary)?.informer.store.list() ?? [];
  }

  releasePods(canary: string): void {
    const held = this.#pods.get(canary);
    if (held === undefined) return;
    this.#pods.delete(canary);
    this.#pool.release(held.pool);
  }

  /** Resolves when every kind that is watched by now, that the cluster serves, and that we may read, is filled. */
  async settled(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#all().values()].map((informer) => informer.settled(signal)));
  }

  /** Kinds, by their plural names, that may not be listed or watched: their stores may be empty for that reason. */
  forbidden(): readonly string[] {
    return [...this.#all()]
      .filter(([, informer]) => informer.status().phase === 'forbidden')
      .map(([plural]) => plural);
  }

  /** Whether configs of a kind that are not in the store may be there all the same. */
  mayMiss(plural: 'configmaps' | 'secrets'): boolean {
    const informer = plural === 'secrets' ? this.secrets : this.configMaps;
    return informer?.status().phase === 'forbidden';
  }

  /** A kind that was never read looks as if everything of it had been deleted: nothing may be decided on that. */
  neverRead(namespace: string): string | null {
    const kinds = {
      deployments: this.deployments,
      services: this.services,
      horizontalpodautoscalers: this.scalers,
    };
    const unseen = Object.entries(kinds).find(
      ([, informer]) => informer.store.resourceVersionIn(namespace) === '',
    );
    return unseen === undefined ? null : unseen[0];
  }

  #all(): ReadonlyMap<string, Pick<Informer<KubeObject>, 'settled' | 'status'>> {
    const all = new Map<string, Pick<Informer<KubeObject>, 'settled' | 'status'>>([
      ['canaries', this.canaries],
      ['metrictemplates', this.metricTemplates],
      ['deployments', this.deployments],
      ['services', this.services],
      ['horizontalpodautoscalers', this.scalers],
    ]);
    if (this.configMaps !== null) all.set('configmaps', this.configMaps);
    if (this.secrets !== null) all.set('secrets', this.secrets);
    for (const { resource, informer } of this.#routes.values()) all.set(resource.plural, informer);
    for (const { informer } of this.#pods.values()) all.set('pods', informer);
    return all;
  }

  async stopped(): Promise<void> {
    await Promise.all([...this.#running, this.#pool.stopped()]);
  }

  #start<T extends KubeObject>(resource: Resource, extra: Extra<T> = {}): Informer<T> {
    const informer = this.#make<T>(resource, extra);
    this.#tell(informer, resource.plural, (object) => `/${keyOf(object)}`);
    this.#running.push(informer.run(this.#signal));
    return informer;
  }

  #make<T extends KubeObject>(
    resource: Resource,
    extra: Extra<T> & { readonly namespace?: string },
  ): Informer<T> {
    const { client, clock, log } = this.#options;
    const namespaces = extra.namespaces ?? this.#options.namespaces;
    const everywhere = namespaces.length === 0 || extra.namespace !== undefined;
    return createInformer<T>({
      client,
      resource,
      clock,
      transform: stripManagedFields,
      onWarning: (message, fields) => log.debug({ ...fields }, message),
      ...extra,
      ...(everywhere ? {} : { namespaces }),
    });
  }

  #tell<T extends KubeObject>(
    informer: Informer<T>,
    prefix: string,
    suffix: (object: T) => string,
  ): void {
    const { onChange } = this.#options;
    informer.addHandler({
      onAdd: (object, { initial }) => onChange(`${prefix}${suffix(object)}`, initial, object),
      onUpdate: (old, object) => onChange(`${prefix}${suffix(object)}`, false, object, old),
      onDelete: (object) => onChange(`${prefix}${suffix(object)}`, false, object),
    });
  }
}

interface Extra<T> {
  readonly transform?: Transform;
  readonly indexers?: Readonly<Record<string, (object: T) => readonly string[]>>;
  readonly metadataOnly?: boolean;
  readonly labelSelector?: string;
  readonly namespaces?: readonly string[];
}

/** `<namespace>/<kind>/<name>` of what an autoscaler scales. */
export function scaledBy(hpa: HorizontalPodAutoscaler): string {
  const { kind, name } = hpa.spec.scaleTargetRef;
  return `${hpa.metadata.namespace ?? ''}/${kind}/${name}`;
}

/** Of a Canary's managed fields only who wrote its annotations is read: that is who asked for something. */
const keepIntentManagers: Transform = (object) => {
  const { managedFields, ...metadata } = object.metadata;
  const kept = (managedFields ?? []).filter((entry) =>
    JSON.stringify(entry.fieldsV1 ?? null).includes('f:serin.dev/'),
  );
  return {
    ...object,
    metadata: kept.length === 0 ? metadata : { ...metadata, managedFields: kept },
  };
};

/** What is read of a pod, some hundred bytes of many thousand. */
const podFacts: Transform = (object) => {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels } = object.metadata;
  const status = (object as Pod).status ?? {};
  const { phase, reason, conditions, containerStatuses, initContainerStatuses } = status;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(labels === undefined ? {} : { labels }),
  };
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata,
    status: { phase, reason, conditions, containerStatuses, initContainerStatuses },
  };
};
