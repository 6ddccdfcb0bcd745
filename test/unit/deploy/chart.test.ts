// The chart and what goes along with it: nothing in it that is unknown, nothing that is untold.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { chartValues } from '../../../tools/chart-values.ts';

const ROOT = join(import.meta.dirname, '../../..');
const CHART = join(ROOT, 'deploy/helm/serin');
const read = (...path: readonly string[]): string => readFileSync(join(ROOT, ...path), 'utf8');
const values = read('deploy/helm/serin/values.yaml');

interface Schema {
  readonly type?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

test('every value is told in a comment', () => {
  const untold = chartValues(values).filter(({ words }) => words === '');
  expect(untold.map(({ path }) => path)).toEqual([]);
});

test('the schema knows every value, and no other', () => {
  const schema = JSON.parse(read('deploy/helm/serin/values.schema.json')) as Schema;
  const { global: _ofParents, ...own } = schema.properties ?? {};
  expect(fieldsOf({ ...schema, properties: own }, parse(values)).toSorted(byText)).toEqual([]);
});

test.each(['files/dashboard.json', 'files/alerts.yaml'])('%s uses metrics that exist', (file) => {
  const reference = read('docs/reference.md');
  const told = new Set([...reference.matchAll(/`([a-z][a-z0-9_]+)`/g)].map(([, name]) => name));
  const text = readFileSync(join(CHART, file), 'utf8');
  const families =
    /\b(?:serin|controller_runtime|workqueue|rest_client|process|nodejs|leader_election)_[a-z0-9_]+/g;
  const used = new Set([...text.matchAll(families)].map(([name]) => name));
  expect(used.size).toBeGreaterThan(3);
  const plain = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');
  const unknown = [...used].filter((name) => !told.has(name) && !told.has(plain(name)));
  expect(unknown).toEqual([]);
});

test('the chart has the version of the operator', () => {
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };
  expect(parse(read('deploy/helm/serin/Chart.yaml'))).toMatchObject({
    version,
    appVersion: version,
  });
});

/** Where schema and values differ, or the schema would let a typo through. */
function fieldsOf(schema: Schema, given: unknown, path = ''): readonly string[] {
  const { properties } = schema;
  if (properties === undefined) return [];
  const open = schema.additionalProperties === false ? [] : [`${path} is open`];
  const has = given as Readonly<Record<string, unknown>>;
  // What Kubernetes knows and the chart hands on need not have a default.
  const handedOn = path === '.resources';
  const absent = Object.keys(properties).filter((name) => !(name in has) && !handedOn);
  const unknown = Object.keys(has).filter((name) => !(name in properties));
  return [
    ...open,
    ...absent.map((name) => `${path}.${name} is not in values.yaml`),
    ...unknown.map((name) => `${path}.${name} is not in the schema`),
    ...Object.entries(properties)
      .filter(([name]) => name in has)
      .flatMap(([name, inner]) => fieldsOf(inner, has[name], `${path}.${name}`)),
  ];
}

function byText(left: string, right: string): number {
  return left < right ? -1 : 1;
}
