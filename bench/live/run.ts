// Walks scenarios on the node: those that disturb nobody side by side, the others alone; a failed one stops nothing.
import type { Ground } from './ground.ts';
import type { Measured, Scenario } from './scenario.ts';

export type Turn =
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: 'broken'; readonly reason: string };

export interface Outcome {
  readonly scenario: Scenario;
  /** In the order in which they were walked. */
  readonly turns: readonly Turn[];
}

export interface RunOptions {
  /** Overrides the scenarios' own. */
  readonly times: number | null;
  /** Scenarios at once. */
  readonly sideBySide: number;
  readonly signal: AbortSignal;
}

interface Job {
  readonly scenario: Scenario;
  readonly turn: number;
}

export async function runAll(
  scenarios: readonly Scenario[],
  ground: Ground,
  options: RunOptions,
): Promise<readonly Outcome[]> {
  const turns = new Map<Scenario, Turn[]>(scenarios.map((scenario) => [scenario, []]));
  const jobs: Job[] = scenarios.flatMap((scenario) =>
    Array.from({ length: options.times ?? scenario.times }, (_, turn) => ({ scenario, turn })),
  );
  const run = async ({ scenario, turn }: Job): Promise<void> => {
    if (options.signal.aborted) return;
    const name = `${scenario.name} ${turn + 1}`;
    ground.tell(`${name}: begins`);
    const ended = await walked(scenario, ground, turn);
    ground.tell(
      `${name}: ${ended.kind === 'broken' ? `BROKEN: ${ended.reason}` : `${ended.measured.reached ? 'reached' : 'NOT REACHED'}: ${ended.measured.says}`}`,
    );
    turns.get(scenario)?.push(ended);
  };
  for (const job of jobs.filter(({ scenario }) => scenario.alone)) await run(job);
  const waiting = jobs.filter(({ scenario }) => !scenario.alone);
  const lane = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await run(job);
  };
  await Promise.all(Array.from({ length: options.sideBySide }, lane));
  return scenarios.map((scenario) => ({ scenario, turns: turns.get(scenario) ?? [] }));
}

async function walked(scenario: Scenario, ground: Ground, turn: number): Promise<Turn> {
  try {
    return { kind: 'measured', measured: await scenario.run(ground, turn) };
  } catch (error) {
    return { kind: 'broken', reason: error instanceof Error ? error.message : String(error) };
  }
}
