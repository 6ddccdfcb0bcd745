// L1 and H1: once everything is as it should be, the operator is still.
import type { Change } from '../../store/change.ts';
import type { Case } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, ownersOf, same } from '../readings.ts';

const NO_WRITE_OF_A_CANARY: ReadonlySet<string> = new Set(['leases']);

export const settlesAndRests: Invariant = {
  id: 'L1',
  title: 'with faults off and nothing changed by others, writes end and somebody serves',
  guard(bench) {
    let lastWrite: { readonly atMs: number; readonly what: string } | null = null;
    return {
      commit(change) {
        if (!isOperators(change) || NO_WRITE_OF_A_CANARY.has(change.resource.plural)) return;
        lastWrite = { atMs: bench.truth.nowMs(), what: describe(change) };
      },
      finish() {
        const { truth, cases } = bench;
        const healedMs = truth.healedSinceMs();
        if (healedMs === null) return;
        const stillMs = Math.max(healedMs, ...cases.all.map((of) => disturbedMs(bench, of)));
        const dueMs = stillMs + truth.bounds.convergeMs;
        if (truth.nowMs() <= dueMs) return;
        const late = lastWrite !== null && lastWrite.atMs > dueMs ? lastWrite : null;
        bench.judge(late === null ? null : `${late.what} ${late.atMs - dueMs} ms too late`);
        for (const of of cases.live) bench.judge(unserved(bench, of));
      },
    };
  },
};

/** When anything that was nobody's answer to the operator last happened to a Canary. */
function disturbedMs({ truth }: Bench, { disturbedMs: writtenMs, namespace, names }: Case): number {
  const lost = [names.target, names.targetPrimary].map((name) => truth.podsLostMs(namespace, name));
  return Math.max(writtenMs, ...lost);
}

function describe({ type, object }: Change): string {
  return `${type} ${object.kind} ${object.metadata.name}`;
}

/** A ready workload that nobody is sent to, or requests for one that cannot answer. */
function unserved({ truth, cases }: Bench, of: Case): string | null {
  const { namespace, names } = of;
  if (cases.object(of, 'apex') === null) return null;
  const ready = (name: string) => truth.readyPods(namespace, name).length > 0;
  if (!ready(names.target) && !ready(names.targetPrimary)) return null;
  const shares = [...truth.dataPlane.shares(namespace, names.apex)];
  const dead = shares.find(([name, share]) => share > 0 && !ready(name));
  if (dead !== undefined) return `${dead[0]} gets ${dead[1]} % and has no ready pod`;
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  return sum > 0 ? null : `nobody answers at ${names.apex}`;
}

interface Calm {
  /** When anything of this Canary was last written, by anybody. */
  readonly movedMs: number;
}

export const stillWhenConverged: Invariant = {
  id: 'H1',
  title: 'a Canary around which nothing moved for longer than every deadline is not written for',
  guard(bench) {
    const calms = new Map<string, Calm>();
    return {
      commit(change) {
        const nowMs = bench.truth.nowMs();
        for (const of of concerned(bench, change)) {
          const calm = calms.get(of.uid);
          calms.set(of.uid, { movedMs: nowMs });
          if (calm === undefined || !isOperators(change)) continue;
          const stillMs = nowMs - calm.movedMs;
          if (stillMs > longestWait(bench, of))
            bench.judge(`${describe(change)} after ${stillMs} ms in which nothing moved`);
          // Writing what is there already wakes everybody for nothing.
          else if (empty(change)) bench.judge(`${describe(change)} changes nothing`);
        }
      },
      finish() {
        for (const of of bench.cases.live) {
          const stillMs = bench.truth.nowMs() - (calms.get(of.uid)?.movedMs ?? Infinity);
          if (stillMs > longestWait(bench, of)) bench.judge(null);
        }
      },
    };
  },
};

/** Those that name the object, own it, or live beside the pod or the Event. */
function concerned({ cases }: Bench, { resource, object }: Change): readonly Case[] {
  if (NO_WRITE_OF_A_CANARY.has(resource.plural)) return [];
  const claimed = cases.claims(resource, object).map(({ of }) => of);
  if (claimed.length > 0) return claimed;
  const owned = ownersOf(object).map((uid) => cases.get(uid));
  const found = owned.filter((of): of is Case => of !== null && !of.gone);
  if (found.length > 0) return found;
  return cases.inNamespace(object.metadata.namespace ?? '');
}

function longestWait({ truth }: Bench, { spec }: Case): number {
  const { convergeMs, slackMs } = truth.bounds;
  const { unknown, intervalMs } = spec.analysis;
  return slackMs + Math.max(convergeMs, spec.progressDeadlineMs, unknown.limitMs, 2 * intervalMs);
}

function empty({ type, object, before }: Change): boolean {
  if (type !== 'MODIFIED' || before === null) return false;
  const content = (one: Change['object']) => {
    const { resourceVersion: _version, managedFields: _managed, ...metadata } = one.metadata;
    return { ...one, metadata };
  };
  return same(content(before), content(object));
}
