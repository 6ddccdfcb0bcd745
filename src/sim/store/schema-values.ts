// Changes to JSON values that copy only what is on their way.
import { isObject } from '../../api/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

export { isObject };

/** Empty for what is not an object. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

/** Empty for what is not a list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** With the field set, or the object itself if it has that very value. */
export function withField<T extends Fields>(object: T, key: string, value: unknown): T {
  return object[key] === value ? object : { ...object, [key]: value };
}

export function withoutField<T extends Fields>(object: T, key: string): T {
  if (!Object.hasOwn(object, key)) return object;
  const { [key]: _, ...rest } = object;
  return rest as T;
}

/** What is missing is filled in; the object itself if nothing is. */
export function filled(value: unknown, defaults: Fields): Fields {
  const object = fieldsOf(value);
  let out: Record<string, unknown> | null = null;
  for (const key in defaults) {
    if (object[key] !== undefined) continue;
    out ??= { ...object };
    out[key] = defaults[key];
  }
  return out ?? object;
}

/** Each entry changed; the list itself if none was. */
export function mapped(
  list: readonly unknown[],
  change: (item: unknown, index: number) => unknown,
): readonly unknown[] {
  let out: unknown[] | null = null;
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    const next = change(item, index);
    if (next === item) continue;
    out ??= [...list];
    out[index] = next;
  }
  return out ?? list;
}
