// Says where a JSON value breaks its schema, in the words of the API server. CEL rules are the parser's to repeat.
import type { Problem } from '../canary.ts';
import { isObject } from '../json.ts';
import type { OpenApiSchema, Schema } from './schema.ts';

/** More problems than a person reads at once; the rest shows up when these are mended. */
const PROBLEMS_MAX = 20;

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] };

/** Fields that the schema does not know are let through, as the API server prunes them. Never throws on JSON. */
export function check<T>(schema: Schema<T>, value: unknown, path: string): Checked<T> {
  const problems: Problem[] = [];
  visit(schema, value, path, problems);
  const [first, ...rest] = problems;
  if (first !== undefined) return { ok: false, problems: [first, ...rest] };
  return { ok: true, value: value as T };
}

function visit(schema: OpenApiSchema, value: unknown, path: string, problems: Problem[]): void {
  const wrong = (message: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push({ reason: 'InvalidSpec', path, message });
  };
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (!Number.isInteger(value) && typeof value !== 'string')
      wrong('must be an integer or a text');
    return;
  }
  switch (schema.type) {
    case 'string':
      return visitText(schema, value, wrong);
    case 'integer':
    case 'number':
      return visitNumber(schema, value, wrong);
    case 'boolean':
      if (typeof value !== 'boolean') wrong('must be true or false');
      return;
    case 'array':
      return Array.isArray(value)
        ? visitList(schema, value, { path, problems, wrong })
        : wrong('must be a list');
    case 'object':
      return isObject(value)
        ? visitObject(schema, value, { path, problems, wrong })
        : wrong('must be an object');
    case undefined:
      return;
  }
}

interface Place {
  readonly path: string;
  readonly problems: Problem[];
  readonly wrong: (message: string) => void;
}

function visitText(schema: OpenApiSchema, value: unknown, wrong: Place['wrong']): void {
  if (typeof value !== 'string') return wrong('must be a text');
  const { minLength, maxLength, pattern } = schema;
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const known = schema.enum.filter((one) => one !== '').join(', ');
    return wrong(`must be one of ${known}; it is ${quote(value)}`);
  }
  if (minLength !== undefined && value.length < minLength) return wrong('must not be empty');
  if (maxLength !== undefined && longerThan(value, maxLength)) {
    return wrong(`must not be longer than ${maxLength} characters`);
  }
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    wrong(`must match ${pattern}; it is ${quote(value)}`);
  }
}

function visitNumber(schema: OpenApiSchema, value: unknown, wrong: Place['wrong']): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) return wrong('must be a number');
  if (schema.type === 'integer' && !Number.isInteger(value)) return wrong('must be a whole number');
  if (schema.minimum !== undefined && value < schema.minimum) {
    return wrong(`must be at least ${schema.minimum}; it is ${value}`);
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    wrong(`must be at most ${schema.maximum}; it is ${value}`);
  }
}

function visitList(schema: OpenApiSchema, value: readonly unknown[], place: Place): void {
  const { minItems, maxItems, items } = schema;
  if (minItems !== undefined && value.length < minItems) {
    place.wrong(`must have at least ${minItems} ${minItems === 1 ? 'entry' : 'entries'}`);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    return place.wrong(`must not have more than ${maxItems} entries; it has ${value.length}`);
  }
  if (items === undefined) return;
  for (const [index, item] of value.entries()) {
    visit(items, item, `${place.path}[${index}]`, place.problems);
  }
}

function visitObject(
  schema: OpenApiSchema,
  value: Readonly<Record<string, unknown>>,
  place: Place,
): void {
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key) || value[key] === undefined) place.wrong(`must have ${key}`);
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (!Object.hasOwn(value, key) || value[key] === undefined) continue;
    visit(property, value[key], place.path === '' ? key : `${place.path}.${key}`, place.problems);
  }
  if (schema.additionalProperties === undefined) return;
  const entries = Object.entries(value);
  if (schema.maxProperties !== undefined && entries.length > schema.maxProperties) {
    return place.wrong(`must not have more than ${schema.maxProperties} entries`);
  }
  for (const [key, item] of entries) {
    const step = quote(key);
    visit(schema.additionalProperties, item, `${place.path}[${step}]`, place.problems);
  }
}

/** The API server counts code points, not UTF-16 units. */
function longerThan(value: string, max: number): boolean {
  if (value.length <= max) return false;
  if (value.length > max * 2) return true;
  return Array.from(value).length > max;
}

/** Somebody else's text, cut so that it fits in a message. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
