// Starts the model cluster's own controllers on a store: what a real cluster does by itself around the operator.
import type { Pod } from '../../api/kubernetes.ts';
import type { ObjectKey } from '../../client/client.ts';
import type { Clock } from '../../clock/clock.ts';
import { Deployments } from './deployments.ts';
import { Endpoints } from './endpoints.ts';
import type { Nature } from './nature.ts';
import { Pods } from './pods.ts';
import { ReplicaSets } from './replica-sets.ts';
import { Scalers } from './scalers.ts';
import { Shelves } from './shelves.ts';
import type { Seen, World, WorldStore } from './world.ts';

export interface ControllersOptions {
  readonly store: WorldStore;
  readonly clock: Clock;
  /** 0 to below 1; the only chance in here. */
  readonly random: () => number;
  /** `CALM` (nature.ts) with what is to be otherwise. */
  readonly nature: Nature;
}

export interface Controllers {
  /** Leaves no timer and no listener; objects stay as they are. */
  stop(): void;
  /** Ready addresses in the Service's slice, so later than the pods' own word. */
  readyEndpoints(namespace: string, service: string): number;
  /** The pods of those addresses that are still there. */
  podsBehind(namespace: string, service: string): readonly Pod[];
  evict(pod: ObjectKey): void;
  /** Evicts the node's pods; none comes to it until `uncordon`. */
  drain(node: string): void;
  uncordon(node: string): void;
  /** To be called whenever `nature.load` says something else. */
  loadChanged(): void;
  /** Asks `nature.behaviour` again, of running pods too; default all. Where it says the same, nothing happens. */
  behaviourChanged(concerns?: (pod: Pod) => boolean): void;
}

/** Listens to commits and answers after the delays of nature; nothing polls, so a settled cluster has no timers due. */
export function startControllers(options: ControllersOptions): Controllers {
  const shelves = new Shelves();
  const world: World = { ...options, shelves, texts: new WeakMap() };
  const pods = new Pods(world);
  const endpoints = new Endpoints(world);
  const scalers = new Scalers(world);
  const all = [new Deployments(world), new ReplicaSets(world), pods, endpoints, scalers];
  const see = (seen: Seen) => {
    for (const controller of all) controller.see(seen);
  };
  const stocked = [...shelves.stocked(options.store)];
  for (const seen of stocked) shelves.take(seen);
  for (const seen of stocked) see(seen);
  const unlisten = options.store.onCommit((change) => {
    if (shelves.take(change)) see(change);
  });
  return {
    stop: () => {
      unlisten();
      for (const controller of all) controller.stop();
    },
    readyEndpoints: (namespace, service) => endpoints.readyEndpoints(namespace, service),
    podsBehind: (namespace, service) => endpoints.podsBehind(namespace, service),
    evict: (pod) => pods.evict(pod),
    drain: (node) => pods.drain(node),
    uncordon: (node) => pods.uncordon(node),
    loadChanged: () => scalers.loadChanged(),
    behaviourChanged: (concerns) => pods.behaviourChanged(concerns),
  };
}
