// Keeps account of where proxies really send the requests of each apex, and since when: the checker's data plane.
import type { DataPlane as TrueDataPlane, InForce } from '../check/truth.ts';
import type { DataPlane, Table } from '../world/proxies.ts';
import type { PodBook } from './pod-book.ts';
import type { Standing } from './trials.ts';

interface Followed {
  readonly namespace: string;
  readonly apex: string;
  inForce: InForce | null;
}

const TOTAL = 100;

export class ReachBook implements TrueDataPlane {
  readonly #plane: DataPlane;
  readonly #pods: PodBook;
  readonly #nowMs: () => number;
  readonly #followed = new Map<string, Followed>();
  /** By namespace and Deployment: null while requests reach it, else since when none do. */
  readonly #idle = new Map<string, number | null>();

  constructor(plane: DataPlane, pods: PodBook, nowMs: () => number) {
    this.#plane = plane;
    this.#pods = pods;
    this.#nowMs = nowMs;
    plane.onShift(({ namespace, apex }) => {
      if (this.#followed.has(`${namespace}/${apex}`)) this.#look(namespace);
    });
  }

  /** From now on. */
  follow(namespace: string, apex: string): void {
    const key = `${namespace}/${apex}`;
    if (this.#followed.has(key)) return;
    this.#followed.set(key, { namespace, apex, inForce: null });
    this.#look(namespace);
  }

  shares(namespace: string, apex: string): ReadonlyMap<string, number> {
    const shares = new Map<string, number>();
    for (const { pod, share } of this.#plane.flows(namespace, apex)) {
      if (pod === '') continue;
      const { deployment } = this.#pods.fact(namespace, pod);
      shares.set(deployment, (shares.get(deployment) ?? 0) + TOTAL * share);
    }
    return shares;
  }

  inForce(namespace: string, apex: string): InForce | null {
    const followed = this.#followed.get(`${namespace}/${apex}`);
    if (followed === undefined) return null;
    this.#weigh(followed);
    return followed.inForce;
  }

  idleSinceMs(namespace: string, deployment: string): number | null {
    const since = this.#idle.get(`${namespace}/${deployment}`);
    return since === undefined ? -Infinity : since;
  }

  /** Whether users' requests reach pods of this version now. */
  serves({ namespace, apex, deployment, version }: Standing): boolean {
    return this.#plane.flows(namespace, apex).some(({ pod, share }) => {
      if (pod === '' || share <= 0) return false;
      const fact = this.#pods.fact(namespace, pod);
      return fact.deployment === deployment && fact.version === version;
    });
  }

  #look(namespace: string): void {
    const reached = new Set<string>();
    for (const followed of this.#followed.values()) {
      if (followed.namespace !== namespace) continue;
      this.#weigh(followed);
      // Whoever calls the apex within the cluster goes by no route.
      for (const entrance of ['auto', 'service'] as const)
        for (const { pod, share } of this.#plane.flows(namespace, followed.apex, entrance))
          if (pod !== '' && share > 0)
            reached.add(`${namespace}/${this.#pods.fact(namespace, pod).deployment}`);
    }
    for (const [key, since] of this.#idle)
      if (since === null && key.startsWith(`${namespace}/`) && !reached.has(key))
        this.#idle.set(key, this.#nowMs());
    for (const key of reached) this.#idle.set(key, null);
  }

  #weigh(followed: Followed): void {
    const { namespace, apex, inForce } = followed;
    const table =
      this.#plane.inForce(namespace, apex, 'gateway') ??
      this.#plane.inForce(namespace, apex, 'ingress');
    const weights = table === null ? null : weightsOf(table);
    if (weights === null) followed.inForce = null;
    else if (inForce === null || !sameWeights(weights, inForce.weights))
      followed.inForce = { weights, sinceMs: this.#nowMs() };
  }
}

function weightsOf({ backends }: Table): ReadonlyMap<string, number> {
  const all = backends.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map<string, number>();
  for (const { service, weight } of backends)
    weights.set(service, (weights.get(service) ?? 0) + (all === 0 ? 0 : (TOTAL * weight) / all));
  return weights;
}

function sameWeights(
  left: ReadonlyMap<string, number>,
  right: ReadonlyMap<string, number>,
): boolean {
  return (
    left.size === right.size && [...left].every(([name, weight]) => right.get(name) === weight)
  );
}
