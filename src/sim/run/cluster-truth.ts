// What is true of a model cluster, for the checker: read off the store, the proxies and the requests, never off a status.
import type { CanarySpec } from '../../api/canary.ts';
import type { KubeObject, PodTemplate } from '../../api/kubernetes.ts';
import { readSpec } from '../../api/parse-canary.ts';
import { RESOURCES } from '../../client/resources.ts';
import { templateOf } from '../check/readings.ts';
import type { Bounds, DataPlane, ReadyPod, Shelves, Truth } from '../check/truth.ts';
import type { Change } from '../store/change.ts';
import type { Traffic } from '../world/traffic.ts';
import { answeredBy } from './interval-truth.ts';
import type { ModelCluster } from './model-cluster.ts';
import { PodBook, versionOf } from './pod-book.ts';
import { ReachBook } from './reach-book.ts';
import { Trials } from './trials.ts';

export interface ClusterTruthOptions {
  readonly cluster: Pick<ModelCluster, 'store' | 'plane' | 'clock'>;
  /** What differs from `BOUNDS`. */
  readonly bounds?: Partial<Bounds>;
  /** As in the operator's settings. Default `gatewayapi:v1`. */
  readonly defaultProvider?: string;
}

export const BOUNDS: Bounds = {
  graceMs: 100,
  rollbackMs: 30_000,
  convergeMs: 300_000,
  slackMs: 30_000,
};

/**
 * Of a selector or an Ingress nobody says when proxies have taken it up. The operator waits 5 s from its write; of these
 * so much is left when the slowest proxy that it reckons with has followed.
 */
const UNTOLD_DRAIN_MS = 3000;

/** Made before a checker is: it must know of each commit first. */
export class ClusterTruth implements Truth {
  readonly store: Shelves;
  readonly dataPlane: DataPlane;
  readonly bounds: Bounds;
  readonly defaultProvider: string;
  /** Since when there are no faults; null while they are on. */
  healedMs: number | null = 0;
  readonly #cluster: ClusterTruthOptions['cluster'];
  readonly #pods: PodBook;
  readonly #reach: ReachBook;
  readonly #trials: Trials;
  readonly #traffic = new Set<Traffic>();
  /** Drain time by namespace and apex. */
  readonly #drainMs = new Map<string, number>();

  constructor({ cluster, bounds = {}, defaultProvider = 'gatewayapi:v1' }: ClusterTruthOptions) {
    const { store, plane } = cluster;
    this.#cluster = cluster;
    this.store = store;
    this.bounds = { ...BOUNDS, ...bounds };
    this.defaultProvider = defaultProvider;
    const nowMs = () => this.nowMs();
    this.#pods = new PodBook(store, nowMs);
    this.#reach = new ReachBook(plane, this.#pods, nowMs);
    this.dataPlane = this.#reach;
    this.#trials = new Trials({
      nowMs,
      defaultProvider,
      graceMs: this.bounds.graceMs,
      serves: (standing) => this.#reach.serves(standing),
      ready: ({ namespace, deployment, version }) =>
        this.readyPods(namespace, deployment).some((pod) => pod.version === version),
      traffic: answeredBy(this.#traffic, (namespace, pod) => this.#pods.fact(namespace, pod)),
      versionNow: (namespace, name) => {
        const template = templateOf(store.get(RESOURCES.deployments, { namespace, name }));
        return template === null ? '' : versionOf(template);
      },
    });
    plane.onShift(({ namespace }) => this.#trials.look(namespace));
    store.onCommit((change) => this.#learn(change));
    const by = { user: '', manager: '' };
    const resource = RESOURCES.canaries;
    for (const object of store.list(resource))
      this.#learn({ type: 'ADDED', revision: 0, resource, object, before: null, by });
  }

  /** Users whose requests count from the start on. */
  count(traffic: Traffic): void {
    this.#traffic.add(traffic);
  }

  nowMs(): number {
    return this.#cluster.clock.monotonicMs();
  }

  healedSinceMs(): number | null {
    return this.healedMs;
  }

  readyPods(namespace: string, deployment: string): readonly ReadyPod[] {
    return this.#pods.ready(namespace, deployment);
  }

  podsLostMs(namespace: string, deployment: string): number {
    return this.#pods.lostMs(namespace, deployment);
  }

  drainMs(namespace: string, apex: string): number {
    return this.#drainMs.get(`${namespace}/${apex}`) ?? UNTOLD_DRAIN_MS;
  }

  versionOf(template: PodTemplate): string {
    return versionOf(template);
  }

  passed(canaryUid: string, version: string): number {
    return this.#trials.passed(canaryUid, version);
  }

  failedAtMs(canaryUid: string, version: string): number | null {
    return this.#trials.failedAtMs(canaryUid, version);
  }

  #learn(change: Change): void {
    const { resource, object } = change;
    const { namespace = '' } = object.metadata;
    switch (resource.plural) {
      case 'pods':
        this.#pods.learn(change);
        break;
      case 'canaries':
        this.#canary(object);
        this.#trials.learn(change);
        break;
      case 'deployments':
      case 'configmaps':
      case 'secrets':
        this.#trials.learn(change);
        break;
      default:
        return;
    }
    this.#trials.look(namespace);
  }

  #canary(canary: KubeObject): void {
    const { namespace = '' } = canary.metadata;
    const { spec } = readSpec(canary, { defaultProvider: this.defaultProvider });
    if (spec === null) return;
    this.#drainMs.set(`${namespace}/${spec.service.name}`, drainMsOf(spec));
    this.#reach.follow(namespace, spec.service.name);
  }
}

/** What a gateway acknowledged is in force. */
function drainMsOf({ provider }: Pick<CanarySpec, 'provider'>): number {
  return provider.startsWith('gatewayapi') ? 0 : UNTOLD_DRAIN_MS;
}
