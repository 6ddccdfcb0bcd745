// Structural schemas of custom resources: what is filled in, what is cut off, and how lists merge.
import type { ListTypes } from './kinds.ts';
import { deeper } from './managed-fields.ts';
import { isObject, mapped } from './schema-values.ts';

/** The part of OpenAPI v3 that the API server obeys in a CRD. */
export interface StructuralSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: boolean | StructuralSchema;
  readonly items?: StructuralSchema;
  readonly oneOf?: readonly StructuralSchema[];
  readonly anyOf?: readonly StructuralSchema[];
  readonly allOf?: readonly StructuralSchema[];
  readonly not?: StructuralSchema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly SchemaRule[];
}

export interface SchemaRule {
  readonly rule: string;
  readonly message?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
}

/** What every object has, whatever its schema says of it. */
const ROOT_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Without what the schema does not know; the value itself if all of it is known. */
export function pruned(value: unknown, schema: StructuralSchema, root = true): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : mapped(value, (item) => pruned(item, items, false));
  }
  if (!isObject(value)) return value;
  const { additionalProperties } = schema;
  const whole = root || schema['x-kubernetes-embedded-resource'] === true;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  let out: Record<string, unknown> | null = null;
  for (const key in value) {
    if (whole && ROOT_FIELDS.has(key)) continue;
    const below = propertyOf(schema, key);
    const known = below !== null || keeps || additionalProperties === true;
    const next = below === null ? value[key] : pruned(value[key], below, false);
    if (known && next === value[key]) continue;
    out ??= { ...value };
    if (known) out[key] = next;
    else delete out[key];
  }
  return out ?? value;
}

/** The schema of a field; null where there is none. */
export function propertyOf(schema: StructuralSchema, key: string): StructuralSchema | null {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key] ?? null;
  return isObject(additionalProperties) ? additionalProperties : null;
}

/** Fills in defaults. */
export type Filler = (value: unknown) => unknown;

/** Only the parts of the schema that hold defaults are walked; null = there are none. */
export function fillerOf(schema: StructuralSchema): Filler | null {
  const items = schema.items === undefined ? null : fillerOf(schema.items);
  const { additionalProperties } = schema;
  const values = isObject(additionalProperties) ? fillerOf(additionalProperties) : null;
  const fields = Object.entries(schema.properties ?? {}).flatMap(([key, below]) => {
    const fill = fillerOf(below);
    if (fill === null && below.default === undefined) return [];
    return [{ key, fill, fallback: below.default, nullable: below.nullable === true }];
  });
  if (items === null && values === null && fields.length === 0) return null;
  return (value) => {
    if (Array.isArray(value)) return items === null ? value : mapped(value, items);
    if (!isObject(value)) return value;
    const out: Record<string, unknown> = {};
    for (const { key, fill, fallback, nullable } of fields) {
      const given = value[key];
      const missing = given === undefined || (given === null && !nullable);
      const start = missing && fallback !== undefined ? fallback : given;
      const next = fill === null ? start : fill(start);
      if (next !== given) out[key] = next;
    }
    if (values !== null) {
      for (const key in value) {
        if (Object.hasOwn(schema.properties ?? {}, key)) continue;
        const next = values(value[key]);
        if (next !== value[key]) out[key] = next;
      }
    }
    for (const _ in out) return { ...value, ...out };
    return value;
  };
}

/** Lists of metadata that merge, of every kind. */
export const METADATA_LISTS: Readonly<Record<string, readonly string[]>> = {
  'metadata.ownerReferences': ['uid'],
  'metadata.finalizers': [],
};

/** The keys by which entries are told apart; null where they are not. */
export function entryKeysOf(schema: StructuralSchema): readonly string[] | null {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return [];
  return type === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : null;
}

/** The list types that a schema states. */
export function listTypesOf(schema: StructuralSchema): ListTypes {
  const keys = new Map<string, readonly string[]>(Object.entries(METADATA_LISTS));
  const wholes = new Set<string>();
  collect(schema, '', { keys, wholes });
  return {
    keysAt: (path) => keys.get(path) ?? null,
    wholeAt: (path) => wholes.has(path),
  };
}

function collect(
  schema: StructuralSchema,
  path: string,
  into: { readonly keys: Map<string, readonly string[]>; readonly wholes: Set<string> },
): void {
  if (schema['x-kubernetes-list-type'] === 'set') into.keys.set(path, []);
  if (schema['x-kubernetes-list-type'] === 'map') {
    into.keys.set(path, schema['x-kubernetes-list-map-keys'] ?? []);
  }
  if (schema['x-kubernetes-map-type'] === 'atomic') into.wholes.add(path);
  if (schema.items !== undefined) collect(schema.items, path, into);
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    collect(below, deeper(path, key), into);
  }
}
