// Who owns which fields: the fields of objects, what differs between two, and the entries of metadata.managedFields.
import type { KubeObject, ManagedFields } from '../../api/kubernetes.ts';
import { sameJson } from './frozen-json.ts';
import type { ListTypes } from './kinds.ts';
import {
  difference,
  EMPTY,
  type FieldSet,
  MEMBER,
  type Node,
  noded,
  orNone,
  stepOf,
} from './schema-field-set.ts';
import { fieldsOf, isObject, itemsOf } from './schema-values.ts';

export function deeper(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** The keys by which the list at the path is merged; null where it, or the value, is one thing. */
export function keysOf(path: string, lists: ListTypes): readonly string[] | null {
  const keys = lists.keysAt(path);
  return keys === null ? null : keys.toSorted();
}

/** Every field that an applied object names. */
export function fieldSetOf(value: unknown, lists: ListTypes): FieldSet {
  const set = fieldsBelow(value, '', lists);
  return set === null ? EMPTY : withoutMeta(set);
}

function fieldsBelow(value: unknown, path: string, lists: ListTypes): FieldSet | null {
  if (Array.isArray(value)) {
    const keys = keysOf(path, lists);
    if (keys === null) return MEMBER;
    const out: Node = {};
    for (const item of value) {
      const below = fieldsBelow(item, path, lists);
      out[stepOf(item, keys)] = noded({ ...below }, true) ?? MEMBER;
    }
    return noded(out, false);
  }
  if (!isObject(value) || lists.wholeAt?.(path) === true) return MEMBER;
  const out: Node = {};
  let any = false;
  for (const key in value) {
    if (value[key] === undefined) continue;
    any = true;
    const below = fieldsBelow(value[key], deeper(path, key), lists);
    if (below !== null) out[`f:${key}`] = below;
  }
  return any ? noded(out, false) : MEMBER;
}

/** What differs between two objects; null = nothing. */
export interface Differences {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet | null;
  readonly removed: FieldSet | null;
}

const NO_DIFFERENCE: Differences = { changed: null, removed: null };
const CHANGED: Differences = { changed: MEMBER, removed: null };
const REMOVED: Differences = { changed: null, removed: MEMBER };

export function differencesOf(before: unknown, after: unknown, lists: ListTypes): Differences {
  const { changed, removed } = compared(before, after, '', lists);
  return {
    changed: changed === null ? null : orNone(withoutMeta(changed)),
    removed: removed === null ? null : orNone(withoutMeta(removed)),
  };
}

function compared(before: unknown, after: unknown, path: string, lists: ListTypes): Differences {
  if (before === after) return NO_DIFFERENCE;
  const shape = shapeOf(before, after, path, lists);
  if (shape.kind === 'whole') {
    if (before === undefined) return CHANGED;
    if (after === undefined) return REMOVED;
    return sameJson(before, after) ? NO_DIFFERENCE : CHANGED;
  }
  const changed: Node = {};
  const removed: Node = {};
  const note = (step: string, below: Differences): void => {
    if (below.changed !== null) changed[step] = below.changed;
    if (below.removed !== null) removed[step] = below.removed;
  };
  if (shape.kind === 'fields') {
    const old = fieldsOf(before);
    const now = fieldsOf(after);
    for (const key in { ...old, ...now }) {
      if (old[key] === now[key]) continue;
      note(`f:${key}`, compared(old[key], now[key], deeper(path, key), lists));
    }
  } else {
    const old = bySteps(itemsOf(before), shape.keys);
    const now = bySteps(itemsOf(after), shape.keys);
    for (const step of new Set([...old.keys(), ...now.keys()])) {
      note(step, compared(old.get(step), now.get(step), path, lists));
    }
  }
  return {
    changed: noded(changed, before === undefined),
    removed: noded(removed, after === undefined),
  };
}

type Shape =
  | { readonly kind: 'whole' }
  | { readonly kind: 'fields' }
  | { readonly kind: 'entries'; readonly keys: readonly string[] };

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

const WHOLE: Shape = { kind: 'whole' };

function shapeOf(before: unknown, after: unknown, path: string, lists: ListTypes): Shape {
  const one = after ?? before;
  if (Array.isArray(one) && (isNothing(before) || isNothing(after) || Array.isArray(before))) {
    const keys = keysOf(path, lists);
    if (keys === null || itemsOf(before).length + itemsOf(after).length === 0) return WHOLE;
    return { kind: 'entries', keys };
  }
  if (
    !isObject(one) ||
    (!isNothing(before) && !isObject(before)) ||
    lists.wholeAt?.(path) === true
  ) {
    return WHOLE;
  }
  const empty = orNone(fieldsOf(before) as FieldSet) ?? orNone(fieldsOf(after) as FieldSet);
  return empty === null ? WHOLE : { kind: 'fields' };
}

export function bySteps(
  items: readonly unknown[],
  keys: readonly string[],
): ReadonlyMap<string, unknown> {
  return new Map(items.map((item) => [stepOf(item, keys), item]));
}

/** What the server says of an object belongs to nobody. */
const META: FieldSet = {
  'f:apiVersion': MEMBER,
  'f:kind': MEMBER,
  'f:metadata': {
    '.': MEMBER,
    'f:name': MEMBER,
    'f:namespace': MEMBER,
    'f:creationTimestamp': MEMBER,
    'f:selfLink': MEMBER,
    'f:uid': MEMBER,
    'f:generation': MEMBER,
    'f:resourceVersion': MEMBER,
  },
};

function withoutMeta(set: FieldSet): FieldSet {
  const metadata = set['f:metadata'];
  const rest: Node = { ...set };
  delete rest['.'];
  if (metadata !== undefined && 'f:managedFields' in metadata) {
    const { 'f:managedFields': _, ...others } = metadata;
    if (orNone(others) === null) delete rest['f:metadata'];
    else rest['f:metadata'] = others;
  }
  return orNone(rest) === null ? EMPTY : (difference(rest, META) ?? EMPTY);
}

/** One manager's fields. */
export interface Managed {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** Tells entries apart: an applier is the same in every version of the API. */
export function identityOf(entry: Omit<Managed, 'fields' | 'time'>): string {
  const { manager, operation, subresource, apiVersion } = entry;
  return `${operation}\n${manager}\n${subresource}\n${operation === 'Apply' ? '' : apiVersion}`;
}

export function managedOf(object: KubeObject | null): readonly Managed[] {
  return (object?.metadata.managedFields ?? []).map((entry) => ({
    manager: entry.manager ?? '',
    operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
    subresource: entry.subresource ?? '',
    apiVersion: versionOf(entry, object),
    time: entry.time ?? '',
    fields: fieldsOf(entry.fieldsV1) as FieldSet,
  }));
}

function versionOf(entry: ManagedFields, object: KubeObject | null): string {
  const { apiVersion } = entry as { readonly apiVersion?: unknown };
  return typeof apiVersion === 'string' ? apiVersion : (object?.apiVersion ?? '');
}

/** The object with these entries, appliers first, then by time and name; entries without fields are left out. */
export function withManaged(object: KubeObject, managed: readonly Managed[]): KubeObject {
  const entries = managed
    .filter(({ fields }) => orNone(fields) !== null)
    .toSorted(inOrder)
    .map(({ manager, operation, subresource, apiVersion, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
      ...(subresource === '' ? {} : { subresource }),
    }));
  if (sameJson(entries, object.metadata.managedFields ?? [])) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries },
  };
}

function inOrder(a: Managed, b: Managed): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time, b.time) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
