// Stands in for scheduler and kubelets where there is no node: pods are bound, run, become ready, crash, end as told.
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject, Pod } from '../../../src/api/kubernetes.ts';
import { type Api, RefusedByApi } from './api.ts';
import { BEHAVIOUR, type Behaviour, type Stage, stagesOf } from './behaviour.ts';
import { choose } from './nodes.ts';
import { type Past, after, newPast, statusOf } from './pod-status.ts';

export interface KubeletOptions {
  /** Only this namespace's pods; default all. Two stand-ins must not share a namespace. */
  readonly namespace?: string;
  /** Of pods without annotation and rule. Default: ready after 50 ms. */
  readonly behaviour?: Behaviour;
}

/** Follows the pods until disposed of. The nodes must be registered (nodes.ts), by anyone. */
export function startKubelet(api: Api, options: KubeletOptions = {}): Kubelet {
  return new Kubelet(api, options);
}

interface Life {
  pod: Pod;
  past: Past;
  end: AbortController;
  run: Promise<void>;
}

interface Rule {
  readonly concerns: (pod: Pod) => boolean;
  readonly behaviour: Behaviour;
}

export class Kubelet {
  readonly #api: Api;
  readonly #options: KubeletOptions;
  readonly #over = new AbortController();
  readonly #lives = new Map<string, Life>();
  readonly #nodes = new Map<string, KubeObject>();
  readonly #rules: Rule[] = [];
  readonly #running = new Set<Promise<void>>();
  #pods = 0;

  constructor(api: Api, options: KubeletOptions) {
    this.#api = api;
    this.#options = options;
    void this.#start(this.#followNodes());
    void this.#start(this.#followPods());
  }

  /** From now on, pods that there are and pods to come. The newest rule that concerns a pod counts, before its annotation. */
  behave(concerns: (pod: Pod) => boolean, behaviour: Behaviour): void {
    this.#rules.unshift({ concerns, behaviour });
    for (const life of this.#lives.values()) if (concerns(life.pod)) this.#begin(life);
  }

  /** Ends at once; pods stay as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#running);
  }

  async #followNodes(): Promise<void> {
    for await (const { type, object } of this.#api.follow('/api/v1/nodes', this.#over.signal)) {
      const { name } = object.metadata;
      if (type === 'DELETED') this.#nodes.delete(name);
      else this.#nodes.set(name, object);
      for (const life of this.#lives.values()) {
        if (life.pod.spec?.nodeName === undefined) this.#begin(life);
      }
    }
  }

  async #followPods(): Promise<void> {
    const { namespace } = this.#options;
    const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
    for await (const { type, object } of this.#api.follow<Pod>(path, this.#over.signal)) {
      this.#see(type === 'DELETED', object);
    }
  }

  #see(gone: boolean, pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const known = this.#lives.get(uid);
    if (gone || pod.metadata.deletionTimestamp !== undefined) {
      known?.end.abort();
      this.#lives.delete(uid);
      if (!gone && pod.spec?.nodeName !== undefined) void this.#start(this.#remove(pod));
    } else if (known !== undefined) {
      known.pod = pod;
    } else {
      const past = newPast(this.#nextIp(), new Date().toISOString());
      const life = { pod, past, end: new AbortController(), run: Promise.resolve() };
      this.#lives.set(uid, life);
      this.#begin(life);
    }
  }

  /** Starts a life, or starts it again by a new rule; a write under way comes first. */
  #begin(life: Life): void {
    life.end.abort();
    life.end = new AbortController();
    const signal = AbortSignal.any([life.end.signal, this.#over.signal]);
    life.run = this.#start(life.run.then(() => this.#live(life, signal)));
  }

  async #live(life: Life, signal: AbortSignal): Promise<void> {
    if (life.pod.spec?.nodeName === undefined) {
      const node = choose([...this.#nodes.values()], life.pod, this.#pods);
      if (node === null) return; // a change of the nodes starts it again
      await this.#persist(() => this.#bind(life.pod, node), signal);
    }
    for (const stage of stagesOf(this.#behaviourOf(life.pod))) {
      const past = after(life.past, stage, new Date().toISOString());
      await this.#persist(() => this.#write(life.pod, stage, past), signal);
      life.past = past;
      if (stage.forMs === Infinity) return;
      await pause(stage.forMs, undefined, { signal });
    }
  }

  #behaviourOf(pod: Pod): Behaviour {
    const rule = this.#rules.find(({ concerns }) => concerns(pod));
    if (rule !== undefined) return rule.behaviour;
    const annotation = pod.metadata.annotations?.[BEHAVIOUR];
    if (annotation !== undefined) return JSON.parse(annotation) as Behaviour;
    return this.#options.behaviour ?? { kind: 'ready', afterMs: 50 };
  }

  async #bind(pod: Pod, node: string): Promise<void> {
    const { name, uid } = pod.metadata;
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    await this.#api.post(`${pathOf(pod)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, uid },
      target,
    });
  }

  async #write(pod: Pod, stage: Stage, past: Past): Promise<void> {
    const contentType = 'application/strategic-merge-patch+json';
    const metadata = { uid: pod.metadata.uid };
    const status = statusOf(pod, stage, past);
    await this.#api.patch(`${pathOf(pod)}/status`, { metadata, status }, { contentType });
  }

  async #remove(pod: Pod): Promise<void> {
    const preconditions = { uid: pod.metadata.uid };
    const now = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions };
    await this.#persist(() => this.#api.delete(pathOf(pod), now), this.#over.signal);
  }

  /** Until it is done, or refused for good: the pod has gone, or is another one of the same name. */
  async #persist(write: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await write();
        return;
      } catch (error) {
        if (error instanceof RefusedByApi && error.code < 500 && error.code !== 429) return;
        await pause(200, undefined, { signal });
      }
    }
  }

  /** The result never rejects. */
  #start(work: Promise<void>): Promise<void> {
    const run = work.catch((error: unknown) => {
      const { name } = error instanceof Error ? error : { name: '' };
      if (name !== 'AbortError') process.stderr.write(`kubelet stand-in: ${String(error)}\n`);
    });
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
    return run;
  }

  #nextIp(): string {
    const n = this.#pods++;
    return `198.18.${Math.floor(n / 250) % 250}.${(n % 250) + 1}`;
  }
}

function pathOf(pod: Pod): string {
  return `/api/v1/namespaces/${pod.metadata.namespace ?? ''}/pods/${pod.metadata.name}`;
}
