// S9: a write changes the fields that Serin manages, and what users or other controllers set survives it.
import { INTENT_VERBS } from '../../../api/canary.ts';
import { isObject } from '../../../api/json.ts';
import type { KubeObject, ManagedFields } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Case, Role } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import { isOperators, listOf, same } from '../readings.ts';

type Path = readonly string[];

/** Written by every server for every write. */
const BOOKKEEPING: ReadonlySet<string> = new Set([
  'resourceVersion',
  'generation',
  'managedFields',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]);
/** Annotations for GitOps tools, which Serin puts on routes and Services. */
const TOGGLES: ReadonlySet<string> = new Set([
  'kustomize.toolkit.fluxcd.io/reconcile',
  'helm.toolkit.fluxcd.io/driftDetection',
]);
const OURS = 'serin.dev/';
/** Of the Canary's annotations only these, and only away. */
const INTENTS: ReadonlySet<string> = new Set(INTENT_VERBS.map((verb) => `${OURS}${verb}`));

export const noLostEdit: Invariant = {
  id: 'S9',
  title: 'no field of others is changed, and no finalizer, label or annotation of theirs is lost',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || change.type !== 'MODIFIED' || change.before === null) return;
      for (const { of, role } of bench.cases.claims(change.resource, change.object))
        bench.judge(lost(bench, change, change.before, { of, role }));
    },
  }),
};

interface Seat {
  readonly of: Case;
  readonly role: Role;
}

function lost(bench: Bench, change: Change, before: KubeObject, seat: Seat): string | null {
  const wrong = changedPaths(before, change.object).find(
    (path) => !mayChange(bench, change, seat, path),
  );
  return wrong === undefined
    ? null
    : `${before.kind} ${before.metadata.name}: ${wrong.join('.')} belongs to somebody else`;
}

/** Down to the first list or plain value, but for finalizers, which are told one by one. */
function changedPaths(before: KubeObject, after: KubeObject): readonly Path[] {
  const found: Path[] = [];
  const visit = (left: unknown, right: unknown, path: Path): void => {
    if (left === right) return;
    if (path[0] === 'metadata' && BOOKKEEPING.has(path[1] ?? '')) return;
    if (path[0] === 'metadata' && path[1] === 'finalizers') {
      for (const name of differing(left, right)) found.push([...path, name]);
    } else if (isObject(left) || isObject(right)) {
      const [old, now] = [isObject(left) ? left : {}, isObject(right) ? right : {}];
      for (const key of new Set([...Object.keys(old), ...Object.keys(now)]))
        visit(old[key], now[key], [...path, key]);
    } else if (!same(left, right)) found.push(path);
  };
  visit(before, after, []);
  return found;
}

function differing(left: unknown, right: unknown): readonly string[] {
  const [old, now] = [left, right].map((names) => (Array.isArray(names) ? names.map(String) : []));
  const all = new Set([...(old ?? []), ...(now ?? [])]);
  return [...all].filter((name) => old?.includes(name) !== now?.includes(name));
}

function mayChange(bench: Bench, change: Change, seat: Seat, path: Path): boolean {
  const [top = '', second = '', third = ''] = path;
  if (top === 'metadata') {
    if (second === 'finalizers') return third.startsWith(OURS);
    if (second === 'ownerReferences') return seat.role !== 'target' && seat.role !== 'canary';
    if (second === 'labels' || second === 'annotations') return mayMark(change, seat, path);
    return false;
  }
  if (top === 'status') return seat.role === 'canary';
  if (top !== 'spec') return false;
  switch (seat.role) {
    case 'canary':
      return false;
    case 'target':
      return mayChangeTarget(seat.of, path);
    case 'apex':
      return mayChangeApex(change, path);
    case 'primary':
    case 'primaryService':
    case 'canaryService':
    case 'route':
    case 'scaler':
      return true;
  }
}

/** Its template only where a deletion puts the promoted one back. */
function mayChangeTarget({ canary }: Case, path: Path): boolean {
  const joined = path.slice(1, 4).join('.');
  if (joined === 'replicas') return true;
  if (path[1] !== 'template') return false;
  const marks = joined === 'template.metadata.annotations' && path[4]?.startsWith(OURS) === true;
  return marks || canary.metadata.deletionTimestamp !== undefined;
}

/** A Service that was there before keeps its addresses, its type and the ports that are not of our making. */
function mayChangeApex(change: Change, path: Path): boolean {
  switch (path[1]) {
    case 'selector':
    case 'trafficDistribution':
      return true;
    case 'ports': {
      const kept = portsOf(change.object);
      const missing = portsOf(change.before).filter((port) => !kept.includes(port));
      return missing.every((port) => madePort(change, port));
    }
    default:
      return false;
  }
}

function portsOf(service: KubeObject | null): readonly number[] {
  const spec = isObject(service?.['spec']) ? service['spec'] : {};
  return listOf(spec['ports']).map(({ port }) => Number(port));
}

/** By the server's record, in which an entry of a list is named by its keys. */
function madePort({ before, by }: Change, port: number): boolean {
  return (before?.metadata.managedFields ?? []).some(({ manager, fieldsV1 }) => {
    const spec = isObject(fieldsV1) ? fieldsV1['f:spec'] : undefined;
    const ports = isObject(spec) ? spec['f:ports'] : undefined;
    const named = (key: string): boolean => key.includes(`"port":${port},`);
    return manager === by.manager && isObject(ports) && Object.keys(ports).some(named);
  });
}

function mayMark(change: Change, { of, role }: Seat, path: Path): boolean {
  const [, kind = '', ...rest] = path;
  const key = rest.join('.');
  if (role === 'canary')
    return kind === 'annotations' && INTENTS.has(key) && !(key in marksOf(change.object, kind));
  if (key.startsWith(OURS) || TOGGLES.has(key)) return role !== 'target';
  if (role === 'target') return false;
  const { apex, primary, canary } = of.spec.service;
  const asked = [apex, primary, canary].some(
    (marks) => key in (kind === 'labels' ? marks.labels : marks.annotations),
  );
  return asked || !isAnothers(change, ['metadata', kind, key]);
}

function marksOf({ metadata }: KubeObject, kind: string): Readonly<Record<string, string>> {
  return (kind === 'labels' ? metadata.labels : metadata.annotations) ?? {};
}

/** By the server's record of who set it: others did, and the writer did not. */
function isAnothers({ before, by }: Change, path: Path): boolean {
  const entries = before?.metadata.managedFields ?? [];
  const holders = entries.filter((entry) => holds(entry, path));
  return holders.length > 0 && !holders.some(({ manager }) => manager === by.manager);
}

function holds({ fieldsV1 }: ManagedFields, path: Path): boolean {
  let at: unknown = fieldsV1;
  for (const part of path) {
    if (!isObject(at)) return false;
    at = at[`f:${part}`];
  }
  return at !== undefined;
}
