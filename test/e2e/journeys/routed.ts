// The weights that a canary's HTTPRoute went through, and whether each was chosen before it was written.
import { expect } from 'vitest';
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import { parseStatus } from '../../../src/api/status.ts';
import type { HttpRoute } from '../cluster/gateway.ts';
import { Chronicle } from './chronicle.ts';
import { canariesPath, deploymentPath, type Journey, routePath } from './journey.ts';

/** Follows what a rollout writes in the journey's namespace: Canaries, Deployments and HTTPRoutes. */
export function followRollout(walk: Journey): Chronicle {
  const all = (path: string): string => path.replace(/\/$/, '');
  return new Chronicle(
    walk,
    canariesPath(walk),
    all(deploymentPath(walk, '')),
    all(routePath(walk, '')),
  );
}

/** The canary's weight after each change of the route, oldest first; throws where weights do not sum to 100. */
export function weightsRouted(seen: Chronicle, name = 'web'): readonly number[] {
  const weights = written(seen, name).map(({ weight }) => weight);
  return weights.filter((weight, index) => weight !== weights[index - 1]);
}

/** Waits until the route went through just these weights. */
export async function expectWeights(seen: Chronicle, weights: readonly number[]): Promise<void> {
  await expect.poll(() => weightsRouted(seen), { timeout: 15_000 }).toEqual(weights);
  expectChosenFirst(seen);
}

/** No weight was ever written that the status had not held before. */
function expectChosenFirst(seen: Chronicle, name = 'web'): void {
  const canaries = seen.of('Canary', name);
  for (const { weight, at } of written(seen, name)) {
    const chosen = canaries.findLast((canary) => versionOf(canary) < at);
    expect(parseStatus(chosen?.['status']).canaryWeight, `chosen before ${at}`).toBe(weight);
  }
}

interface Written {
  readonly weight: number;
  /** Place in the cluster's history. */
  readonly at: number;
}

/** The weights as the operator wrote them: one for each generation, a gateway's own status writes are left out. */
export function written(seen: Chronicle, name = 'web'): readonly Written[] {
  const generations = new Map<number, HttpRoute>();
  for (const route of seen.of<HttpRoute>('HTTPRoute', name)) {
    const generation = route.metadata.generation ?? 0;
    if (!generations.has(generation)) generations.set(generation, route);
  }
  return [...generations.values()].map((route) => ({
    weight: weightOf(route, name),
    at: versionOf(route),
  }));
}

function weightOf(route: HttpRoute, name: string): number {
  const backends = route.spec.rules?.[0]?.backendRefs ?? [];
  const share = (backend: string): number =>
    backends.find((each) => each.name === backend)?.weight ?? 0;
  const canary = share(`${name}-canary`);
  expect(canary + share(`${name}-primary`), 'sum of the weights').toBe(100);
  return canary;
}

/** A Deployment whose pods are to run this image. */
export function runs(image: string): (object: KubeObject) => boolean {
  return (object) => (object as Deployment).spec.template.spec.containers[0]?.image === image;
}

/** A Deployment all of whose pods run this image and are available. */
export function serves(image: string, replicas: number): (object: KubeObject) => boolean {
  return (object) => {
    const { metadata, status } = object as Deployment;
    return (
      runs(image)(object) &&
      status?.observedGeneration === metadata.generation &&
      status?.updatedReplicas === replicas &&
      status?.availableReplicas === replicas
    );
  };
}

/** The last place in the history at which an object was so. */
export function last(
  seen: Chronicle,
  [kind, name]: readonly [string, string],
  so: (object: KubeObject) => boolean,
): number {
  const found = seen.of(kind, name).findLast(so);
  return found === undefined ? 0 : versionOf(found);
}

export function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion);
}
