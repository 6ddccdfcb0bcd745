// JSON values that nobody can change: how objects come into the store, and when two of them say the same.
import type { Fields } from '../../client/fields.ts';

/**
 * The value as it would come out of JSON, deeply frozen. What is frozen and clean already is kept, not copied, so that
 * parts of stored objects are shared.
 */
export function frozenJson<T>(value: T): T {
  return frozen(value) as T;
}

function frozen(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null || isSettled(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item) => frozen(item ?? null)));
  const fields = value as Fields;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const field = fields[name];
    if (field !== undefined) copy[name] = frozen(field);
  }
  return Object.freeze(copy);
}

/** Frozen to its depth, with nothing in it that JSON does not know. */
function isSettled(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return value !== undefined;
  if (!Object.isFrozen(value)) return false;
  if (Array.isArray(value)) return value.every(isSettled);
  const fields = value as Fields;
  for (const name in fields) if (!isSettled(fields[name])) return false;
  return true;
}

/** Whether two JSON values are equal; the order of fields does not count, and a field that is undefined is absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameJson(item, b[index]));
  }
  return sameFields(a as Fields, b as Fields);
}

function sameFields(a: Fields, b: Fields): boolean {
  let fields = 0;
  for (const name of Object.keys(a)) {
    const value = a[name];
    if (value === undefined) continue;
    fields++;
    if (!Object.hasOwn(b, name) || !sameJson(value, b[name])) return false;
  }
  for (const name of Object.keys(b)) if (b[name] !== undefined) fields--;
  return fields === 0;
}
