// A fleet of Canaries: made, watched, and given new versions by eight callers at once.
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { until } from '../../test/e2e/cluster/until.ts';
import type { Cluster } from './cluster.ts';
import { inTurn, round } from './figures.ts';
import {
  APPS,
  CANARIES,
  type CanaryShape,
  canaryOf,
  deploymentOf,
  imagePatch,
  ingressOf,
  namespaceOf,
  namesOf,
  NETWORKING,
} from './objects.ts';

/** How many requests of a user are under way at once. */
export const CALLERS = 8;
const NAMESPACE = 'bench';

interface Seen {
  readonly at: number;
  readonly name: string;
  readonly phase: string;
}

interface WatchedCanary extends KubeObject {
  readonly status?: { readonly phase?: string };
}

export class Fleet implements AsyncDisposable {
  readonly names: readonly string[];
  readonly namespace = NAMESPACE;
  readonly #cluster: Cluster;
  readonly #shape: CanaryShape;
  readonly #end = new AbortController();
  readonly #seen: Seen[] = [];
  readonly #phases = new Map<string, string>();
  #watching: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, count: number, shape: CanaryShape) {
    this.#cluster = cluster;
    this.#shape = shape;
    this.names = namesOf(count);
  }

  /** Makes the Canaries and waits until all are initialized; resolves with the seconds that it took. */
  async initialize(say: (words: string) => void, limitMs = 600_000): Promise<number> {
    const started = performance.now();
    say(`${this.names.length} Canaries are made`);
    await this.#create();
    await this.all(['Initialized'], limitMs);
    return round((performance.now() - started) / 1000, 1);
  }

  async #create(): Promise<void> {
    const { api } = this.#cluster;
    await api.post('/api/v1/namespaces', namespaceOf(NAMESPACE));
    this.#watching = this.#watch();
    const at = `/namespaces/${NAMESPACE}`;
    await inTurn(this.names, CALLERS, async (name) => {
      await api.post(`${APPS}${at}/deployments`, deploymentOf(name));
      await api.post(`${NETWORKING}${at}/ingresses`, ingressOf(name));
      await api.post(`${CANARIES}${at}/canaries`, canaryOf(name, this.#shape));
    });
  }

  /** Resolves when every Canary is in one of these phases. */
  async all(phases: readonly string[], limitMs: number): Promise<void> {
    const count = () =>
      this.names.filter((name) => phases.includes(this.#phases.get(name) ?? '')).length;
    const look = () => count() === this.names.length;
    try {
      await until(`${this.names.length} Canaries to be ${phases.join(' or ')}`, look, { limitMs });
    } catch (cause) {
      throw new Error(`${count()} of ${this.names.length} Canaries are ${phases.join(' or ')}`, {
        cause,
      });
    }
  }

  /** A new version of one target; gives the time at which the API server had taken it. */
  async change(name: string, image: string): Promise<number> {
    const contentType = 'application/json-patch+json';
    const path = `${APPS}/namespaces/${NAMESPACE}/deployments/${name}`;
    await this.#cluster.api.patch(path, imagePatch(image), { contentType });
    return performance.now();
  }

  /** The first time from `since` on at which a Canary was seen in one of these phases; null if never. */
  firstSeen(name: string, phases: readonly string[], since: number): number | null {
    const found = this.#seen.find(
      (each) => each.name === name && each.at >= since && phases.includes(each.phase),
    );
    return found?.at ?? null;
  }

  phaseOf(name: string): string {
    return this.#phases.get(name) ?? '';
  }

  /** Forgets what was seen so far, but for the present phases: a long run must not fill the memory. */
  forget(): void {
    this.#seen.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const path = `${CANARIES}/namespaces/${NAMESPACE}/canaries`;
    const { signal } = this.#end;
    for await (const { object } of this.#cluster.api.follow<WatchedCanary>(path, signal)) {
      const { name } = object.metadata;
      const phase = object.status?.phase ?? '';
      if (this.#phases.get(name) === phase) continue;
      this.#phases.set(name, phase);
      this.#seen.push({ at: performance.now(), name, phase });
    }
  }
}
