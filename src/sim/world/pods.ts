// Scheduler and kubelets of the model cluster: pods get a node, run, become ready, crash, are evicted, end.
import { keyOf, type KubeObject, type Pod } from '../../api/kubernetes.ts';
import type { ObjectKey } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { Timer } from '../../clock/clock.ts';
import { same } from './kinds.ts';
import { type Behaviour, drawn } from './nature.ts';
import {
  after,
  newPast,
  type Past,
  podStatus,
  resumed,
  type Stage,
  stagesOf,
} from './pod-stages.ts';
import { isOf } from './shelves.ts';
import {
  CONTROLLERS,
  KUBELET,
  objectKey,
  SCHEDULER,
  type Seen,
  timeIn,
  type World,
  writeStatus,
} from './world.ts';

/**
 * Keeps a deleted pod in the store until its containers have ended: the model's stand-in for a grace period. Pods
 * without it are gone at once.
 */
export const KUBELET_HOLD = 'sim.serin.dev/kubelet';

interface Life {
  past: Past | null;
  behaviour: Behaviour;
  stages: Iterator<Stage>;
  timer: Timer;
  ending: boolean;
}

export class Pods {
  readonly #world: World;
  readonly #lives = new Map<string, Life>();
  readonly #cordoned = new Set<string>();
  readonly #unplaced = new Set<string>();
  #pods = 0;

  constructor(world: World) {
    this.#world = world;
  }

  see(seen: Seen): void {
    if (!isOf(seen, RESOURCES.pods)) return;
    const { uid = '' } = seen.object.metadata;
    const life = this.#lives.get(uid);
    if (seen.type === 'DELETED') this.#forget(uid);
    else if (life === undefined) this.#begin(seen.object);
    else if (seen.object.metadata.deletionTimestamp !== undefined) this.#end(life, seen.object);
  }

  stop(): void {
    for (const { timer } of this.#lives.values()) timer.stop();
    this.#lives.clear();
  }

  /** Takes the pod away as an eviction does: it says so itself, then ends gracefully. */
  evict(key: ObjectKey): void {
    const pod = this.#world.shelves.pods.get(keyOf({ metadata: key }));
    if (pod === null || pod.metadata.deletionTimestamp !== undefined) return;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: timeIn(this.#world),
    };
    const conditions = [...(pod.status?.conditions ?? []), condition];
    writeStatus(this.#world, RESOURCES.pods, { ...pod, status: { ...pod.status, conditions } });
    this.#world.store.delete(RESOURCES.pods, objectKey(pod), CONTROLLERS);
  }

  /** No new pods there, and those that are there are evicted. */
  drain(node: string): void {
    this.#cordoned.add(node);
    for (const pod of this.#world.shelves.pods.all()) {
      if (pod.spec?.nodeName === node) this.evict(objectKey(pod));
    }
  }

  uncordon(node: string): void {
    this.#cordoned.delete(node);
    for (const uid of this.#unplaced) this.#lives.get(uid)?.timer.reset(this.#schedulingMs());
    this.#unplaced.clear();
  }

  /** Asks `Nature.behaviour` anew: pods of which it says something else behave so from now on. */
  behaviourChanged(concerns: (pod: Pod) => boolean = () => true): void {
    for (const pod of this.#world.shelves.pods.all().filter(concerns)) {
      const { uid = '' } = pod.metadata;
      const life = this.#lives.get(uid);
      if (life === undefined || life.past === null || life.ending) continue;
      const behaviour = this.#world.nature.behaviour(pod);
      if (same(behaviour, life.behaviour)) continue;
      life.behaviour = behaviour;
      const stages = stagesOf(behaviour, this.#world.nature);
      life.stages = resumed(stages, life.past.state)[Symbol.iterator]();
      if (life.past.state !== 'creating') life.timer.reset(0);
    }
  }

  #begin(object: KubeObject): void {
    const { uid = '', deletionTimestamp } = object.metadata;
    const key = keyOf(object);
    const { nature } = this.#world;
    const behaviour = nature.behaviour(object);
    const life: Life = {
      past: null,
      behaviour,
      stages: stagesOf(behaviour, nature)[Symbol.iterator](),
      timer: this.#world.clock.newTimer(this.#schedulingMs(), () => this.#step(key, uid)),
      ending: false,
    };
    this.#lives.set(uid, life);
    if (deletionTimestamp !== undefined) this.#end(life, object);
  }

  #step(key: string, uid: string): void {
    const life = this.#lives.get(uid);
    const pod = this.#world.shelves.pods.get(key);
    if (life === undefined || pod === null) return;
    if (life.ending) this.#remove(pod);
    else if (life.past === null) this.#take(life, pod);
    else this.#next(life, pod, life.past);
  }

  /** Gives the pod a node, whose kubelet takes it at once. */
  #take(life: Life, pod: Pod): void {
    const { nature, random } = this.#world;
    const node = pod.spec?.nodeName ?? this.#place(pod);
    if (node === null) return;
    const n = this.#pods++;
    const ip = `198.18.${Math.floor(n / 250) % 250}.${(n % 250) + 1}`;
    const hostIp = `198.19.0.${nature.nodes.indexOf(node) + 1}`;
    life.past = newPast(timeIn(this.#world), { ip, hostIp });
    this.#write(pod, life.past);
    life.timer.reset(drawn(nature.startDelay, random));
  }

  #place(pod: Pod): string | null {
    const { nature, store } = this.#world;
    const open = nature.nodes.filter((node) => !this.#cordoned.has(node));
    const node = open[this.#pods % open.length];
    if (node === undefined) {
      this.#unplaced.add(pod.metadata.uid ?? '');
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: `0/${nature.nodes.length} nodes are available: all are unschedulable.`,
        lastTransitionTime: timeIn(this.#world),
      };
      const status = { phase: 'Pending', conditions: [condition] };
      writeStatus(this.#world, RESOURCES.pods, { ...pod, status }, SCHEDULER);
      return null;
    }
    store.update(RESOURCES.pods, { ...pod, spec: { ...pod.spec, nodeName: node } }, SCHEDULER);
    return node;
  }

  #next(life: Life, pod: Pod, past: Past): void {
    const { done, value } = life.stages.next();
    if (done === true) return;
    life.past = after(past, value, timeIn(this.#world));
    this.#write(pod, life.past);
    if (value.forMs !== Infinity) life.timer.reset(value.forMs);
  }

  #write(pod: Pod, past: Past): void {
    const live = this.#world.shelves.pods.get(keyOf(pod)) ?? pod;
    const status = podStatus(live, past);
    writeStatus(this.#world, RESOURCES.pods, { ...live, status }, KUBELET);
  }

  #end(life: Life, { metadata, spec }: KubeObject): void {
    if (life.ending) return;
    life.ending = true;
    this.#unplaced.delete(metadata.uid ?? '');
    const graceSeconds = ((spec as Pod['spec'])?.['terminationGracePeriodSeconds'] ?? 30) as number;
    const { podEndMs } = this.#world.nature;
    life.timer.reset(life.past === null ? 0 : Math.min(graceSeconds * 1000, podEndMs));
  }

  #remove(pod: Pod): void {
    const { store } = this.#world;
    const finalizers = (pod.metadata.finalizers ?? []).filter((each) => each !== KUBELET_HOLD);
    store.update(RESOURCES.pods, { ...pod, metadata: { ...pod.metadata, finalizers } }, KUBELET);
  }

  #forget(uid: string): void {
    this.#lives.get(uid)?.timer.stop();
    this.#lives.delete(uid);
    this.#unplaced.delete(uid);
  }

  #schedulingMs(): number {
    return drawn(this.#world.nature.scheduleDelay, this.#world.random);
  }
}
