// `npm run sim`: the shipped operator on the model cluster, under every single fault at every write, and under seeds of chaos.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import type { KubeObject } from '../src/api/kubernetes.ts';
import { type Fault, MODES } from '../src/sim/run/faults.ts';
import { type Journey, JOURNEYS, walk } from '../src/sim/run/journey.ts';
import { draw, type Draw } from '../src/sim/run/swarm.ts';
import { faultsOf } from '../src/sim/run/verdict.ts';
import { createKinds } from '../src/sim/store/kinds.ts';

const USAGE = `npm run sim -- [--plan enumerated|swarm|all] [--journey TEXT] [--seeds N] [--from N]

Walks the reference journeys on a model cluster in this process, on a virtual clock. A run is a pure function of the code, its
seed and its plan of faults.

  --plan PLAN      enumerated: one fault in each of four modes at each write of each journey
                   swarm: each seed draws its faults, its outages and its pace
                   all (default): both
  --journey TEXT   only journeys whose name contains this
  --seeds N        of the swarm, default 300
  --from N         first seed, default 1
  --help

Exit code: 0 all was as without faults, 1 something was not, 2 wrong use.
`;

interface Row {
  readonly plan: string;
  readonly journey: string;
  runs: number;
  broken: number;
  struck: number;
}

const { values } = parseArgs({
  options: {
    plan: { type: 'string', default: 'all' },
    journey: { type: 'string', default: '' },
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const [seeds, from] = [Number(values.seeds), Number(values.from)];
const journeys = JOURNEYS.filter(({ name }) => name.includes(values.journey));
const known = ['enumerated', 'swarm', 'all'].includes(values.plan);
if (
  !known ||
  journeys.length === 0 ||
  !Number.isSafeInteger(seeds) ||
  !Number.isSafeInteger(from)
) {
  process.stderr.write(USAGE);
  process.exit(2);
}

const kinds = createKinds(
  globSync(join(import.meta.dirname, '../crds/serin.dev_*.yaml')).map(
    (file) => parse(readFileSync(file, 'utf8')) as KubeObject,
  ),
);
const startMs = performance.now();
const rows: Row[] = [];
if (values.plan !== 'swarm') for (const journey of journeys) rows.push(await enumerated(journey));
if (values.plan !== 'enumerated') rows.push(...(await swarm()));
const runs = rows.reduce((sum, row) => sum + row.runs, 0);
const broken = rows.reduce((sum, row) => sum + row.broken, 0);
console.table(rows);
const seconds = (performance.now() - startMs) / 1000;
console.info(`${runs} runs in ${seconds.toFixed(1)} s, ${broken} broken`);
process.exitCode = broken === 0 ? 0 : 1;

async function enumerated(journey: Journey): Promise<Row> {
  const row: Row = { plan: 'enumerated', journey: journey.name, runs: 0, broken: 0, struck: 0 };
  const { writes } = await walk(journey, { kinds, seed: 1 });
  for (let write = 1; write <= writes; write += 1) {
    for (const mode of MODES) await judged(row, journey, { seed: 1, plan: [{ write, mode }] });
    process.stderr.write(`${journey.name}: write ${write} of ${writes}\n`);
  }
  return row;
}

async function swarm(): Promise<readonly Row[]> {
  const all = journeys.map(
    ({ name }): Row => ({ plan: 'swarm', journey: name, runs: 0, broken: 0, struck: 0 }),
  );
  for (let seed = from; seed < from + seeds; seed += 1) {
    const [journey, row] = [journeys[seed % journeys.length], all[seed % journeys.length]];
    if (journey === undefined || row === undefined) continue;
    await judged(row, journey, { seed, ...draw(seed) });
    if (seed % 100 === 0) process.stderr.write(`seed ${seed} of ${from + seeds - 1}\n`);
  }
  return all;
}

async function judged(
  row: Row,
  journey: Journey,
  how: { readonly seed: number; readonly plan: readonly Fault[] } & Partial<Draw>,
): Promise<void> {
  row.runs += 1;
  const told = { journey: journey.name, ...how };
  try {
    const end = await walk(journey, { kinds, ...how });
    row.struck += end.struck.length;
    const faults = faultsOf(journey, end);
    if (faults.length === 0) return;
    row.broken += 1;
    console.error(
      `BROKEN ${faults.join('; ')}: ${JSON.stringify(told)} ended ${JSON.stringify(end)}`,
    );
  } catch (error) {
    row.broken += 1;
    console.error(`BROKEN ${String(error)}: ${JSON.stringify(told)}`);
  }
}
