// Judges values by the rules of a CRD (x-kubernetes-validations). The evaluator can be replaced by another one.
import { sameJson } from './frozen-json.ts';
import { type Expression, parseRule } from './schema-cel.ts';
import { fieldsOf, isObject } from './schema-values.ts';

export interface RuleInput {
  readonly self: unknown;
  /** The value before; absent on creation, and for rules that do not look back. */
  readonly oldSelf?: unknown;
}

/** A rule made ready. Throws RuleError where the rule cannot be judged, as a missing field. */
export type RuleCheck = (input: RuleInput) => boolean;

export interface RuleEvaluator {
  /** Throws SyntaxError on a rule that it cannot read. */
  prepare(rule: string): RuleCheck;
}

/** Why a rule has no answer. */
export class RuleError extends Error {}

type Scope = Readonly<Record<string, unknown>>;
type Evaluate = (scope: Scope) => unknown;

/** An evaluator for the operators, macros and functions that the shipped CRDs and Gateway API use. */
export function ruleEvaluator(): RuleEvaluator {
  return {
    prepare: (rule) => {
      const evaluate = compiled(parseRule(rule));
      return ({ self, oldSelf }) => truth(evaluate({ self, oldSelf }));
    },
  };
}

function compiled(expression: Expression): Evaluate {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'list': {
      const items = expression.items.map(compiled);
      return (scope) => items.map((item) => item(scope));
    }
    case 'name':
      return named(expression.name);
    case 'field': {
      const of = compiled(expression.of);
      return (scope) => fieldOf(of(scope), expression.name);
    }
    case 'entry': {
      const of = compiled(expression.of);
      const index = compiled(expression.index);
      return (scope) => entryOf(of(scope), index(scope));
    }
    case 'call':
      return called(expression);
    case 'unary': {
      const of = compiled(expression.of);
      return expression.operator === '!' ? (s) => !truth(of(s)) : (s) => -numberOf(of(s));
    }
    case 'binary':
      return binary(expression);
    case 'choice': {
      const [when, then, otherwise] = [expression.when, expression.then, expression.otherwise].map(
        compiled,
      ) as [Evaluate, Evaluate, Evaluate];
      return (scope) => (truth(when(scope)) ? then(scope) : otherwise(scope));
    }
  }
}

const TYPES: ReadonlySet<string> = new Set(['int', 'double', 'string', 'bool', 'list', 'map']);

function named(name: string): Evaluate {
  return (scope) => {
    if (Object.hasOwn(scope, name)) return scope[name];
    if (TYPES.has(name)) return name;
    throw new RuleError(`undeclared reference to '${name}'`);
  };
}

function fieldOf(value: unknown, name: string): unknown {
  const field = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  if (field === undefined) throw new RuleError(`no such key: ${name}`);
  return field;
}

function entryOf(value: unknown, index: unknown): unknown {
  if (!Array.isArray(value)) return fieldOf(value, String(index));
  const item: unknown = value[numberOf(index)];
  if (item === undefined) throw new RuleError(`index out of bounds: ${String(index)}`);
  return item;
}

function binary({ operator, left, right }: Expression & { readonly kind: 'binary' }): Evaluate {
  const a = compiled(left);
  const b = compiled(right);
  switch (operator) {
    case '&&':
      return eitherDecides(a, b, false);
    case '||':
      return eitherDecides(a, b, true);
    case '==':
      return (scope) => equal(a(scope), b(scope));
    case '!=':
      return (scope) => !equal(a(scope), b(scope));
    case 'in':
      return (scope) => contains(b(scope), a(scope));
    case '+':
      return (scope) => sum(a(scope), b(scope));
    default:
      return arithmetic(operator, a, b);
  }
}

/** `deciding` from one side is the answer, whatever became of the other. */
function eitherDecides(a: Evaluate, b: Evaluate, deciding: boolean): Evaluate {
  return (scope) => {
    let first: boolean;
    try {
      first = truth(a(scope));
    } catch (error) {
      if (error instanceof RuleError && truth(b(scope)) === deciding) return deciding;
      throw error;
    }
    return first === deciding ? deciding : truth(b(scope));
  };
}

/** Lengths of time are told from numbers. */
class Duration {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

function equal(a: unknown, b: unknown): boolean {
  return a instanceof Duration && b instanceof Duration ? a.ms === b.ms : sameJson(a, b);
}

function contains(list: unknown, item: unknown): boolean {
  if (Array.isArray(list)) return list.some((one) => equal(one, item));
  return Object.hasOwn(fieldsOf(list), String(item));
}

function sum(a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b)) return [...(a as unknown[]), ...(b as unknown[])];
  return typeof a === 'string' && typeof b === 'string' ? a + b : numberOf(a) + numberOf(b);
}

function arithmetic(operator: string, a: Evaluate, b: Evaluate): Evaluate {
  const compute = ARITHMETIC[operator];
  if (compute === undefined) throw new SyntaxError(`no operator ${operator}`);
  return (scope) => {
    const left = a(scope);
    const right = b(scope);
    if (typeof left === 'string' && typeof right === 'string') {
      return compute(left < right ? -1 : Number(left > right), 0);
    }
    return compute(numberOf(left), numberOf(right));
  };
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => unknown>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(a / b) : a / b),
  '%': (a, b) => a % b,
};

function called({ of, name, args }: Expression & { readonly kind: 'call' }): Evaluate {
  const [first, second] = args;
  if (of === null && name === 'has' && first?.kind === 'field') {
    const owner = compiled(first.of);
    const field = first.name;
    return (scope) => fieldsOf(owner(scope))[field] !== undefined;
  }
  const macro = MACROS[name];
  if (macro !== undefined && of !== null && first?.kind === 'name' && second !== undefined) {
    const list = compiled(of);
    const body = compiled(second);
    const variable = first.name;
    return (scope) => macro(listOf(list(scope)), (item) => body({ ...scope, [variable]: item }));
  }
  const call = FUNCTIONS[name];
  if (call === undefined) throw new SyntaxError(`no function ${name}`);
  const values = [...(of === null ? [] : [of]), ...args].map(compiled);
  return (scope) => call(...values.map((value) => value(scope)));
}

type Macro = (list: readonly unknown[], body: (item: unknown) => unknown) => unknown;

const MACROS: Readonly<Record<string, Macro>> = {
  all: (list, body) => list.every((item) => truth(body(item))),
  exists: (list, body) => list.some((item) => truth(body(item))),
  exists_one: (list, body) => list.filter((item) => truth(body(item))).length === 1,
  filter: (list, body) => list.filter((item) => truth(body(item))),
  map: (list, body) => list.map((item) => body(item)),
};

const FUNCTIONS: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> = {
  size: sizeOf,
  type: typeOf,
  string: String,
  int: (value) => Math.trunc(Number(value)),
  double: Number,
  duration: (value) => new Duration(durationMs(textOf(value))),
  matches: (value, pattern) => new RegExp(textOf(pattern), 'u').test(textOf(value)),
  contains: (value, part) => textOf(value).includes(textOf(part)),
  startsWith: (value, part) => textOf(value).startsWith(textOf(part)),
  endsWith: (value, part) => textOf(value).endsWith(textOf(part)),
  isSorted: (value) => {
    const list = listOf(value);
    return list.every((item, index) => index === 0 || inOrder(list[index - 1], item));
  },
};

function inOrder(a: unknown, b: unknown): boolean {
  return typeof a === 'string' ? a <= textOf(b) : numberOf(a) <= numberOf(b);
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'string' ? Array.from(value).length : Object.keys(fieldsOf(value)).length;
}

function typeOf(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'double';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Array.isArray(value) ? 'list' : 'map';
}

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function durationMs(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw new RuleError('invalid duration');
  let total = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    total += Number(count) * (UNITS_MS[unit] ?? 0);
  }
  return total;
}

function truth(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new RuleError('no such overload');
}

function numberOf(value: unknown): number {
  if (value instanceof Duration) return value.ms;
  if (typeof value === 'number') return value;
  throw new RuleError('no such overload');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new RuleError('no such overload');
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (isObject(value)) return Object.keys(value);
  throw new RuleError('no such overload');
}
