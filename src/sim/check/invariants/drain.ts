// S3: nothing is taken away, or pointed elsewhere, before the data plane has let go of it for the drain time.
import type { Change } from '../../store/change.ts';
import type { Case, Role } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { deletes, isOperators, replicasOf, same } from '../readings.ts';

export const drainedBeforeRetired: Invariant = {
  id: 'S3',
  title: 'scaled down, deleted or repointed only when the data plane has let go for the drain time',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || change.type === 'ADDED') return;
      for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
        if (role === 'target' || role === 'primary') workloadWritten(bench, of, change);
        if (role === 'primaryService' || role === 'canaryService')
          serviceWritten(bench, of, change, role);
        if (role === 'route' && deletes(change)) routeDeleted(bench, of);
      }
    },
  }),
};

function workloadWritten(bench: Bench, of: Case, change: Change): void {
  const { object, before } = change;
  const { name } = object.metadata;
  const had = replicasOf(before);
  const gone = deletes(change);
  const left = gone ? 0 : replicasOf(object);
  if (left >= had) return;
  const { truth, cases } = bench;
  // Pods that are not ready get no requests that could be lost.
  if (cases.excused(of, name) || truth.readyPods(of.namespace, name).length === 0) return;
  const needed = left === 0 ? 0 : podsNeeded(bench, of, name, had);
  if (left > 0) {
    const short = left < needed ? `needs ${needed} for its share` : null;
    bench.judge(short === null ? null : `${name} is scaled from ${had} to ${left} and ${short}`);
    return;
  }
  const done = gone ? 'deleted' : 'scaled to zero';
  const busy = undrained(bench, of, name);
  bench.judge(busy === null ? null : `${name} is ${done} although ${busy}`);
}

function podsNeeded({ truth }: Bench, of: Case, name: string, had: number): number {
  const share = truth.dataPlane.shares(of.namespace, of.names.apex).get(name) ?? 0;
  return share === 0 ? 0 : Math.max(1, Math.ceil((had * share) / 100));
}

/** What speaks against taking the pods of a Deployment away now; null = nothing. */
function undrained({ truth }: Bench, of: Case, name: string): string | null {
  const since = truth.dataPlane.idleSinceMs(of.namespace, name);
  if (since === null) return 'requests still reach it';
  const idleMs = truth.nowMs() - since;
  const drainMs = truth.drainMs(of.namespace, of.names.apex);
  return idleMs < drainMs ? `it has been idle for ${idleMs} of ${drainMs} ms` : null;
}

function serviceWritten(bench: Bench, of: Case, change: Change, role: Role): void {
  const { object, before } = change;
  const gone = deletes(change);
  const { name } = object.metadata;
  const selector = (service: Change['before']) =>
    (service?.['spec'] as { readonly selector?: unknown } | undefined)?.selector;
  if (!gone && same(selector(before), selector(object))) return;
  const workload = role === 'primaryService' ? of.names.targetPrimary : of.names.target;
  if (bench.cases.excused(of, workload)) return;
  if (bench.truth.readyPods(of.namespace, workload).length === 0) return;
  const weight = bench.truth.dataPlane.inForce(of.namespace, of.names.apex)?.weights.get(name) ?? 0;
  const done = gone ? 'deleted' : 'repointed';
  bench.judge(weight === 0 ? null : `Service ${name} is ${done} and still gets ${weight} %`);
}

/** Without the route its requests have nowhere to go, or all go to where the apex leads. */
function routeDeleted(bench: Bench, of: Case): void {
  const { names, namespace } = of;
  if (bench.cases.excused(of, names.target, names.targetPrimary)) return;
  const weights = bench.truth.dataPlane.inForce(namespace, names.apex)?.weights;
  const left = [names.canary, names.primary].find((name) => (weights?.get(name) ?? 0) > 0);
  bench.judge(left === undefined ? null : `the route is deleted and still sends to ${left}`);
}
