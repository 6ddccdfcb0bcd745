// A Deployment of the model cluster: templates, and pods that take their time to become ready.
import type { Instant } from '../../../src/clock/clock.ts';
import type { PodCounts } from '../../../src/decision/world.ts';

export interface Template {
  /** What runs in the pods. */
  readonly version: number;
  /** Another text of the same version, as when an API server adds defaults. */
  readonly defaults: number;
  /** Serin's stamp, which restarts the pods. */
  readonly stamp: string;
}

interface Pod {
  readonly key: string;
  readonly version: number;
  /** Infinity = never. */
  readyAt: number;
}

export class Workload {
  template: Template;
  replicas: number;
  generation = 1;
  turn = 1;
  revision = '';
  #pods: Pod[] = [];
  #observed = 0;
  #counted: string;
  readonly #readyMs: number;
  readonly #broken: ReadonlySet<number>;

  constructor(
    template: Template,
    replicas: number,
    nature: { readonly readyMs: number; readonly broken: ReadonlySet<number> },
  ) {
    this.template = template;
    this.replicas = replicas;
    this.#readyMs = nature.readyMs;
    this.#broken = nature.broken;
    this.#counted = keyOf(template);
  }

  /** All pods are there and ready from the start. */
  settle(now: Instant): this {
    this.#observed = this.generation;
    const { version } = this.template;
    const key = keyOf(this.template);
    this.#pods = Array.from({ length: this.replicas }, () => ({ key, version, readyAt: now }));
    return this;
  }

  write(change: { readonly template?: Template; readonly replicas?: number }): void {
    const { template = this.template, replicas = this.replicas } = change;
    if (template === this.template && replicas === this.replicas) return;
    this.template = template;
    this.replicas = replicas;
    this.generation += 1;
  }

  /** Pods that can answer now. */
  ready(now: Instant): number {
    return this.#pods.filter((pod) => pod.readyAt <= now).length;
  }

  /** Versions that can answer now. */
  versions(now: Instant): ReadonlySet<number> {
    return new Set(this.#pods.filter((pod) => pod.readyAt <= now).map((pod) => pod.version));
  }

  /** All pods stop being ready, and are so again after a while. */
  stumble(until: number): void {
    for (const pod of this.#pods) pod.readyAt = Math.max(pod.readyAt, until);
  }

  /** One round of the Deployment controller. */
  tick(now: Instant): void {
    const { template, replicas } = this;
    const key = keyOf(template);
    this.#observed = this.generation;
    if (key !== this.#counted) {
      this.#counted = key;
      this.turn += 1;
    }
    const fresh = (): number => this.#pods.filter((pod) => pod.key === key).length;
    while (fresh() < replicas && this.#pods.length < replicas + 1) this.#start(key, now);
    this.#drop((pod) => pod.key !== key && pod.readyAt > now, this.#pods.length - replicas);
    this.#drop((pod) => pod.key !== key, Math.min(this.#pods.length, this.ready(now)) - replicas);
    this.#drop((pod) => pod.key === key && pod.readyAt > now, fresh() - replicas);
    this.#drop((pod) => pod.key === key, fresh() - replicas);
    if (replicas === 0) this.#pods = [];
  }

  /** Everything that an observer could see move; the same text, the same facts. */
  face(now: Instant): string {
    return JSON.stringify([
      this.counts(now),
      this.generation,
      this.turn,
      this.template,
      this.revision,
    ]);
  }

  counts(now: Instant): PodCounts {
    const key = keyOf(this.template);
    const fresh = this.#pods.filter((pod) => pod.key === key);
    const ready = this.ready(now);
    return {
      settled: this.#observed === this.generation,
      replicas: this.replicas,
      updated: fresh.length,
      ready,
      available: fresh.filter((pod) => pod.readyAt <= now).length,
      total: this.#pods.length,
      paused: false,
      stuck: null,
    };
  }

  #start(key: string, now: Instant): void {
    const { version } = this.template;
    const readyAt = this.#broken.has(version) ? Number.POSITIVE_INFINITY : now + this.#readyMs;
    this.#pods.push({ key, version, readyAt });
  }

  #drop(which: (pod: Pod) => boolean, most: number): void {
    let left = most;
    this.#pods = this.#pods.filter((pod) => {
      if (left <= 0 || !which(pod)) return true;
      left -= 1;
      return false;
    });
  }
}

/** Defaults change the text, not the pods. */
function keyOf({ version, stamp }: Template): string {
  return `${version}/${stamp}`;
}
