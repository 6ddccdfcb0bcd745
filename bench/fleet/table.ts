// The table that is printed at the end: Markdown that can be read as it stands, too.
import type { Line } from './parts.ts';

const HEADS = ['what', 'Flagger 1.44', 'Argo Rollouts 1.10', 'to reach', 'measured', ''] as const;

export function tableOf(lines: readonly Line[]): string {
  const rows = lines.map(({ what, flagger, argo, toReach, measured, reached }) => [
    what,
    flagger,
    argo,
    toReach,
    measured,
    reached === null ? '' : reached ? 'reached' : 'MISSED',
  ]);
  const widths = HEADS.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(HEADS), rule, ...rows.map(line), ''].join('\n');
}
