// Sets of fields in the form of fieldsV1, and what can be asked of two of them.
import { type Fields, fieldsOf } from './schema-values.ts';

/** A node of fieldsV1: a member if it is empty or has `.`; else there is something below it only. */
export interface FieldSet {
  readonly [step: string]: FieldSet;
}

export const MEMBER: FieldSet = Object.freeze({});
export const EMPTY: FieldSet = Object.freeze({});

export type Node = Record<string, FieldSet>;

/** Whether the path that leads to the node is in the set. */
function isMember(set: FieldSet): boolean {
  if (Object.hasOwn(set, '.')) return true;
  for (const _ in set) return false;
  return true;
}

/** The members of either. `null` and the result `null` stand for no node at all. */
export function union(a: FieldSet | null, b: FieldSet | null): FieldSet | null {
  if (a === null || a === b) return b;
  if (b === null) return a;
  const out: Node = { ...a };
  for (const step in b) {
    if (step !== '.') out[step] = union(out[step] ?? null, b[step] ?? null) ?? MEMBER;
  }
  return noded(out, isMember(a) || isMember(b));
}

/** The members of `a` that are no members of `b`. */
export function difference(a: FieldSet, b: FieldSet | null): FieldSet | null {
  if (b === null) return a;
  const out: Node = {};
  for (const step in a) {
    if (step === '.') continue;
    const rest = difference(a[step] ?? MEMBER, b[step] ?? null);
    if (rest !== null) out[step] = rest;
  }
  return noded(out, isMember(a) && !isMember(b));
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet | null {
  const out: Node = {};
  for (const step in a) {
    const other = b[step];
    if (step === '.' || other === undefined) continue;
    const both = intersection(a[step] ?? MEMBER, other);
    if (both !== null) out[step] = both;
  }
  return noded(out, isMember(a) && isMember(b));
}

export function noded(out: Node, member: boolean): FieldSet | null {
  delete out['.'];
  for (const _ in out) {
    if (member) out['.'] = MEMBER;
    return out;
  }
  return member ? MEMBER : null;
}

/** The members in the form that error messages have: `.spec.ports[port=80,protocol="TCP"].name`. */
export function pathsOf(set: FieldSet, path = ''): readonly string[] {
  const below = Object.keys(set)
    .filter((step) => step !== '.')
    .flatMap((step) => pathsOf(set[step] ?? MEMBER, `${path}${shownStep(step)}`));
  return isMember(set) && path !== '' ? [path, ...below] : below;
}

function shownStep(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  if (!step.startsWith('k:')) return `[${rest}]`;
  const keys = Object.entries(fieldsOf(JSON.parse(rest)));
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}

/** At the root, an empty set has no members. */
export function orNone(set: FieldSet): FieldSet | null {
  for (const _ in set) return set;
  return null;
}

/** Keys that the API server fills in when it looks for an entry. */
const KEY_DEFAULTS: Fields = { protocol: 'TCP' };

/** How the entry of a list map or set is named in fieldsV1. */
export function stepOf(item: unknown, keys: readonly string[]): string {
  if (keys.length === 0) return `v:${JSON.stringify(item)}`;
  const fields = fieldsOf(item);
  const named: Record<string, unknown> = {};
  for (const key of keys) {
    const value = fields[key] ?? KEY_DEFAULTS[key];
    if (value !== undefined) named[key] = value;
  }
  return `k:${JSON.stringify(named)}`;
}
