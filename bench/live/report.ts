// Outcomes for people, as a Markdown table, and for programs, as JSON.
import { cpus, loadavg } from 'node:os';
import type { Outcome, Turn } from './run.ts';

export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ scenario, turns }) => [
    scenario.row,
    scenario.flagger,
    scenario.goal,
    measuredWords(turns),
  ]);
  return [
    ['scenario', 'Flagger 1.44', 'to reach', 'measured'],
    ['---', '---', '---', '---'],
    ...rows,
  ]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('');
}

function measuredWords(turns: readonly Turn[]): string {
  if (turns.length === 0) return 'not walked';
  return turns
    .map((turn) => {
      if (turn.kind === 'broken') return `**broken**: ${turn.reason.split('\n')[0] ?? ''}`;
      const { reached, says } = turn.measured;
      return reached ? says : `**not reached**: ${says}`;
    })
    .join('; ');
}

/** True when every scenario was walked and reached what it was to reach. */
export function allReached(outcomes: readonly Outcome[]): boolean {
  return outcomes.every(
    ({ turns }) =>
      turns.length > 0 && turns.every((turn) => turn.kind === 'measured' && turn.measured.reached),
  );
}

export function jsonOf(outcomes: readonly Outcome[], startedMs: number): string {
  const json = {
    startedAt: new Date(startedMs).toISOString(),
    tookSeconds: Math.round((Date.now() - startedMs) / 1_000),
    machine: { cpus: cpus().length, model: cpus()[0]?.model ?? '', loadAtEnd: loadavg() },
    scenarios: outcomes.map(({ scenario, turns }) => ({
      name: scenario.name,
      row: scenario.row,
      flagger: scenario.flagger,
      goal: scenario.goal,
      turns: turns.map((turn) =>
        turn.kind === 'broken' ? { broken: turn.reason } : turn.measured,
      ),
    })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
