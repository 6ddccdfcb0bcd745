// S13: once the finalizer is gone, somebody serves, nothing that serves will be collected, and nothing is left over.
import { FINALIZER } from '../../../api/canary.ts';
import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import { RESOURCES } from '../../../client/resources.ts';
import type { Case, Role } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, ownersOf, selects, shareOf } from '../readings.ts';

/** What a Canary whose traffic was handed back leaves to nobody. */
const MADE: readonly Role[] = ['primary', 'primaryService', 'canaryService', 'scaler'];

export const deletionLeavesService: Invariant = {
  id: 'S13',
  title: 'after the finalizer a ready workload serves, and nothing of ours is left but what serves',
  guard: (bench) => ({
    commit(change) {
      const of = released(bench, change);
      if (of === null) return;
      const { target, targetPrimary } = of.names;
      if (bench.cases.excused(of, target, targetPrimary)) return;
      bench.judge(unserved(bench, of) ?? collected(bench, of) ?? leftOver(bench, of));
    },
  }),
};

/** The Canary that this write of the operator lets go; null for every other. */
function released({ cases }: Bench, change: Change): Case | null {
  const { resource, object, before, type } = change;
  if (!isOperators(change) || resource.plural !== 'canaries') return null;
  const held = before?.metadata.finalizers?.includes(FINALIZER) === true;
  const holds = type !== 'DELETED' && object.metadata.finalizers?.includes(FINALIZER) === true;
  return held && !holds ? cases.get(object.metadata.uid ?? '') : null;
}

/** Requests that could be answered have to be. */
function unserved({ truth, cases }: Bench, of: Case): string | null {
  const { namespace, names } = of;
  const ready = (name: string) => truth.readyPods(namespace, name).length > 0;
  const able = [names.target, names.targetPrimary].filter(ready);
  if (able.length === 0 || cases.object(of, 'apex') === null) return null;
  const shares = truth.dataPlane.shares(namespace, names.apex);
  const served = [...shares].filter(([, share]) => share > 0);
  if (served.length === 0) return `nobody answers at ${names.apex}, though ${able.join()} could`;
  const dead = served.find(([name]) => !ready(name));
  return dead === undefined ? null : `${dead[0]} gets requests and has no ready pod`;
}

/** Garbage collection takes what has no living owner but the Canary. */
function collected({ truth, cases }: Bench, of: Case): string | null {
  const { namespace, names } = of;
  const target = cases.object(of, 'target');
  const alive = new Set([target?.metadata.uid]);
  const shares = truth.dataPlane.shares(namespace, names.apex);
  const serving: readonly (KubeObject | null)[] = [
    cases.object(of, 'apex'),
    cases.object(of, 'route'),
    (shares.get(names.targetPrimary) ?? 0) > 0 ? cases.object(of, 'primary') : null,
  ];
  const doomed = serving.find((object) => {
    const owners = object?.metadata.ownerReferences ?? [];
    return owners.some(({ uid }) => uid === of.uid) && !owners.some(({ uid }) => alive.has(uid));
  });
  if (doomed === undefined || doomed === null) return null;
  // A canary Ingress at weight 0 is not what serves.
  const idle = doomed.kind === 'Ingress' && shareOf(doomed, [names.canary]) === 0;
  return idle ? null : `${doomed.kind} ${doomed.metadata.name} serves and will be collected`;
}

function leftOver({ truth, cases }: Bench, of: Case): string | null {
  const { namespace, uid, names } = of;
  const apex = cases.object(of, 'apex');
  const handedBack = selects(apex, cases.object(of, 'target'));
  const primaryServes =
    (truth.dataPlane.shares(namespace, names.apex).get(names.targetPrimary) ?? 0) > 0;
  if (!handedBack || primaryServes) return null;
  const { configMaps, secrets } = RESOURCES;
  const copies = [configMaps, secrets].flatMap((kind) => truth.store.list(kind, { namespace }));
  const made = [...MADE.map((role) => cases.object(of, role)), ...copies];
  const left = made.find(
    (object) =>
      object !== null &&
      ownersOf(object).includes(uid) &&
      object.metadata.deletionTimestamp === undefined &&
      !(object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid),
  );
  return left === undefined || left === null
    ? null
    : `${left.kind} ${left.metadata.name} is left over, without an owner`;
}
