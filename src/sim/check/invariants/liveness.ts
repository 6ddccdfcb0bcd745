// L2 and L4: a failure takes its traffic away in time, and nothing waits without an end or a word.
import { isObject, textOf } from '../../../api/json.ts';
import type { Deployment, KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Case } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { listOf, same } from '../readings.ts';

/** A weight that has to go: of a version that failed, or of a canary without pods. */
interface Debt {
  readonly kind: 'failed' | 'podless';
  readonly version: string;
  readonly sinceMs: number;
}

export const rollbackInTime: Invariant = {
  id: 'L2',
  title: 'after a failure, or when its pods are gone, the canary is soon at weight 0 in force',
  guard(bench) {
    const debts = new Map<string, Debt>();
    const told = new Set<string>();
    const look = (of: Case): void => {
      const debt = debts.get(of.uid);
      if (debt !== undefined) settle(bench, of, debt, { debts, told });
      else owe(bench, of, debts);
    };
    return {
      commit(change) {
        for (const { of } of bench.cases.claims(change.resource, change.object)) look(of);
      },
      finish() {
        for (const of of bench.cases.live) {
          look(of);
          const debt = debts.get(of.uid);
          if (debt !== undefined) settle(bench, of, debt, { debts, told });
        }
      },
    };
  },
};

function weightInForce({ truth }: Bench, { namespace, names }: Case): number {
  return truth.dataPlane.inForce(namespace, names.apex)?.weights.get(names.canary) ?? 0;
}

function owe(bench: Bench, of: Case, debts: Map<string, Debt>): void {
  const { truth } = bench;
  const { namespace, names, uid, bar } = of;
  if (weightInForce(bench, of) === 0) return;
  const { version } = bar;
  const failedMs = truth.failedAtMs(uid, version);
  const podless = truth.readyPods(namespace, names.target).length === 0;
  if (failedMs !== null) debts.set(uid, { kind: 'failed', version, sinceMs: failedMs });
  else if (podless) debts.set(uid, { kind: 'podless', version, sinceMs: truth.nowMs() });
}

interface Book {
  readonly debts: Map<string, Debt>;
  readonly told: Set<string>;
}

/** Counts from the healing: nothing was promised while the cluster was ill, or while nobody else could serve. */
function settle(bench: Bench, of: Case, debt: Debt, { debts, told }: Book): void {
  const { truth } = bench;
  const { namespace, names, uid } = of;
  const over = weightInForce(bench, of) === 0;
  if (!over && truth.readyPods(namespace, names.targetPrimary).length === 0) {
    debts.set(uid, { ...debt, sinceMs: truth.nowMs() });
    return;
  }
  const forgiven = isForgiven(bench, of, debt);
  const healedMs = truth.healedSinceMs();
  const inForce = truth.dataPlane.inForce(namespace, names.apex);
  const endMs = over ? (inForce?.sinceMs ?? truth.nowMs()) : truth.nowMs();
  const dueMs = Math.max(debt.sinceMs, healedMs ?? 0) + truth.bounds.rollbackMs;
  const late = healedMs !== null && !forgiven && endMs > dueMs;
  const what = debt.kind === 'failed' ? `version ${debt.version} failed` : 'the canary has no pod';
  if (late && !told.has(uid))
    bench.judge(`${what}, and its weight is ${endMs - dueMs} ms late to be 0`);
  else if (over && !late) bench.judge(null);
  if (late) told.add(uid);
  if (!over && !forgiven) return;
  debts.delete(uid);
  told.delete(uid);
}

/** The pods are back, or a person asked for the version again. */
function isForgiven({ truth }: Bench, { uid, namespace, names }: Case, debt: Debt): boolean {
  return debt.kind === 'failed'
    ? truth.failedAtMs(uid, debt.version) === null
    : truth.readyPods(namespace, names.target).length > 0;
}

/** Phases that end by themselves; the others wait for a new version or for a person, and say so. */
const MOVING: ReadonlySet<string> = new Set([
  'Initializing',
  'Progressing',
  'Promoting',
  'Finalising',
  'Terminating',
]);

interface Stand {
  readonly status: unknown;
  readonly sinceMs: number;
}

export const noSilentWait: Invariant = {
  id: 'L4',
  title:
    'what stands still for longer than its deadline says why, and Failed is left for a new version',
  guard(bench) {
    const stands = new Map<string, Stand>();
    return {
      commit(change) {
        const { resource, object, type } = change;
        if (resource.plural !== 'canaries' || type === 'DELETED') return;
        const uid = object.metadata.uid ?? '';
        const of = bench.cases.get(uid);
        const stand = stands.get(uid);
        if (of !== null && stand !== undefined) bench.judge(silent(bench, of, change, stand));
        const status = progressOf(object);
        if (stand === undefined || !same(stand.status, status))
          stands.set(uid, { status, sinceMs: bench.truth.nowMs() });
      },
      finish() {
        for (const of of bench.cases.live) {
          const stand = stands.get(of.uid);
          const now = { object: of.canary, before: of.canary };
          if (stand === undefined) continue;
          bench.judge(silent(bench, of, now, stand) ?? wedged(bench, of, stand));
        }
      },
    };
  },
};

function statusOf(canary: KubeObject | null): Readonly<Record<string, unknown>> {
  const status = canary?.['status'];
  return isObject(status) ? status : {};
}

/** What moves when a rollout moves; conditions and counts of the target do not tell. */
function progressOf(canary: KubeObject): unknown {
  const { phase, canaryWeight, iterations, failedChecks, lastAppliedSpec, rollout } =
    statusOf(canary);
  const { step, checks, checkedAt, paused } = isObject(rollout) ? rollout : {};
  return {
    phase,
    canaryWeight,
    iterations,
    failedChecks,
    lastAppliedSpec,
    step,
    checks,
    checkedAt,
    paused,
  };
}

/** Judged by the status that stood until now: it had the whole time to say why. */
function silent(
  { truth, cases }: Bench,
  of: Case,
  { before }: Pick<Change, 'before'>,
  { sinceMs }: Stand,
): string | null {
  const phase = textOf(statusOf(before)['phase']);
  if (!MOVING.has(phase) || of.spec.suspend || truth.healedSinceMs() === null) return null;
  const { progressDeadlineMs, analysis } = of.spec;
  const longestMs = Math.max(progressDeadlineMs, analysis.unknown.limitMs, analysis.intervalMs);
  const fromMs = Math.max(sinceMs, of.disturbedMs, truth.healedSinceMs() ?? 0);
  const waitedMs = truth.nowMs() - fromMs - longestMs - truth.bounds.slackMs;
  if (waitedMs <= 0 || saysWhy(before) || isPaused(cases.object(of, 'target'))) return null;
  return `${of.name} stands in ${phase} ${waitedMs} ms past its deadline, and no condition says why`;
}

/** Its new template is nobody's version until the user lets it go on. */
function isPaused(target: KubeObject | null): boolean {
  return (target as Deployment | null)?.spec.paused === true;
}

function saysWhy(canary: KubeObject | null): boolean {
  const conditions = listOf(statusOf(canary)['conditions']);
  const is = (type: string, status: string) =>
    conditions.some((one) => one['type'] === type && one['status'] === status);
  return is('Stalled', 'True') || is('Accepted', 'False') || is('Ready', 'False');
}

/** A version that came after the failure, and was not taken up. */
function wedged({ truth, cases }: Bench, of: Case, { sinceMs }: Stand): string | null {
  const { phase } = statusOf(of.canary);
  const { bar, spec } = of;
  const healedMs = truth.healedSinceMs();
  if (phase !== 'Failed' || spec.suspend || healedMs === null) return null;
  const target = cases.object(of, 'target');
  if (target === null || isPaused(target) || bar.sinceMs <= sinceMs || saysWhy(of.canary))
    return null;
  const waitedMs = truth.nowMs() - Math.max(bar.sinceMs, healedMs) - truth.bounds.slackMs;
  if (waitedMs <= spec.progressDeadlineMs) return null;
  return `${of.name} is Failed, and version ${bar.version} is not taken up`;
}
