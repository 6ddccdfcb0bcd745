// Validates values by structural schemas, with the causes that the API server gives.
import { sameJson } from './frozen-json.ts';
import { bySteps } from './managed-fields.ts';
import {
  badValue,
  bare,
  type Cause,
  type CauseReason,
  invalidValue,
  requiredValue,
} from './schema-causes.ts';
import { stepOf } from './schema-field-set.ts';
import { obey, preparedRules } from './schema-rule-tree.ts';
import type { RuleEvaluator } from './schema-rules.ts';
import { entryKeysOf, propertyOf, type StructuralSchema } from './schema-structure.ts';
import { type Fields, fieldsOf, isObject, itemsOf } from './schema-values.ts';

export interface Validator {
  /** `before` is undefined on creation. What is as it was is not judged again. */
  validate(value: unknown, before: unknown): readonly Cause[];
}

export function validatorOf(schema: StructuralSchema, evaluator: RuleEvaluator): Validator {
  const rules = preparedRules(schema, evaluator);
  return {
    validate: (value, before) => {
      const causes: Cause[] = [];
      judge({ schema, value, before, path: '', causes });
      if (causes.some(({ reason }) => BLOCKING.has(reason))) return [...causes, NOT_CHECKED];
      obey(rules, { value, before, path: '', causes });
      return causes;
    },
  };
}

/** Wrong in such a way that rules could not be judged. */
const BLOCKING: ReadonlySet<CauseReason> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED: Cause = invalidValue(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

interface Judged {
  readonly schema: StructuralSchema;
  readonly value: unknown;
  readonly before: unknown;
  readonly path: string;
  readonly causes: Cause[];
}

function judge(judged: Judged): void {
  const { schema, value, before, path, causes } = judged;
  if (value === before && value !== undefined) return;
  const found: Cause[] = [];
  if (typeCause(judged, found)) judgeValue({ ...judged, causes: found });
  for (const cause of junctorCauses(schema, value, path)) found.push(cause);
  // Ratcheting: what was wrong before may stay as it is.
  if (found.length > 0 && before !== undefined && sameJson(value, before)) return;
  causes.push(...found);
}

/** True if the value is of the type that it should have. */
function typeCause({ schema, value, path }: Judged, causes: Cause[]): boolean {
  if (value === null && schema.nullable === true) return false;
  const either = schema['x-kubernetes-int-or-string'] === true;
  const wanted = either ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type];
  const type = typeOf(value);
  const fits =
    wanted.length === 0 ||
    wanted.includes(type) ||
    (type === 'integer' && wanted.includes('number'));
  if (!fits) {
    const detail = `${shownPath(path)} must be of type ${wanted.join(',')}: ${JSON.stringify(type)}`;
    causes.push(badValue('FieldValueTypeInvalid', path, { value: type, detail }));
  }
  return fits;
}

function shownPath(path: string): string {
  return path === '' ? '' : `${path} in body`;
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function judgeValue(judged: Judged): void {
  const { schema, value, path, causes } = judged;
  const supported = schema.enum;
  if (supported !== undefined && !supported.some((one) => sameJson(one, value))) {
    const known = supported.map((one) => JSON.stringify(one)).join(', ');
    const detail = `supported values: ${known}`;
    causes.push(badValue('FieldValueNotSupported', path, { value, detail }));
  }
  if (typeof value === 'string') judgeText(schema, value, judged);
  else if (typeof value === 'number') judgeNumber(schema, value, judged);
  else if (Array.isArray(value)) judgeList(value, judged);
  else if (isObject(value)) judgeObject(value, judged);
}

function should(judged: Judged, what: string): void {
  const { path, value, causes } = judged;
  causes.push(invalidValue(path, value, `${path} in body should ${what}`));
}

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function judgeText(schema: StructuralSchema, value: string, judged: Judged): void {
  const { minLength, maxLength, pattern, format } = schema;
  const { path, causes } = judged;
  const length = maxLength === undefined && minLength === undefined ? 0 : Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) {
    const detail = `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}`;
    causes.push(bare('FieldValueTooLong', path, detail));
  }
  if (minLength !== undefined && length < minLength) {
    should(judged, `be at least ${minLength} chars long`);
  }
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    should(judged, `match '${pattern}'`);
  }
  if (format === 'date-time' && !DATE_TIME.test(value)) {
    const detail = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`;
    causes.push(badValue('FieldValueTypeInvalid', path, { value, detail }));
  }
}

function judgeNumber(schema: StructuralSchema, value: number, judged: Judged): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    should(judged, `be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    should(judged, `be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`);
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) {
    should(judged, `be a multiple of ${multipleOf}`);
  }
}

function judgeList(value: readonly unknown[], judged: Judged): void {
  const { schema, before, path, causes } = judged;
  const { minItems, maxItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems) {
    causes.push(tooMany(path, value.length, maxItems));
  }
  if (minItems !== undefined && value.length < minItems) {
    should(judged, `have at least ${minItems} items`);
  }
  const keys = entryKeysOf(schema);
  const old = keys === null ? null : bySteps(itemsOf(before), keys);
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const place = `${path}[${index}]`;
    const step = keys === null ? null : stepOf(item, keys);
    if (step !== null && seen.has(step)) {
      const shown: unknown = keys?.length === 0 ? item : JSON.parse(step.slice(2));
      causes.push(badValue('FieldValueDuplicate', place, { value: shown }));
    }
    if (step !== null) seen.add(step);
    if (items === undefined) continue;
    const was = step === null ? itemsOf(before)[index] : old?.get(step);
    judge({ schema: items, value: item, before: was, path: place, causes });
  }
}

function tooMany(path: string, actual: number, max: number): Cause {
  const detail = `must have at most ${max} ${max === 1 ? 'item' : 'items'}`;
  return badValue('FieldValueTooMany', path, { value: actual, detail });
}

function judgeObject(value: Fields, judged: Judged): void {
  const { schema, before, path, causes } = judged;
  const { required = [], minProperties, maxProperties } = schema;
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  for (const key of required) {
    if (value[key] === undefined) causes.push(requiredValue(at(key)));
  }
  if (maxProperties !== undefined || minProperties !== undefined) {
    const count = Object.keys(value).length;
    if (maxProperties !== undefined && count > maxProperties) {
      causes.push(tooMany(path, count, maxProperties));
    }
    if (minProperties !== undefined && count < minProperties) {
      should(judged, `have at least ${minProperties} properties`);
    }
  }
  const old = fieldsOf(before);
  for (const key in value) {
    const below = propertyOf(schema, key);
    if (below === null || value[key] === undefined) continue;
    judge({ schema: below, value: value[key], before: old[key], path: at(key), causes });
  }
}

function junctorCauses(schema: StructuralSchema, value: unknown, path: string): readonly Cause[] {
  const { oneOf, anyOf, allOf, not } = schema;
  const causes: Cause[] = [];
  const fits = (one: StructuralSchema): boolean => {
    const found: Cause[] = [];
    judge({ schema: one, value, before: undefined, path, causes: found });
    return found.length === 0;
  };
  const says = (text: string): void => {
    causes.push(invalidValue(path, '', `${JSON.stringify(path)} ${text}`));
  };
  if (anyOf !== undefined && !anyOf.some(fits)) {
    says('must validate at least one schema (anyOf)');
  }
  if (oneOf !== undefined) {
    const count = oneOf.filter(fits).length;
    const found = count === 0 ? 'none valid' : `${count} valid alternatives`;
    if (count !== 1) says(`must validate one and only one schema (oneOf). Found ${found}`);
  }
  if (allOf !== undefined && !allOf.every(fits)) says('must validate all the schemas (allOf)');
  if (not !== undefined && fits(not)) says('must not validate the schema (not)');
  return causes;
}
