// What every controller of the model cluster is given.
import type { KubeObject, PodTemplate } from '../../api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../client/client.ts';
import type { Clock } from '../../clock/clock.ts';
import { rfc3339 } from '../../clock/time-format.ts';
import type { Change, Writer } from '../store/change.ts';
import type { ModelStore } from '../store/model-store.ts';
import type { Nature } from './nature.ts';
import type { Shelves } from './shelves.ts';

export type WorldStore = Pick<
  ModelStore,
  'get' | 'list' | 'create' | 'update' | 'delete' | 'getScale' | 'updateScale' | 'onCommit'
>;

/** A commit, or an object that was there before the controllers. */
export type Seen = Pick<Change, 'type' | 'resource' | 'object' | 'before'>;

export interface World {
  readonly store: WorldStore;
  readonly clock: Clock;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly nature: Nature;
  readonly shelves: Shelves;
  /** Templates as text, each made once: objects of the store are frozen. */
  readonly texts: WeakMap<PodTemplate, string>;
}

export const CONTROLLERS: Writer = {
  user: 'system:kube-controller-manager',
  manager: 'kube-controller-manager',
};
export const SCHEDULER: Writer = { user: 'system:kube-scheduler', manager: 'kube-scheduler' };
export const KUBELET: Writer = { user: 'system:nodes', manager: 'kubelet' };

export function timeIn(world: Pick<World, 'clock'>): string {
  return rfc3339(world.clock.now());
}

export function objectKey({ metadata: { namespace, name } }: KubeObject): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

/** Writes the status subresource of an object as it was last seen. */
export function writeStatus(
  world: World,
  resource: Resource,
  object: KubeObject,
  by: Writer = CONTROLLERS,
): KubeObject {
  return world.store.update(resource, object, by, { subresource: 'status' });
}
