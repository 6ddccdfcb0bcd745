// The rules of a schema (x-kubernetes-validations) made ready, and their judgement of a whole object.
import { sameJson } from './frozen-json.ts';
import { bySteps } from './managed-fields.ts';
import { type Cause, invalidValue } from './schema-causes.ts';
import { stepOf } from './schema-field-set.ts';
import { type RuleCheck, RuleError, type RuleEvaluator } from './schema-rules.ts';
import { entryKeysOf, type SchemaRule, type StructuralSchema } from './schema-structure.ts';
import { fieldsOf, isObject, itemsOf } from './schema-values.ts';

/** The rules of a schema and of what is below it; only branches that have any. */
export interface RuleTree {
  readonly own: readonly PreparedRule[];
  readonly type: string;
  readonly keys: readonly string[] | null;
  readonly fields: ReadonlyMap<string, RuleTree>;
  readonly values: RuleTree | null;
  readonly items: RuleTree | null;
}

interface PreparedRule {
  readonly text: string;
  readonly message: string;
  readonly check: RuleCheck;
  readonly looksBack: boolean;
}

export function preparedRules(schema: StructuralSchema, evaluator: RuleEvaluator): RuleTree | null {
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule) => prepared(rule, evaluator));
  const fields = new Map<string, RuleTree>();
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    const tree = preparedRules(below, evaluator);
    if (tree !== null) fields.set(key, tree);
  }
  const { additionalProperties, items: item, type = '' } = schema;
  const values = isObject(additionalProperties)
    ? preparedRules(additionalProperties, evaluator)
    : null;
  const items = item === undefined ? null : preparedRules(item, evaluator);
  if (own.length + fields.size === 0 && values === null && items === null) return null;
  return { own, type, keys: entryKeysOf(schema), fields, values, items };
}

function prepared({ rule, message }: SchemaRule, evaluator: RuleEvaluator): PreparedRule {
  return {
    text: rule,
    message: message ?? `failed rule: ${rule}`,
    check: evaluator.prepare(rule),
    looksBack: /\boldSelf\b/.test(rule),
  };
}

interface Obeying {
  readonly value: unknown;
  readonly before: unknown;
  readonly path: string;
  readonly causes: Cause[];
}

/** Adds a cause for each rule that the value breaks. */
export function obey(tree: RuleTree | null, place: Obeying): void {
  const { value, before, path, causes } = place;
  if (tree === null || value === undefined || value === null) return;
  for (const rule of tree.own) {
    if (rule.looksBack ? before === undefined : value === before) continue;
    const why = brokenBy(rule, value, before);
    if (why === null || (!rule.looksBack && before !== undefined && sameJson(value, before))) {
      continue;
    }
    causes.push(invalidValue(path, tree.type, why));
  }
  if (value === before) return;
  if (Array.isArray(value)) {
    const old = tree.keys === null ? null : bySteps(itemsOf(before), tree.keys);
    for (const [index, item] of value.entries()) {
      const was = old === null ? undefined : old.get(stepOf(item, tree.keys ?? []));
      obey(tree.items, { value: item, before: was, path: `${path}[${index}]`, causes });
    }
    return;
  }
  if (!isObject(value) || (tree.fields.size === 0 && tree.values === null)) return;
  const old = fieldsOf(before);
  for (const key in value) {
    const below = tree.fields.get(key) ?? tree.values;
    const at = path === '' ? key : `${path}.${key}`;
    obey(below, { value: value[key], before: old[key], path: at, causes });
  }
}

function brokenBy(rule: PreparedRule, value: unknown, before: unknown): string | null {
  try {
    const input = rule.looksBack ? { self: value, oldSelf: before } : { self: value };
    return rule.check(input) ? null : rule.message;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return `${error.message} evaluating rule: ${rule.text}`;
  }
}
