// Queries: every placeholder of Flagger's, and no way out of the quotes.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery, renderQuery } from '../../../src/api/render-query.ts';
import type { QueryValues } from '../../../src/api/render-query.ts';

const values: QueryValues = {
  name: 'web',
  namespace: 'shop',
  target: 'web-app',
  service: 'web-svc',
  ingress: 'web-ing',
  route: '',
  intervalMs: 90_000,
  variables: { team: 'a"b\\c', 'with-dash': 'd', selector: 'x="y"' },
};

function text(template: string, given: Partial<QueryValues> = {}): string {
  const rendered = renderQuery(template, { ...values, ...given }, 'spec.query');
  return rendered.ok ? rendered.text : `${rendered.problem.reason} ${rendered.problem.message}`;
}

test.each([
  ['{{ namespace }}/{{name}}', 'shop/web'],
  ['{{ target }} {{ service }} {{ ingress }}[{{ route }}]', 'web-app web-svc web-ing[]'],
  ['rate(x[{{ interval }}])', 'rate(x[90s])'],
  ['a {{- target -}} b', 'aweb-appb'],
  ['{{ index variables "with-dash" }}', 'd'],
  ['no placeholders', 'no placeholders'],
  ['{"a":{"b":1}}', '{"a":{"b":1}}'],
])('%s', (template, expected) => {
  expect(text(template)).toBe(expected);
});

describe('quotes', () => {
  test.each([
    ['x{team="{{ variables.team }}"}', 'x{team="a\\"b\\\\c"}'],
    ["x{team='{{ variables.team }}'}", "x{team='a\"b\\\\c'}"],
    ['x{a="\\"{{ variables.team }}"}', 'x{a="\\"a\\"b\\\\c"}'],
    ['x{ {{ variables.selector }} }', 'x{ x="y" }'],
    ["# don't\nx{ {{ variables.selector }} }", '# don\'t\nx{ x="y" }'],
  ])('%s', (template, expected) => {
    expect(text(template)).toBe(expected);
  });

  test('a value with a back quote cannot stand between back quotes', () => {
    expect(text('x{a=`{{ variables.team }}`}', { variables: { team: '`' } })).toContain(
      'back quote',
    );
  });

  test('no value ends the quotes that it stands in', () => {
    fc.assert(
      fc.property(fc.string(), (team) => {
        const rendered = text('{{ variables.team }}'.replace(/^.*$/, '"$&"'), {
          variables: { team },
        });
        expect(rendered.slice(1, -1).replaceAll(/\\./g, '')).not.toMatch(/["\\\n]/);
      }),
    );
  });
});

describe('problems', () => {
  test.each([
    ['{{ nme }}', 'InvalidQuery has the unknown placeholder "{{ nme }}"'],
    ['{{ .Target }}', 'unknown placeholder "{{ .Target }}"'],
    ['{{ if target }}', 'unknown placeholder'],
    ['{{ variables.nope }}', 'needs the variable nope'],
    ['{{ variables.constructor }}', 'needs the variable constructor'],
    ['{{ target', 'has {{ without }}'],
    ['{{ variables.team }}'.repeat(900), 'must not be longer than'],
  ])('%s', (template, message) => {
    expect(text(template)).toContain(message);
  });

  test('the rendered query is bounded', () => {
    const variables = { team: 'x'.repeat(4096) };
    expect(text('{{ variables.team }}'.repeat(20), { variables })).toContain('more than');
  });

  test('no template throws', () => {
    const piece = fc.oneof(fc.constantFrom('{{', '}}', '-', ' ', 'target', '"', '\n'), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        parseQuery(pieces.join(''), 'spec.query');
        text(pieces.join(''));
      }),
      { numRuns: 500 },
    );
  });
});
