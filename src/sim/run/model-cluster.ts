// A whole model cluster in one process: API server, controllers, proxies, traffic, metrics and hooks on one virtual clock.
import type { KubeObject } from '../../api/kubernetes.ts';
import { RESOURCES } from '../../client/resources.ts';
import { VirtualClock } from '../../clock/virtual-clock.ts';
import type { Writer } from '../store/change.ts';
import type { KindRegistry } from '../store/kinds.ts';
import { ModelStore } from '../store/model-store.ts';
import { type Controllers, startControllers } from '../world/controllers.ts';
import { DataPlane } from '../world/proxies.ts';
import { Gateway } from '../world/gateway.ts';
import { IngressController } from '../world/ingress-controller.ts';
import { MetricsSource } from '../world/metrics-source.ts';
import { CALM, type Nature } from '../world/nature.ts';
import { createSimEgress, type SimEgress } from '../world/sim-egress.ts';
import { Traffic, type Truth } from '../world/traffic.ts';
import { Webhooks } from '../world/webhooks.ts';
import { chance } from './chance.ts';

export interface ModelClusterOptions {
  readonly seed: number;
  /** As parsed from `crds/`. A registry that was made of them serves many clusters: it keeps nothing of any. */
  readonly kinds: KindRegistry;
  /** Default `CALM`. */
  readonly nature?: Nature;
  /** From the write of a route to the moment at which requests go by it; its status tells of that. Default 50 ms. */
  readonly routeMs?: number;
}

/** From the moment at which requests go by a route to the status that says so. */
const STATUS_LATER_MS = 50;

export interface UsersOptions {
  readonly namespace: string;
  readonly apex: string;
  readonly perSecond: number;
  readonly truth: (image: string) => Truth;
}

/** Who applies, edits and deletes by hand. */
export const USER: Writer = { user: 'alice', manager: 'kubectl' };

export class ModelCluster {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly store: ModelStore;
  readonly controllers: Controllers;
  readonly plane: DataPlane;
  readonly gateway: Gateway;
  readonly ingress: IngressController;
  readonly metrics: MetricsSource;
  readonly hooks: Webhooks;
  readonly egress: SimEgress;

  constructor({ seed, kinds, nature = CALM, routeMs = 50 }: ModelClusterOptions) {
    const { clock } = this;
    this.random = chance(seed);
    const { random } = this;
    const store = new ModelStore({ clock, random, kinds });
    this.store = store;
    this.controllers = startControllers({ store, clock, random, nature });
    this.plane = new DataPlane({ store });
    this.gateway = new Gateway({
      clock,
      store,
      plane: this.plane,
      delays: () => ({ routeMs, statusMs: routeMs + STATUS_LATER_MS }),
    });
    this.ingress = new IngressController({ clock, store, plane: this.plane });
    this.metrics = new MetricsSource({ clock, traffic: [] });
    this.hooks = new Webhooks(clock);
    this.egress = createSimEgress({ clock, metrics: this.metrics, hooks: this.hooks });
  }

  createNamespace(name: string): void {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    this.store.create(RESOURCES.namespaces, object, USER);
  }

  /** As a person with kubectl. Throws what the API server would answer. */
  create(object: KubeObject): KubeObject {
    const resource = this.store.kinds.find(object.apiVersion, object.kind);
    if (resource === null)
      throw new Error(`the model serves no ${object.apiVersion} ${object.kind}`);
    return this.store.create(resource, object, USER);
  }

  /** Steady users of an apex Service, scraped by the model's Prometheus. */
  bringUsers(options: UsersOptions): Traffic {
    const traffic = new Traffic({ ...options, clock: this.clock, plane: this.plane });
    this.metrics.scrape(traffic);
    return traffic;
  }

  /** Moves time on until something is so; false when it was not within `limitMs`. */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const startMs = this.clock.monotonicMs();
    while (!condition()) {
      const leftMs = limitMs - this.clock.since(startMs);
      if (leftMs <= 0 || !(await this.clock.advanceToNext(leftMs))) return condition();
    }
    return true;
  }
}
