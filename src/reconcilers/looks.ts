// Reads from the stores on behalf of one Canary, and notes what it looked at: a change to that wakes it.
import type { Canary, Problem } from '../api/canary.ts';
import type { Deployment, HorizontalPodAutoscaler, KubeObject } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import type { WorkloadKind } from '../workloads/kind.ts';
import type { ClusterView } from './cluster-view.ts';

/** One Canary on the way to its World; every part adds the problems that it finds. */
export interface Gathering {
  readonly key: string;
  readonly now: Instant;
  readonly canary: Canary;
  readonly kind: WorkloadKind;
  readonly view: ClusterView;
  readonly looks: Looks;
  readonly problems: Problem[];
}

export class Looks {
  readonly subjects = new Set<string>();
  readonly #view: ClusterView;

  constructor(view: ClusterView, canary: string) {
    this.#view = view;
    this.at(`canaries/${canary}`);
  }

  at(subject: string): void {
    this.subjects.add(subject);
  }

  deployment(namespace: string, name: string): Deployment | null {
    this.at(`deployments/${namespace}/${name}`);
    return this.#view.deployments.store.get(`${namespace}/${name}`) ?? null;
  }

  service(namespace: string, name: string): KubeObject | undefined {
    this.at(`services/${namespace}/${name}`);
    return this.#view.services.store.get(`${namespace}/${name}`);
  }

  scaler(namespace: string, name: string): HorizontalPodAutoscaler | null {
    this.at(`horizontalpodautoscalers/${namespace}/${name}`);
    return this.#view.scalers.store.get(`${namespace}/${name}`) ?? null;
  }

  template(namespace: string, name: string): KubeObject | undefined {
    this.at(`metrictemplates/${namespace}/${name}`);
    return this.#view.metricTemplates.store.get(`${namespace}/${name}`);
  }
}
