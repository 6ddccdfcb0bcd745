// Random values for the tests of the api room: whatever a schema describes, with faults here and there.
import * as fc from 'fast-check';
import type { OpenApiSchema } from '../../../src/api/schema/schema.ts';

/** Mostly of the schema's shape; `faults` of 10 nodes are any JSON instead. */
export function nearly(schema: OpenApiSchema, faults: number): fc.Arbitrary<unknown> {
  const right = shaped(schema, faults);
  if (faults === 0) return right;
  return fc.oneof(
    { arbitrary: right, weight: 10 - faults },
    { arbitrary: fc.jsonValue(), weight: faults },
  );
}

const durations = fc.constantFrom('30s', '1m30s', '500ms', '0s', '1h', '99h', 'soon', '-1s', '');
const texts = fc.oneof(
  durations,
  fc.constantFrom(
    'podinfo',
    'http://x/',
    'request-duration',
    'apps/v1',
    '{{ target }}',
    'a'.repeat(60),
  ),
  fc.string({ maxLength: 20 }),
);

function shaped(schema: OpenApiSchema, faults: number): fc.Arbitrary<unknown> {
  if (schema['x-kubernetes-int-or-string'] === true) return fc.oneof(fc.integer(), texts);
  switch (schema.type) {
    case 'string':
      return schema.enum === undefined ? texts : fc.constantFrom(...schema.enum);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 200, 200) });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(nearly(schema.items ?? { description: '' }, faults), {
        minLength: schema.minItems ?? 0,
        maxLength: 3,
      });
    case 'object':
      if (schema.additionalProperties !== undefined) {
        return fc.dictionary(fc.string(), nearly(schema.additionalProperties, faults), {
          maxKeys: 3,
        });
      }
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([key, one]) => [key, nearly(one, faults)]),
        ),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    case undefined:
      break;
  }
  return fc.jsonValue();
}
