// The schemas keep the rules that a CRD must keep: described, bounded, structural, and generated into crds/.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { customResourceDefinitions } from '../../../src/api/schema/crd.ts';
import { check } from '../../../src/api/schema/check.ts';
import { specSchema } from '../../../src/api/schema/canary-spec.ts';
import type { OpenApiSchema } from '../../../src/api/schema/schema.ts';
import { text } from '../../../src/api/schema/schema.ts';

function* nodes(schema: OpenApiSchema, path: string): Generator<readonly [string, OpenApiSchema]> {
  yield [path, schema];
  for (const [key, one] of Object.entries(schema.properties ?? {}))
    yield* nodes(one, `${path}.${key}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined)
    yield* nodes(schema.additionalProperties, `${path}{}`);
}

describe.each(customResourceDefinitions())('$metadata.name', (definition) => {
  const root = definition.spec.versions[0]?.schema.openAPIV3Schema;
  const all = [
    ...nodes(root?.properties.spec ?? { description: '' }, 'spec'),
    ...nodes(root?.properties.status ?? { description: '' }, 'status'),
  ];

  test('every field has a description that is a sentence', () => {
    const bare = all
      .filter(([, one]) => !/^\S.*[.)]$/s.test(one.description))
      .map(([path]) => path);
    expect(bare).toEqual([]);
  });

  test('every text, list and map has a limit, so that the cost of the rules has one', () => {
    const unbounded = all.filter(([, one]) => {
      if (one.type === 'string') {
        return one.maxLength === undefined && one.enum === undefined && one.format === undefined;
      }
      if (one.type === 'array') return one.maxItems === undefined;
      return one.additionalProperties !== undefined && one.maxProperties === undefined;
    });
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  test('the file in crds/ is what the schemas say', () => {
    const { group, names } = definition.spec;
    const file = new URL(`../../../crds/${group}_${names.plural}.yaml`, import.meta.url);
    expect(parseYaml(readFileSync(file, 'utf8'))).toEqual(definition);
  });
});

describe('check', () => {
  test('a missing field, a wrong type and a wrong entry are each named', () => {
    const checked = check(
      specSchema,
      { service: { port: '80', apex: { labels: { a: 1 } }, hosts: ['a', 2] } },
      'spec',
    );
    expect(
      checked.ok ? [] : checked.problems.map(({ path, message }) => `${path} ${message}`),
    ).toEqual([
      'spec must have targetRef',
      'spec.service.port must be a number',
      'spec.service.hosts[1] must be a text',
      'spec.service.apex.labels["a"] must be a text',
    ]);
  });

  test('lengths are counted in characters, as the API server does', () => {
    const two = text('Two.', { max: 2 });
    expect(check(two, '😀😀', '').ok).toBe(true);
    expect(check(two, '😀😀😀', '').ok).toBe(false);
  });

  test('the number of complaints is bounded', () => {
    const hosts = Array.from({ length: 60 }, () => 1);
    const checked = check(specSchema, { service: { hosts } }, 'spec');
    expect(checked.ok ? [] : checked.problems).toHaveLength(20);
  });
});
