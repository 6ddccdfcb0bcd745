// Label and field selectors in the API server's own notation, made into a test of objects.
import type { KubeObject } from '../../api/kubernetes.ts';
import { fieldsOf } from '../../client/fields.ts';
import { badRequest } from './refusals.ts';

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export type Test = (object: KubeObject) => boolean;

type Labels = Readonly<Record<string, string>>;

const NONE: Labels = Object.freeze({});
const KEY = String.raw`([A-Za-z0-9](?:[\w./-]*[A-Za-z0-9])?)`;
const EXISTS = new RegExp(`^(!?)\\s*${KEY}$`);
const EQUALS = new RegExp(String.raw`^${KEY}\s*(==|=|!=)\s*([\w.-]*)$`);
const AMONG = new RegExp(String.raw`^${KEY}\s+(in|notin)\s*\(([^()]*)\)$`);

/** Null if everything is selected. Throws 400 for what cannot be parsed. */
export function selection(attempt: string, wanted: Selection): Test | null {
  const { namespace, labelSelector = '', fieldSelector = '' } = wanted;
  const tests: Test[] = [];
  if (namespace !== undefined) tests.push(({ metadata }) => metadata.namespace === namespace);
  for (const term of terms(labelSelector)) {
    const matches = labelTest(attempt, term);
    tests.push(({ metadata }) => matches(metadata.labels ?? NONE));
  }
  for (const term of terms(fieldSelector)) tests.push(fieldTest(attempt, term));
  if (tests.length < 2) return tests[0] ?? null;
  return (object) => tests.every((test) => test(object));
}

/** Split at the commas that stand outside of parentheses. */
function terms(selector: string): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function labelTest(attempt: string, term: string): (labels: Labels) => boolean {
  const exists = EXISTS.exec(term);
  if (exists !== null) {
    const [, not = '', key = ''] = exists;
    return (labels) => Object.hasOwn(labels, key) === (not === '');
  }
  const equals = EQUALS.exec(term);
  if (equals !== null) {
    const [, key = '', operator = '', value = ''] = equals;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const among = AMONG.exec(term);
  if (among !== null) {
    const [, key = '', operator = '', list = ''] = among;
    const values = new Set(list.split(',').map((value) => value.trim()));
    // A label that is missing is in no set, so `notin` holds for it.
    return (labels) => {
      const value = labels[key];
      return (value !== undefined && values.has(value)) === (operator === 'in');
    };
  }
  throw badRequest(attempt, `unable to parse requirement: "${term}"`);
}

function fieldTest(attempt: string, term: string): Test {
  const [, path = '', operator = '', value = ''] = /^([\w.]+)\s*(==|=|!=)\s*(.*)$/.exec(term) ?? [];
  if (path === '') throw badRequest(attempt, `invalid field selector: ${term}`);
  if (path !== 'metadata.name' && path !== 'metadata.namespace') {
    throw badRequest(attempt, `field label not supported: ${path}`);
  }
  const field = path === 'metadata.name' ? 'name' : 'namespace';
  return ({ metadata }) => (fieldsOf(metadata)[field] === value) === (operator !== '!=');
}
