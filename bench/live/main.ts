// Rollouts under load on the real node, measured at the users and at the status. Started by run.sh, inside of the node.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Ground } from './ground.ts';
import { allReached, jsonOf, tableOf } from './report.ts';
import { runAll } from './run.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/all.ts';

const HELP = `npm run bench:live -- [--scenario NAME]... [--times N] [--side-by-side N] [--json FILE] [--list]

Rollouts under load on a real node: Gateway API through Contour and Envoy, three pods, 100 requests a second, interval 10 s,
weights 10 to 50 by 10, threshold 3, success rate and duration from Prometheus. Progress goes to stderr, the table to stdout.
All scenarios take about half an hour. Needs root on Linux; with NODE_DIR set, the node that runs there is used.

  --scenario NAME     only this one; may be given again (--list prints them)
  --times N           how often each is walked (default: once, but operator-killed five times)
  --side-by-side N    how many of those that disturb nobody at once (default 2; 1 on a slow machine)
  --json FILE         every figure, and the journal of the status
  --list              the names of the scenarios

Exit code: 0 all was reached, 1 something was not, 2 wrong use, 130 called off.
`;

interface Wishes {
  readonly scenarios: readonly Scenario[];
  readonly times: number | null;
  readonly sideBySide: number;
  readonly json: string | null;
}

class WrongUse extends Error {}

function wishesOf(words: readonly string[]): Wishes | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      scenario: { type: 'string', multiple: true },
      times: { type: 'string' },
      'side-by-side': { type: 'string', default: '2' },
      json: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const names = values.scenario ?? SCENARIOS.map(({ name }) => name);
  const unknown = names.filter((name) => !SCENARIOS.some((one) => one.name === name));
  if (unknown.length > 0) throw new WrongUse(`no scenario ${unknown.join(', ')}; see --list`);
  const wishes = {
    scenarios: SCENARIOS.filter(({ name }) => names.includes(name)),
    times: values.times === undefined ? null : positive('--times', values.times),
    sideBySide: positive('--side-by-side', values['side-by-side']),
    json: values.json ?? null,
  };
  // Last: run.sh asks for the list to learn that all else is in order before it starts a node.
  return values.list === true ? 'list' : wishes;
}

function positive(flag: string, text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new WrongUse(`${flag} wants a number from 1 to 999`);
  return Number(text);
}

async function measure({ scenarios, json, ...options }: Wishes): Promise<number> {
  const bundle = process.env['SERIN_BUNDLE'];
  if (bundle === undefined || process.env['SERIN_NODE'] === undefined)
    throw new WrongUse('there is no node: start this by npm run bench:live');
  const startedMs = Date.now();
  const tell = (text: string): void => {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  };
  const ground: Ground = { bundle, tell, standing: new Set(), undisturbed: { tookMs: null } };
  const calledOff = new AbortController();
  const callOff = (): void => {
    if (calledOff.signal.aborted) return;
    calledOff.abort();
    tell('called off: takes down what stands');
    const going = [...ground.standing].map((one) => one[Symbol.asyncDispose]());
    void Promise.allSettled(going).then(() => process.exit(130));
  };
  process.once('SIGINT', callOff).once('SIGTERM', callOff);
  const outcomes = await runAll(scenarios, ground, { ...options, signal: calledOff.signal });
  process.stdout.write(tableOf(outcomes));
  if (json !== null) writeFileSync(json, jsonOf(outcomes, startedMs));
  return allReached(outcomes) ? 0 : 1;
}

try {
  const wishes = wishesOf(process.argv.slice(2));
  if (wishes === 'help') process.stdout.write(HELP);
  else if (wishes === 'list')
    process.stdout.write(SCENARIOS.map(({ name, row }) => `${name}: ${row}\n`).join(''));
  else process.exitCode = await measure(wishes);
} catch (error) {
  const wrongUse = error instanceof WrongUse || error instanceof TypeError;
  process.stderr.write(`${wrongUse ? error.message : String(error)}\n`);
  process.exitCode = wrongUse ? 2 : 1;
}
