// S11 and H6: what the operator says of itself moves forward, by the published graph, and stays small.
import type { Phase } from '../../../api/canary.ts';
import { isObject, textOf } from '../../../api/json.ts';
import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, listOf, shareOf } from '../readings.ts';

/** The phases as they are published. A Canary that is put back from a backup begins anew. */
const EDGES: Readonly<Record<Phase, readonly Phase[]>> = {
  '': ['Initializing', 'Terminating'],
  Initializing: ['Initialized', 'Terminating'],
  Initialized: ['Waiting', 'Progressing', 'Succeeded', 'Terminating'],
  Waiting: ['Progressing', 'Finalising', 'Failed', 'Succeeded', 'Terminating'],
  Progressing: ['WaitingPromotion', 'Promoting', 'Finalising', 'Failed', 'Terminating'],
  WaitingPromotion: ['Progressing', 'Promoting', 'Finalising', 'Failed', 'Terminating'],
  Promoting: ['Progressing', 'Finalising', 'Failed', 'Terminating'],
  Finalising: ['Succeeded', 'Terminating'],
  Succeeded: ['Waiting', 'Progressing', 'Terminating'],
  Failed: ['Waiting', 'Progressing', 'Finalising', 'Succeeded', 'Terminating'],
  Terminating: ['Terminated', 'Initializing'],
  Terminated: ['Terminating', 'Initializing'],
};

const SECOND_MS = 1000;

export const statusMovesForward: Invariant = {
  id: 'S11',
  title: 'generations never fall, phases follow their graph, no route is ahead of the status',
  guard(bench) {
    /** By uid and type of condition: when it last took its status. */
    const turned = new Map<string, number>();
    return {
      commit(change) {
        if (!isOperators(change) || change.type === 'DELETED') return;
        for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
          if (role === 'canary') statusWritten(bench, change, turned);
          if (role === 'route') routeWritten(bench, change, of);
        }
      },
    };
  },
};

function statusOf(canary: KubeObject | null): Readonly<Record<string, unknown>> {
  const status = canary?.['status'];
  return isObject(status) ? status : {};
}

function statusWritten(bench: Bench, change: Change, turned: Map<string, number>): void {
  const { before, object } = change;
  const [old, now] = [statusOf(before), statusOf(object)];
  if (old === now || Object.keys(now).length === 0) return;
  bench.judge(
    generationBroken(old, now, object.metadata.generation ?? 0) ??
      phaseBroken(old, now) ??
      conditionBroken(bench, change, turned),
  );
}

function generationBroken(
  old: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
  generation: number,
): string | null {
  const [was, is] = [
    Number(old['observedGeneration'] ?? 0),
    Number(now['observedGeneration'] ?? 0),
  ];
  if (is < was) return `the observed generation falls from ${was} to ${is}`;
  return is > generation
    ? `generation ${is} is said to be observed, there are ${generation}`
    : null;
}

function phaseBroken(
  old: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): string | null {
  const [was, is] = [textOf(old['phase']), textOf(now['phase'])];
  const next: readonly string[] = EDGES[was as Phase] ?? [];
  return was === is || next.includes(is) ? null : `phase ${was} becomes ${is}`;
}

/** The time is that of the last change of the status, to the second. */
function conditionBroken(
  { truth }: Bench,
  { object, before }: Change,
  turned: Map<string, number>,
): string | null {
  const old = listOf(statusOf(before)['conditions']);
  const nowMs = truth.nowMs();
  let broken: string | null = null;
  for (const condition of listOf(statusOf(object)['conditions'])) {
    const known = old.find(({ type }) => type === condition['type']);
    const key = `${object.metadata.uid ?? ''}/${String(condition['type'])}`;
    if (known === undefined) {
      turned.set(key, nowMs);
      continue;
    }
    const moved = known['status'] !== condition['status'];
    const dated = known['lastTransitionTime'] !== condition['lastTransitionTime'];
    const late = nowMs - (turned.get(key) ?? -Infinity) > SECOND_MS;
    if (dated !== moved && (dated || late))
      broken = `condition ${String(condition['type'])} ${moved ? 'turns without' : 'does not turn but has'} a new time`;
    if (moved) turned.set(key, nowMs);
  }
  return broken;
}

/** The choice is stored before its effect: a route never gives more than the status says. */
function routeWritten(
  bench: Bench,
  { object, before }: Change,
  of: { readonly names: { readonly canary: string }; readonly canary: KubeObject },
): void {
  const weight = shareOf(object, [of.names.canary]);
  if (weight <= shareOf(before, [of.names.canary])) return;
  const said = Number(statusOf(of.canary)['canaryWeight'] ?? 0);
  bench.judge(weight > said ? `the route gives ${weight} %, the status says ${said}` : null);
}

const STATUS_BYTES_MAX = 16 * 1024;
/** Bytes that one UTF-16 unit may take. */
const UNIT_BYTES_MAX = 3;
const HISTORY_MAX = 10;

export const statusIsSmall: Invariant = {
  id: 'H6',
  title: 'a status has at most 16 KiB, and its history at most 10 entries',
  guard: (bench) => ({
    commit({ resource, object, before, type }) {
      if (resource.plural !== 'canaries' || type === 'DELETED') return;
      const status = object['status'];
      if (status === undefined || status === before?.['status']) return;
      const bytes = bytesOf(JSON.stringify(status));
      const entries = listOf(statusOf(object)['history']).length;
      if (bytes > STATUS_BYTES_MAX) bench.judge(`the status has ${bytes} bytes`);
      else bench.judge(entries > HISTORY_MAX ? `the history has ${entries} entries` : null);
    },
  }),
};

/** Exact only where it matters: most texts are far below the limit. */
function bytesOf(text: string): number {
  if (text.length * UNIT_BYTES_MAX <= STATUS_BYTES_MAX) return text.length;
  return new TextEncoder().encode(text).length;
}
