// The ReplicaSet controller: as many pods as the spec says, the least useful deleted first, and the status.
import { keyOf, type Pod } from '../../api/kubernetes.ts';
import { isApiError } from '../../client/errors.ts';
import { RESOURCES } from '../../client/resources.ts';
import { parseTime } from '../../clock/time-format.ts';
import { isReady } from '../../workloads/replaced.ts';
import { Agenda } from './agenda.ts';
import {
  isActive,
  keyOfOwner,
  nameEnding,
  ownerOf,
  type ReplicaSet,
  same,
  selects,
  type WorkloadCondition,
} from './kinds.ts';
import { KUBELET_HOLD } from './pods.ts';
import { controllerOf, isOf } from './shelves.ts';
import { sizeOf } from './sizes.ts';
import { CONTROLLERS, objectKey, type Seen, timeIn, type World, writeStatus } from './world.ts';

const PHASES = ['Pending', 'Unknown', 'Running'];
const COST = 'controller.kubernetes.io/pod-deletion-cost';
const RETRY_MS = 1_000;

export class ReplicaSets {
  readonly #world: World;
  readonly #agenda: Agenda;

  constructor(world: World) {
    this.#world = world;
    const { clock, random, nature } = world;
    const look = (key: string) => this.#look(key);
    this.#agenda = new Agenda({ clock, random, delay: nature.replicaSetDelay, look });
  }

  see(seen: Seen): void {
    const { type, object } = seen;
    if (isOf(seen, RESOURCES.replicaSets)) {
      if (type === 'DELETED') this.#agenda.forget(keyOf(object));
      else this.#agenda.wake(keyOf(object));
    } else if (isOf(seen, RESOURCES.pods)) {
      const owner = controllerOf(object);
      if (owner?.kind === 'ReplicaSet') this.#agenda.wake(keyOfOwner(object, owner));
      if (owner !== null || type === 'DELETED') return;
      for (const set of this.#world.shelves.replicaSets.in(object.metadata.namespace ?? '')) {
        if (selects(set.spec.selector, object.metadata.labels ?? {})) {
          this.#agenda.wake(keyOf(set));
        }
      }
    }
  }

  stop(): void {
    this.#agenda.stop();
  }

  #look(key: string): number | null {
    const set = this.#world.shelves.replicaSets.get(key);
    if (set === null) return null;
    const pods = this.#claimed(set);
    const failure = set.metadata.deletionTimestamp === undefined ? this.#size(set, pods) : null;
    const live = this.#world.shelves.replicaSets.get(key) ?? set;
    const { status, againMs } = this.#status(live, pods, failure);
    if (!same(status, live.status)) {
      writeStatus(this.#world, RESOURCES.replicaSets, { ...live, status });
    }
    return failure === null ? againMs : RETRY_MS;
  }

  /** Its active pods; those without owner that match join, those whose labels were changed leave. */
  #claimed(set: ReplicaSet): readonly Pod[] {
    const { uid = '', namespace = '' } = set.metadata;
    const { pods } = this.#world.shelves;
    const fits = (pod: Pod) => selects(set.spec.selector, pod.metadata.labels ?? {});
    if (set.metadata.deletionTimestamp === undefined) {
      for (const pod of pods.orphans(namespace).filter((each) => isActive(each) && fits(each))) {
        this.#own(pod, [...(pod.metadata.ownerReferences ?? []), ownerOf(set)]);
      }
      for (const pod of pods.ownedBy(uid, namespace).filter((each) => !fits(each))) {
        const others = (pod.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
        this.#own(pod, others);
      }
    }
    return pods.ownedBy(uid, namespace).filter(isActive);
  }

  #own(pod: Pod, ownerReferences: readonly object[]): void {
    const changed = { ...pod, metadata: { ...pod.metadata, ownerReferences } } as Pod;
    this.#world.store.update(RESOURCES.pods, changed, CONTROLLERS);
  }

  /** What kept it from creating a pod; null = nothing. */
  #size(set: ReplicaSet, pods: readonly Pod[]): string | null {
    const surplus = pods.length - sizeOf(set);
    const { store } = this.#world;
    if (surplus > 0) {
      const leaving = [...pods].sort(uselessFirst(pods)).slice(0, surplus);
      for (const pod of leaving) store.delete(RESOURCES.pods, objectKey(pod), CONTROLLERS);
      return null;
    }
    try {
      for (let missing = -surplus; missing > 0; missing--) {
        store.create(RESOURCES.pods, podOf(set, this.#world.random), CONTROLLERS);
      }
      return null;
    } catch (error) {
      if (isApiError(error)) return error.message;
      throw error;
    }
  }

  #status(set: ReplicaSet, pods: readonly Pod[], failure: string | null) {
    const minimumMs = (set.spec.minReadySeconds ?? 0) * 1000;
    const ready = pods.filter(isReady);
    const waits = ready.map((pod) => minimumMs - this.#readyForMs(pod)).filter((ms) => ms > 0);
    const wanted = set.spec.template.metadata?.labels ?? {};
    const labelled = pods.filter((pod) =>
      selects({ matchLabels: wanted }, pod.metadata.labels ?? {}),
    ).length;
    const available = ready.length - waits.length;
    const status = {
      replicas: pods.length,
      ...(labelled > 0 && { fullyLabeledReplicas: labelled }),
      ...(ready.length > 0 && { readyReplicas: ready.length }),
      ...(available > 0 && { availableReplicas: available }),
      observedGeneration: set.metadata.generation ?? 0,
      ...this.#conditions(set, failure),
    };
    return { status, againMs: waits.length === 0 ? null : Math.min(...waits) };
  }

  #readyForMs(pod: Pod): number {
    const condition = pod.status?.conditions?.find(({ type }) => type === 'Ready');
    const since = parseTime(condition?.lastTransitionTime ?? '');
    return since === null ? 0 : this.#world.clock.now() - since;
  }

  #conditions(
    set: ReplicaSet,
    message: string | null,
  ): { readonly conditions?: readonly WorkloadCondition[] } {
    if (message === null) return {};
    const before = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (before !== undefined) return { conditions: [before] };
    const lastTransitionTime = timeIn(this.#world);
    return {
      conditions: [
        {
          type: 'ReplicaFailure',
          status: 'True',
          reason: 'FailedCreate',
          message,
          lastTransitionTime,
        },
      ],
    };
  }
}

function podOf(set: ReplicaSet, random: () => number): Pod {
  const { name, namespace } = set.metadata;
  const { metadata, spec } = set.spec.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${nameEnding(random)}`,
      generateName: `${name}-`,
      ...(namespace !== undefined && { namespace }),
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      ...(metadata?.annotations !== undefined && { annotations: metadata.annotations }),
      ownerReferences: [ownerOf(set)],
      finalizers: [KUBELET_HOLD],
    },
    spec,
    status: { phase: 'Pending' },
  };
}

/** The order of kube-controller-manager: without node, not running, not ready, cheap, crowded, young, restarted. */
function uselessFirst(pods: readonly Pod[]): (a: Pod, b: Pod) => number {
  const crowd = (pod: Pod) =>
    pods.filter(({ spec }) => spec?.nodeName === pod.spec?.nodeName).length;
  const ranks: readonly ((pod: Pod) => number)[] = [
    (pod) => (pod.spec?.nodeName === undefined ? 0 : 1),
    (pod) => PHASES.indexOf(pod.status?.phase ?? 'Pending'),
    (pod) => (isReady(pod) ? 1 : 0),
    (pod) => Number(pod.metadata.annotations?.[COST] ?? 0),
    (pod) => -crowd(pod),
    (pod) => -epochMs(readySince(pod)),
    (pod) => -restarts(pod),
    (pod) => -epochMs(pod.metadata.creationTimestamp ?? ''),
  ];
  return (a, b) => {
    for (const rank of ranks) {
      const difference = rank(a) - rank(b);
      if (difference !== 0) return difference;
    }
    return a.metadata.name < b.metadata.name ? -1 : 1;
  };
}

function epochMs(time: string): number {
  return parseTime(time) ?? 0;
}

function readySince(pod: Pod): string {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
}

function restarts(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce(
    (most, { restartCount }) => Math.max(most, restartCount),
    0,
  );
}
