// A store with controllers on a virtual clock, and the objects that tests put into it.
import type {
  Deployment,
  HorizontalPodAutoscaler,
  KubeObject,
  Pod,
} from '../../../../src/api/kubernetes.ts';
import type { Resource } from '../../../../src/client/client.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { VirtualClock } from '../../../../src/clock/virtual-clock.ts';
import type { Change } from '../../../../src/sim/store/change.ts';
import { createKinds } from '../../../../src/sim/store/kinds.ts';
import { ModelStore } from '../../../../src/sim/store/model-store.ts';
import { type Controllers, startControllers } from '../../../../src/sim/world/controllers.ts';
import type { DeploymentStatus } from '../../../../src/sim/world/deployment-status.ts';
import type { ReplicaSet } from '../../../../src/sim/world/kinds.ts';
import { CALM, type Nature } from '../../../../src/sim/world/nature.ts';
import { isReady } from '../../../../src/workloads/replaced.ts';

export const USER = { user: 'somebody', manager: 'kubectl' };
const KEY = { namespace: 'shop', name: 'web' };

export class Cluster {
  readonly clock = new VirtualClock();
  readonly store: ModelStore;
  readonly controllers: Controllers;
  readonly changes: Change[] = [];

  constructor(nature: Partial<Nature> = {}, seed = 1) {
    const random = chance(seed);
    this.store = new ModelStore({ clock: this.clock, random, kinds: createKinds([]) });
    this.store.onCommit((change) => this.changes.push(change));
    const { store, clock } = this;
    this.controllers = startControllers({ store, clock, random, nature: { ...CALM, ...nature } });
  }

  get web(): Deployment {
    return this.store.get(RESOURCES.deployments, KEY) as Deployment;
  }

  get status(): DeploymentStatus {
    return this.web.status as DeploymentStatus;
  }

  get scaler(): HorizontalPodAutoscaler & { status: { desiredReplicas: number } } {
    return this.store.get(RESOURCES.horizontalPodAutoscalers, KEY) as typeof this.scaler;
  }

  condition(type: string) {
    return this.status.conditions?.find((each) => each.type === type);
  }

  create(resource: Resource, object: KubeObject): void {
    this.store.create(resource, object, USER);
  }

  edit(spec: Partial<Deployment['spec']>): void {
    const live = this.web;
    const edited = { ...live, spec: { ...live.spec, ...spec } } as Deployment;
    this.store.update(RESOURCES.deployments, edited, USER);
  }

  pods(): readonly Pod[] {
    return this.store.list(RESOURCES.pods);
  }

  ready(): readonly Pod[] {
    return this.pods().filter(
      (pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined,
    );
  }

  /** `image:replicas` of each ReplicaSet, by image. */
  sets(): readonly string[] {
    return (this.store.list(RESOURCES.replicaSets) as readonly ReplicaSet[])
      .map(({ spec }) => `${spec.template.spec.containers[0]?.image}:${spec.replicas}`)
      .sort();
  }

  annotation(image: string, key: string): string | undefined {
    const sets = this.store.list(RESOURCES.replicaSets) as readonly ReplicaSet[];
    const set = sets.find(({ spec }) => spec.template.spec.containers[0]?.image === image);
    return set?.metadata.annotations?.[`deployment.kubernetes.io/${key}`];
  }
}

export function web(replicas: number, image = 'v1', more: object = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: KEY,
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: template(image),
      ...more,
    },
  };
}

export function template(image: string): Deployment['spec']['template'] {
  const ports = [{ name: 'http', containerPort: 8080 }];
  return {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image, ports }] },
  };
}

export function service(): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: KEY,
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
}

export function scaler(minReplicas: number, maxReplicas: number): HorizontalPodAutoscaler {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: KEY,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas,
      maxReplicas,
    },
  };
}

/** A small generator of the kind mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
