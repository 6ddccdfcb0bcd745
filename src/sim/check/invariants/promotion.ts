// S4 and S7: only what passed goes into the primary, and a failure never touches it.
import type { Change } from '../../store/change.ts';
import type { Case } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, replicasOf, shareOf, templateOf } from '../readings.ts';

export const promotionGate: Invariant = {
  id: 'S4',
  title:
    'the primary is changed only to a version that passed, at first adoption, or without analysis',
  guard(bench) {
    /** By uid of the Canary: the version that its primary carries by right. */
    const carried = new Map<string, string>();
    return {
      commit(change) {
        const version = primaryVersion(bench, change);
        if (version === null) return;
        for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
          if (role !== 'primary' || !isOperators(change)) continue;
          const broken = promoted(bench, of, version, carried.get(of.uid) ?? null);
          bench.judge(broken);
          if (broken === null) carried.set(of.uid, version);
        }
      },
    };
  },
};

/** The version that a commit gives a Deployment; null when it leaves the version as it was. */
function primaryVersion({ truth }: Bench, { type, object, before }: Change): string | null {
  if (type === 'DELETED') return null;
  const template = templateOf(object);
  const old = templateOf(before);
  if (template === null || template === old) return null;
  const version = truth.versionOf(template);
  return old !== null && truth.versionOf(old) === version ? null : version;
}

function promoted(
  { truth }: Bench,
  of: Case,
  version: string,
  carried: string | null,
): string | null {
  const { bar, uid, namespace, names } = of;
  const { targetPrimary } = names;
  const neverServed = truth.dataPlane.idleSinceMs(namespace, targetPrimary) === -Infinity;
  if (neverServed || version === carried) return null;
  const judged = version === bar.version;
  if (judged && bar.skips) return null;
  const passes = truth.passed(uid, version);
  const needed = judged ? bar.passes : 1;
  if (passes >= needed) return null;
  return `${targetPrimary} gets version ${version}, which passed ${passes} of ${needed} checks`;
}

export const failureSparesPrimary: Invariant = {
  id: 'S7',
  title:
    'after a failure the primary keeps template and size, and the canary loses traffic before pods',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change)) return;
      for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
        if (!failed(bench, of)) continue;
        if (role === 'primary') primaryWritten(bench, change, of);
        if (role === 'target') canaryLowered(bench, change, of);
      }
    },
  }),
};

function failed({ truth }: Bench, { uid, bar }: Case): boolean {
  const since = truth.failedAtMs(uid, bar.version);
  return since !== null && truth.nowMs() - since >= truth.bounds.graceMs;
}

function primaryWritten(bench: Bench, change: Change, { bar, canary, names }: Case): void {
  const { type, object, before } = change;
  // A deletion hands the traffic back and takes the primary away, whatever failed before.
  if (canary.metadata.deletionTimestamp !== undefined) return;
  const version = primaryVersion(bench, change);
  const lowered =
    before !== null && (type === 'DELETED' || replicasOf(object) < replicasOf(before));
  if (version === bar.version)
    bench.judge(`${names.targetPrimary} gets version ${version}, which failed`);
  else bench.judge(lowered ? `${names.targetPrimary} is lowered after a failure` : null);
}

function canaryLowered(bench: Bench, { type, object, before }: Change, of: Case): void {
  if (type !== 'DELETED' && replicasOf(object) >= replicasOf(before)) return;
  if (bench.cases.excused(of, of.names.target)) return;
  const weight = shareOf(bench.cases.object(of, 'route'), [of.names.canary]);
  bench.judge(weight === 0 ? null : `the failed canary loses pods at weight ${weight}`);
}
