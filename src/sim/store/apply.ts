// Server-side apply, and who owns the fields of ordinary writes.
import { type KubeObject, keyOf } from '../../api/kubernetes.ts';
import { sameJson } from './frozen-json.ts';
import type { ListTypes } from './kinds.ts';
import {
  bySteps,
  deeper,
  differencesOf,
  fieldSetOf,
  identityOf,
  keysOf,
  type Managed,
  managedOf,
  withManaged,
} from './managed-fields.ts';
import { badRequest } from './refusals.ts';
import { refuseConflicts } from './schema-conflicts.ts';
import { difference, EMPTY, type FieldSet, stepOf, union } from './schema-field-set.ts';
import { fieldsOf, isObject, itemsOf } from './schema-values.ts';

export interface Applier {
  /** Field manager. */
  readonly manager: string;
  /** Take fields over from other managers instead of refusing. */
  readonly force: boolean;
  /** RFC3339, whole seconds. */
  readonly time: string;
  readonly subresource?: string;
}

export interface Updater {
  readonly manager: string;
  readonly time: string;
  readonly subresource?: string;
}

/** Whom the fields of an object belong to that nobody has applied and nobody was noted for. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/**
 * The object after a server-side apply; `live` itself if nothing changes. The caller has taken from `wanted` what the
 * subresource cannot set.
 */
export function applied(
  live: KubeObject | null,
  wanted: KubeObject,
  by: Applier,
  lists: ListTypes,
): KubeObject {
  if (wanted.metadata.managedFields !== undefined) {
    throw badRequest(attemptOn(wanted), 'metadata.managedFields must be nil');
  }
  const known = live === null ? [] : knownManagers(live, by, lists);
  const self: Managed = {
    manager: by.manager,
    operation: 'Apply',
    subresource: by.subresource ?? '',
    apiVersion: wanted.apiVersion,
    time: by.time,
    fields: fieldSetOf(wanted, lists),
  };
  if (live === null) return withManaged(wanted, [self]);
  const last = known.find((entry) => identityOf(entry) === identityOf(self));
  const others = known.filter((entry) => entry !== last);
  const merged = mergedValue(live, wanted, '', lists);
  const owned = others.reduce<FieldSet>(
    (all, { fields }) => union(all, fields) ?? all,
    self.fields,
  );
  const next = last === undefined ? merged : withoutFields(merged, last.fields, { owned, lists });
  const { changed, removed } = differencesOf(live, next, lists);
  if (changed !== null && !by.force) refuseConflicts(attemptOn(wanted), others, changed);
  const left = others.map((entry) => less(less(entry, changed), removed));
  const idle = changed === null && removed === null && sameContent(live, next);
  const time = idle && last !== undefined ? last.time : by.time;
  return withManaged(idle ? live : (next as KubeObject), [...left, { ...self, time }]);
}

function attemptOn(wanted: KubeObject): string {
  return `apply ${wanted.kind.toLowerCase()} ${keyOf(wanted)}`;
}

function knownManagers(live: KubeObject, by: Applier, lists: ListTypes): readonly Managed[] {
  const known = managedOf(live);
  if (known.length > 0) return known;
  const fields = differencesOf(undefined, live, lists).changed ?? EMPTY;
  const { time } = by;
  const { apiVersion } = live;
  return [
    {
      manager: BEFORE_FIRST_APPLY,
      operation: 'Update',
      subresource: '',
      apiVersion,
      time,
      fields,
    },
  ];
}

function sameContent(live: KubeObject, next: unknown): boolean {
  return next === live || sameJson(live, next);
}

function less(entry: Managed, gone: FieldSet | null): Managed {
  if (gone === null) return entry;
  const fields = difference(entry.fields, gone);
  return fields === entry.fields ? entry : { ...entry, fields: fields ?? EMPTY };
}

/** `live` with what is wanted put in: maps field by field, list maps and sets entry by entry, all else as a whole. */
function mergedValue(live: unknown, wanted: unknown, path: string, lists: ListTypes): unknown {
  if (wanted === undefined || live === wanted) return live;
  if (isObject(live) && isObject(wanted)) {
    if (lists.wholeAt?.(path) === true) return sameJson(live, wanted) ? live : wanted;
    let out: Record<string, unknown> | null = null;
    for (const key in wanted) {
      const next = mergedValue(live[key], wanted[key], deeper(path, key), lists);
      if (next === live[key]) continue;
      out ??= { ...live };
      out[key] = next;
    }
    return out ?? live;
  }
  if (Array.isArray(live) && Array.isArray(wanted)) {
    const keys = keysOf(path, lists);
    if (keys !== null) return mergedList(live, wanted, { path, keys, lists });
    return sameJson(live, wanted) ? live : wanted;
  }
  return wanted;
}

interface ListPlace {
  readonly path: string;
  readonly keys: readonly string[];
  readonly lists: ListTypes;
}

/** The wanted order, with the other entries left where they stand between them. */
function mergedList(
  live: readonly unknown[],
  wanted: readonly unknown[],
  { path, keys, lists }: ListPlace,
): readonly unknown[] {
  const old = bySteps(live, keys);
  const liveSteps = [...old.keys()];
  const wantedSteps = [...bySteps(wanted, keys).keys()];
  const wants = bySteps(wanted, keys);
  const done = new Set<string>();
  const out: unknown[] = [];
  let at = 0;
  for (const step of wantedSteps) {
    for (; at < liveSteps.length; at += 1) {
      const there = liveSteps[at] ?? '';
      if (there === step) break;
      if (wants.has(there) && !done.has(there)) break;
      if (!wants.has(there)) out.push(old.get(there));
    }
    if (liveSteps[at] === step) at += 1;
    done.add(step);
    out.push(mergedValue(old.get(step), wants.get(step), path, lists));
  }
  for (; at < liveSteps.length; at += 1) {
    const there = liveSteps[at] ?? '';
    if (!wants.has(there)) out.push(old.get(there));
  }
  const unchanged = out.length === live.length && out.every((item, index) => item === live[index]);
  return unchanged ? live : out;
}

interface Owned {
  readonly owned: FieldSet;
  readonly lists: ListTypes;
}

/** Without what the manager owned before and nobody owns now. What nobody ever owned goes only with what it is in. */
function withoutFields(
  value: unknown,
  last: FieldSet,
  { owned, lists }: Owned,
  path = '',
): unknown {
  if (Array.isArray(value)) {
    const keys = keysOf(path, lists);
    if (keys === null) return value;
    let changed = false;
    const out: unknown[] = [];
    for (const item of value) {
      const kept = keptValue(item, last, stepOf(item, keys), { owned, lists, path });
      if (kept !== item) changed = true;
      if (kept !== undefined) out.push(kept);
    }
    return changed ? out : value;
  }
  if (!isObject(value)) return value;
  let out: Record<string, unknown> | null = null;
  for (const key in value) {
    const place = { owned, lists, path: deeper(path, key) };
    const kept = keptValue(value[key], last, `f:${key}`, place);
    if (kept === value[key]) continue;
    out ??= { ...value };
    if (kept === undefined) delete out[key];
    else out[key] = kept;
  }
  return out ?? value;
}

function keptValue(
  value: unknown,
  last: FieldSet,
  step: string,
  { owned, lists, path }: Owned & { readonly path: string },
): unknown {
  const before = last[step];
  if (before === undefined) return value;
  const now = owned[step];
  return now === undefined ? undefined : withoutFields(value, before, { owned: now, lists }, path);
}

/**
 * The object with the managedFields of an ordinary write: what changed belongs to the writer alone, what went belongs
 * to nobody. `after` may bring managedFields of its own, as a PUT of what was read does.
 */
export function tracked(
  before: KubeObject | null,
  after: KubeObject,
  by: Updater,
  lists: ListTypes,
): KubeObject {
  const known = managersOf(before, after, by.subresource);
  if (known === 'reset') return withManaged(after, []);
  if (before !== null && known.length === 0) return after;
  const { changed, removed } = differencesOf(before ?? undefined, after, lists);
  const self: Managed = {
    manager: by.manager,
    operation: 'Update',
    subresource: by.subresource ?? '',
    apiVersion: after.apiVersion,
    time: by.time,
    fields: EMPTY,
  };
  const previous = known.find((entry) => identityOf(entry) === identityOf(self));
  const left = known.map((entry) =>
    entry === previous ? less(entry, removed) : less(less(entry, changed), removed),
  );
  if (changed === null) return withManaged(after, left);
  const mine = previous === undefined ? null : left[known.indexOf(previous)];
  const fields = union(nodeOf(mine), changed) ?? changed;
  const others = left.filter((entry) => entry !== mine);
  return withManaged(after, [...others, { ...self, fields }]);
}

/** An entry without fields has no node. */
function nodeOf(entry: Managed | null | undefined): FieldSet | null {
  if (entry === null || entry === undefined) return null;
  return Object.keys(entry.fields).length === 0 ? null : entry.fields;
}

/** A list of one empty entry asks for a fresh start; an empty list is as if not given. */
function managersOf(
  before: KubeObject | null,
  after: KubeObject,
  subresource: string | undefined,
): readonly Managed[] | 'reset' {
  const given = itemsOf(after.metadata.managedFields);
  if (given.length === 1 && Object.keys(fieldsOf(given[0])).length === 0) return 'reset';
  return given.length === 0 || subresource !== undefined ? managedOf(before) : managedOf(after);
}
