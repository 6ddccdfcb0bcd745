// S5: the canary's weight is earned: every rise by a check of its own, and nothing is inherited from another version.
import type { Change } from '../../store/change.ts';
import { type Case, weightAfter } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, replicasOf, same, shareOf, templateOf } from '../readings.ts';

/** How far one version has come. */
interface Climb {
  readonly version: string;
  /** The highest weight that it was given, which a pause may take away and give back. */
  readonly reached: number;
  /** Passed checks when it was given. */
  readonly spent: number;
}

export const weightIsEarned: Invariant = {
  id: 'S5',
  title: 'weight rises only by a new pass, and is 0 before pods of another version are admitted',
  guard(bench) {
    const climbs = new Map<string, Climb>();
    return {
      commit(change) {
        if (!isOperators(change) || change.type === 'DELETED') return;
        for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
          if (role === 'route') routeWritten(bench, of, change, climbs);
          if (role === 'target') podsAdmitted(bench, of, change);
        }
      },
    };
  },
};

function routeWritten(
  bench: Bench,
  of: Case,
  { object, before }: Change,
  climbs: Map<string, Climb>,
): void {
  const weight = shareOf(object, [of.names.canary]);
  if (weight <= shareOf(before, [of.names.canary])) return;
  const { version } = of.bar;
  const known = climbs.get(of.uid);
  const climb = known?.version === version ? known : { version, reached: 0, spent: -1 };
  if (weight <= climb.reached) {
    bench.judge(null);
    return;
  }
  const passes = bench.truth.passed(of.uid, version);
  climbs.set(of.uid, { version, reached: weight, spent: passes });
  if (bench.cases.excused(of)) return;
  const earned = of.bar.skips ? 100 : weightAfter(of.bar.ladder, passes);
  const rise = `weight rises from ${climb.reached} to ${weight}`;
  if (weight > earned) bench.judge(`${rise}: ${passes} passed checks earn ${earned}`);
  else bench.judge(passes > climb.spent ? null : `${rise} without a new passed check`);
}

/** Scaled up from nothing, or restarted: the requests of the version before are not for the new pods. */
function podsAdmitted(bench: Bench, of: Case, { object, before }: Change): void {
  if (before === null || replicasOf(object) === 0) return;
  const grown = replicasOf(before) === 0;
  const restarted = !same(templateOf(before), templateOf(object));
  if ((!grown && !restarted) || bench.cases.excused(of)) return;
  // Where nobody serves, any pods are better.
  if (bench.truth.readyPods(of.namespace, of.names.targetPrimary).length === 0) return;
  const written = shareOf(bench.cases.object(of, 'route'), [of.names.canary]);
  const inForce = bench.truth.dataPlane.inForce(of.namespace, of.names.apex);
  const applied = inForce?.weights.get(of.names.canary) ?? 0;
  const weight = Math.max(written, applied);
  bench.judge(weight === 0 ? null : `pods of the canary are admitted at weight ${weight}`);
}
