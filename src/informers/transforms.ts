// What need not be cached: managed fields are half of an object, and few of them are ever read.
import type { Json, KubeObject, ManagedFields } from '../api/kubernetes.ts';

/** Runs once on each object, before it is stored. Must not change its argument. */
export type Transform = (object: KubeObject) => KubeObject;

export const stripManagedFields: Transform = (object) => withManagedFields(object, []);

/** Drops the managed fields of everyone but the named field managers. */
export function keepManagers(names: readonly string[]): Transform {
  const kept = new Set(names);
  return (object) => keep(object, (entry) => (kept.has(entry.manager ?? '') ? entry : null));
}

/**
 * Keeps of the managed fields only who manages the given fields, each a path such as `['spec', 'replicas']`: enough to
 * name whoever puts a field back. The rest of an entry's `fieldsV1` is dropped.
 */
export function keepManagersOf(paths: readonly (readonly string[])[]): Transform {
  const places = paths.map((path) => path.map((part) => `f:${part}`));
  return (object) =>
    keep(object, (entry) => {
      const owned = places.filter((place) => owns(entry.fieldsV1, place));
      return owned.length === 0 ? null : { ...entry, fieldsV1: fieldsOf(owned) };
    });
}

function keep(
  object: KubeObject,
  choose: (entry: ManagedFields) => ManagedFields | null,
): KubeObject {
  const kept = (object.metadata.managedFields ?? []).flatMap((entry) => choose(entry) ?? []);
  return withManagedFields(object, kept);
}

function withManagedFields(object: KubeObject, entries: readonly ManagedFields[]): KubeObject {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  const kept = entries.length === 0 ? metadata : { ...metadata, managedFields: entries };
  return { ...object, metadata: kept };
}

function owns(fields: Json | undefined, place: readonly string[]): boolean {
  let at = fields;
  for (const part of place) {
    if (!isRecord(at)) return false;
    at = at[part];
  }
  return at !== undefined;
}

function fieldsOf(places: readonly (readonly string[])[]): Json {
  const fields: Record<string, Json> = {};
  for (const first of new Set(places.flatMap((place) => place.slice(0, 1)))) {
    const rest = places.filter((place) => place[0] === first).map((place) => place.slice(1));
    fields[first] = fieldsOf(rest);
  }
  return fields;
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
