// docs/flagger-compatibility.md speaks of every field that there is, and of none that there is not.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alertProviderSchema } from '../../../src/api/schema/alert-provider.ts';
import { specSchema } from '../../../src/api/schema/canary-spec.ts';
import { metricTemplateSchema } from '../../../src/api/schema/metric-template.ts';
import type { OpenApiSchema } from '../../../src/api/schema/schema.ts';

const PAGE = join(import.meta.dirname, '../../../docs/flagger-compatibility.md');
const VERDICTS = ['same', 'safer', 'warned', 'refused', 'own'];

interface Row {
  /** Names in the first cell; the first one is a path, the others are below it or beside it. */
  readonly names: readonly string[];
  readonly verdicts: readonly string[];
}

/** Rows of the tables whose first column is called Field, by the kind in the heading above them. */
function rowsOf(kind: string): readonly Row[] {
  return readFileSync(PAGE, 'utf8')
    .split(/^## /m)
    .filter((section) => section.startsWith(`${kind}: `))
    .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| `')))
    .map((line) => {
      const [, field = '', verdict = ''] = line.split('|');
      const names = [...field.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? '');
      return { names, verdicts: verdict.split(',').map((word) => word.trim()) };
    });
}

/** `service.match.headers.exact`: all fields below `schema`, without a sign for list or map. */
function pathsOf(schema: OpenApiSchema, path: string): readonly string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...pathsOf(each, below)];
  });
  const inside = [schema.items, schema.additionalProperties].filter((each) => each !== undefined);
  return [...own, ...inside.flatMap((each) => pathsOf(each, path))];
}

function plain(path: string): string {
  return path.replaceAll('[]', '');
}

/** By a row of its own, or by its last name in the row of something above it. */
function isTold(path: string, rows: readonly Row[]): boolean {
  const last = path.split('.').at(-1) ?? '';
  return rows.some(({ names: [first = '', ...others] }) => {
    const row = plain(first);
    return row === path || (path.startsWith(`${row}.`) && others.includes(last));
  });
}

const KINDS = [
  ['Canary', specSchema],
  ['MetricTemplate', metricTemplateSchema],
  ['AlertProvider', alertProviderSchema],
] as const;

test.each(KINDS)('says for every field of a %s what becomes of it', (kind, schema) => {
  const rows = rowsOf(kind);
  expect(pathsOf(schema, '').filter((path) => !isTold(path, rows))).toEqual([]);
});

test.each(KINDS)('names no field that a %s does not have', (kind, schema) => {
  const paths = pathsOf(schema, '');
  const last = new Set(paths.map((path) => path.split('.').at(-1)));
  const rows = rowsOf(kind);
  const strange = rows.flatMap(({ names: [first = '', ...others] }) => [
    ...(paths.includes(plain(first)) ? [] : [first]),
    ...others.filter((name) => !last.has(name)),
  ]);
  expect(strange).toEqual([]);
});

test('knows five answers only', () => {
  const verdicts = KINDS.flatMap(([kind]) => rowsOf(kind)).flatMap((row) => row.verdicts);
  expect(verdicts.filter((verdict) => !VERDICTS.includes(verdict))).toEqual([]);
});
