// The table of a chart's values for its README: names and defaults from values.yaml, words from its comments `# -- ...`.
import { isMap, parseDocument, type Pair, type Scalar, type YAMLMap } from 'yaml';

const START = '<!-- values: made by npm run generate from values.yaml -->';
const END = '<!-- end of values -->';

export interface ChartValue {
  /** Such as `image.tag`. */
  readonly path: string;
  readonly fallback: unknown;
  /** Empty where a comment is missing. */
  readonly words: string;
}

/** The text with the table between its two marks made anew. Throws where the marks are missing. */
export function withValuesTable(readme: string, valuesYaml: string): string {
  const [before, rest] = [readme.split(START)[0] ?? '', readme.split(END)[1]];
  if (rest === undefined || !readme.includes(START))
    throw new Error(`the chart's README.md lacks the line ${START} or ${END}`);
  const rows = chartValues(valuesYaml).map(
    ({ path, fallback, words }) =>
      `| \`${path}\` | \`${JSON.stringify(fallback)}\` | ${words.replaceAll('|', '\\|')} |`,
  );
  const table = ['| Value | Default | |', '|---|---|---|', ...rows].join('\n');
  return `${before}${START}\n\n${table}\n\n${END}${rest}`;
}

/** Every value that has a comment of its own, and every leaf that has none. */
export function chartValues(valuesYaml: string): readonly ChartValue[] {
  const { contents } = parseDocument(valuesYaml);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return valuesOf(contents as YAMLMap<Scalar<string>>, '', contents.commentBefore ?? '');
}

function valuesOf(
  map: YAMLMap<Scalar<string>>,
  prefix: string,
  firstComment: string,
): readonly ChartValue[] {
  return map.items.flatMap((pair: Pair<Scalar<string>>, index) => {
    const path = `${prefix}${pair.key.value}`;
    // The library gives the comment before the first key of a map to the map.
    const comment = pair.key.commentBefore ?? (index === 0 ? firstComment : '');
    const words = wordsOf(comment);
    const { value } = pair;
    if (words === '' && isMap(value) && value.items.length > 0) {
      const inner = value as YAMLMap<Scalar<string>>;
      return valuesOf(inner, `${path}.`, inner.commentBefore ?? '');
    }
    const plain = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null;
    return [{ path, fallback: plain, words }];
  });
}

function wordsOf(comment: string): string {
  const lines = comment.split('\n').map((line) => line.trim());
  const from = lines.findLastIndex((line) => line.startsWith('-- '));
  return from < 0 ? '' : lines.slice(from).join(' ').slice('-- '.length);
}
