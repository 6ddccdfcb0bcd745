// Queries of metrics: text with placeholders, as `{{ target }}` or `{{ variables.team }}`. Nothing is run.
import type { Problem } from './canary.ts';
import { quote } from './schema/check.ts';

const TEMPLATE_LENGTH_MAX = 16_384;
const QUERY_LENGTH_MAX = 65_536;
const NAMES = ['name', 'namespace', 'target', 'service', 'ingress', 'route', 'interval'] as const;
type Name = (typeof NAMES)[number];

export interface QueryValues {
  /** Name and namespace of the Canary. */
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  /** Name of the apex Service. */
  readonly service: string;
  /** Empty where the Canary has none. */
  readonly ingress: string;
  readonly route: string;
  /** Window of the metric; written as one number and unit: 90s, 5m. */
  readonly intervalMs: number;
  readonly variables: Readonly<Record<string, string>>;
}

export type QueryPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly name: Name }
  | { readonly kind: 'variable'; readonly key: string };

export type ParsedQuery =
  | { readonly ok: true; readonly parts: readonly QueryPart[] }
  | { readonly ok: false; readonly problem: Problem };

export type RenderedQuery =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: Problem };

/** `path`: the field of the template, for the Problem. */
export function parseQuery(template: string, path: string): ParsedQuery {
  const bad = (message: string): ParsedQuery => ({
    ok: false,
    problem: { reason: 'InvalidQuery', path, message },
  });
  if (template.length > TEMPLATE_LENGTH_MAX) {
    return bad(`must not be longer than ${TEMPLATE_LENGTH_MAX} characters`);
  }
  const parts: QueryPart[] = [];
  let rest = template;
  let trimNext = false;
  for (;;) {
    const open = rest.indexOf('{{');
    const text = open < 0 ? rest : rest.slice(0, open);
    const marked = open >= 0 && /^\{\{-\s/.test(rest.slice(open, open + 4));
    parts.push({ kind: 'text', text: trimmed(text, { start: trimNext, end: marked }) });
    if (open < 0) return { ok: true, parts };
    const close = rest.indexOf('}}', open + 2);
    if (close < 0) return bad(`has {{ without }}: ${quote(rest.slice(open))}`);
    const inside = rest.slice(open + 2, close);
    trimNext = /\s-$/.test(inside);
    const expression = inside.slice(marked ? 1 : 0, trimNext ? -1 : undefined).trim();
    const part = placeholder(expression);
    if (part === null) return bad(unknownPlaceholder(expression));
    parts.push(part);
    rest = rest.slice(close + 2);
  }
}

/**
 * The query for one Canary. Inside quotes, values are escaped so that they cannot end the text they stand in; a value
 * that cannot be escaped there is a Problem, as is a variable that the Canary does not give.
 */
export function renderQuery(template: string, values: QueryValues, path: string): RenderedQuery {
  const parsed = parseQuery(template, path);
  if (!parsed.ok) return parsed;
  const bad = (message: string): RenderedQuery => ({
    ok: false,
    problem: { reason: 'InvalidQuery', path, message },
  });
  let text = '';
  let within: Quote = '';
  for (const part of parsed.parts) {
    if (part.kind === 'text') {
      text += part.text;
      within = quoteAfter(part.text, within);
      continue;
    }
    const value = valueOf(part, values);
    if (value === null) {
      const key = part.kind === 'variable' ? part.key : part.name;
      return bad(`needs the variable ${key}: give it in templateVariables of the metric`);
    }
    const safe = escaped(value, within);
    if (safe === null) return bad(`cannot hold a back quote in ${describe(part)} here`);
    text += safe;
    if (text.length > QUERY_LENGTH_MAX) break;
  }
  return text.length > QUERY_LENGTH_MAX
    ? bad(`gives a query of more than ${QUERY_LENGTH_MAX} characters`)
    : { ok: true, text };
}

function trimmed(text: string, sides: { readonly start: boolean; readonly end: boolean }): string {
  const started = sides.start ? text.trimStart() : text;
  return sides.end ? started.trimEnd() : started;
}

function placeholder(expression: string): QueryPart | null {
  const name = NAMES.find((known) => known === expression);
  if (name !== undefined) return { kind: 'value', name };
  const variable =
    /^variables\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(expression) ??
    // For keys that are no words, as in Go templates.
    /^index\s+variables\s+"([^"\\]+)"$/.exec(expression);
  const key = variable?.[1];
  return key === undefined ? null : { kind: 'variable', key };
}

function unknownPlaceholder(expression: string): string {
  const known = NAMES.map((name) => `{{ ${name} }}`).join(', ');
  return `has the unknown placeholder ${quote(`{{ ${expression} }}`)}; known are ${known} and {{ variables.<name> }}`;
}

function describe(part: Exclude<QueryPart, { readonly kind: 'text' }>): string {
  return part.kind === 'variable' ? `variables.${part.key}` : part.name;
}

function valueOf(
  part: Exclude<QueryPart, { readonly kind: 'text' }>,
  values: QueryValues,
): string | null {
  if (part.kind === 'variable') {
    if (!Object.hasOwn(values.variables, part.key)) return null;
    return values.variables[part.key] ?? null;
  }
  return part.name === 'interval' ? oneUnit(values.intervalMs) : values[part.name];
}

/** Not every query language reads 1m30s. */
function oneUnit(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

type Quote = '' | '"' | "'" | '`';

/** The quotes that stand open after `text`. Only back quotes go on to the next line. */
function quoteAfter(text: string, before: Quote): Quote {
  let open = before;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\n' && open !== '`') open = '';
    else if (character === '\\' && open !== '' && open !== '`') at += 1;
    else if (open === '' && (character === '"' || character === "'" || character === '`')) {
      open = character;
    } else if (character === open) open = '';
  }
  return open;
}

function escaped(value: string, within: Quote): string | null {
  if (within === '') return value;
  if (within === '`') return value.includes('`') ? null : value;
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll(within, `\\${within}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
}
