// A small vocabulary for the schemas of our kinds: each value is the OpenAPI v3 structural schema itself, with its type.
//
// Why not typebox: it would add 32 MB of memory and about 0.1 s of start to every operator, and its records check only
// keys that match a pattern and have to be translated to what the API server takes. Here the schema in the CRD, the
// check in the process and the raw TypeScript types are one and the same value, and a description cannot be left out.

/** One CEL rule (x-kubernetes-validations). */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** The part of OpenAPI v3 that structural schemas and our check know. */
export interface OpenApiSchema {
  readonly description: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema;
  readonly items?: OpenApiSchema;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

declare const raw: unique symbol;

/** A schema whose valid values are of type T. The symbol is there for the compiler only. */
export interface Schema<T> extends OpenApiSchema {
  readonly [raw]?: T;
}

/** The type of the values that a schema accepts. */
export type Raw<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type RawObject<R extends Fields, O extends Fields> = {
  readonly [K in keyof R]: Raw<R[K]>;
} & { readonly [K in keyof O]?: Raw<O[K]> };

interface TextLimits {
  readonly max: number;
  readonly min?: number;
  readonly pattern?: string;
  readonly rules?: readonly Rule[];
}

export function text(description: string, limits: TextLimits): Schema<string> {
  return {
    description,
    type: 'string',
    ...(limits.min === undefined ? {} : { minLength: limits.min }),
    maxLength: limits.max,
    ...(limits.pattern === undefined ? {} : { pattern: limits.pattern }),
    ...validations(limits.rules),
  };
}

/** RFC3339. */
export function time(description: string): Schema<string> {
  return { description, type: 'string', format: 'date-time' };
}

export function choice<const V extends string>(
  description: string,
  values: readonly V[],
): Schema<V> {
  return { description, type: 'string', enum: values };
}

export function flag(description: string): Schema<boolean> {
  return { description, type: 'boolean' };
}

export function integer(
  description: string,
  limits: { readonly min?: number; readonly max?: number } = {},
): Schema<number> {
  return { description, type: 'integer', format: 'int64', ...range(limits) };
}

export function number(
  description: string,
  limits: { readonly min?: number; readonly max?: number } = {},
): Schema<number> {
  return { description, type: 'number', ...range(limits) };
}

export function integerOrText(
  description: string,
  rules: readonly Rule[],
): Schema<number | string> {
  return { description, 'x-kubernetes-int-or-string': true, ...validations(rules) };
}

export function list<T>(
  description: string,
  items: Schema<T>,
  limits: { readonly max: number; readonly min?: number; readonly rules?: readonly Rule[] },
): Schema<readonly T[]> {
  return {
    description,
    type: 'array',
    items,
    ...(limits.min === undefined ? {} : { minItems: limits.min }),
    maxItems: limits.max,
    ...validations(limits.rules),
  };
}

export function map<T>(
  description: string,
  values: Schema<T>,
  limits: { readonly max: number },
): Schema<Readonly<Record<string, T>>> {
  return {
    description,
    type: 'object',
    additionalProperties: values,
    maxProperties: limits.max,
  };
}

export function object<R extends Fields, O extends Fields>(
  description: string,
  fields: { readonly required: R; readonly optional: O; readonly rules?: readonly Rule[] },
): Schema<RawObject<R, O>> {
  const required = Object.keys(fields.required);
  return {
    description,
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: { ...fields.required, ...fields.optional },
    ...validations(fields.rules),
  };
}

/** Any object, kept by the API server as it is. */
export function anyObject(description: string): Schema<Readonly<Record<string, unknown>>> {
  return { description, type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
}

function validations(rules: readonly Rule[] | undefined): Partial<OpenApiSchema> {
  return rules === undefined ? {} : { 'x-kubernetes-validations': rules };
}

function range(limits: { readonly min?: number; readonly max?: number }): Partial<OpenApiSchema> {
  return {
    ...(limits.min === undefined ? {} : { minimum: limits.min }),
    ...(limits.max === undefined ? {} : { maximum: limits.max }),
  };
}
