// `npm run bench`: speed and memory of the bundled operator with a fleet, against a real control plane.
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { bundle, SHIPPED_FLAGS } from './operator.ts';
import { type Line, type Part, PARTS } from './parts.ts';
import { tableOf } from './table.ts';

const HELP = `usage: npm run bench -- [flags]

  --only PART,...   run these parts only
  --n N             Canaries of fleet, verdict and soak (default 200); start has 5 times as many, large 25 times
                    as many Deployments
  --minutes M       length of the soak (default 30)
  --json OUT        write all that was measured to this file
  --node-flag FLAG  a flag for the operator's Node, in place of the image's; may be given several times
  --bundle FILE     the operator to measure (default: built from this folder)
  --help

Parts, and what they measure; all but the last run by default, in about 15 minutes on two calm cores:
${PARTS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join('\n')}

Exit code: 0 when every limit is reached, 1 when one is missed, 2 when a part failed or the flags are wrong.
`;

interface Outcome {
  readonly part: string;
  readonly seconds: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly lines: readonly Line[];
}

const started = performance.now();

function say(words: string): void {
  const at = ((performance.now() - started) / 1000).toFixed(0).padStart(5);
  process.stderr.write(`${at} s  ${words}\n`);
}

async function main(): Promise<number> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  using built = flags.bundle === undefined ? await bundle() : null;
  const file = flags.bundle ?? built?.file ?? '';
  const outcomes: Outcome[] = [];
  for (const part of flags.parts) {
    outcomes.push(await outcomeOf(part, file, flags));
    // After each part: who stops it here keeps what was measured.
    if (flags.json !== undefined) writeFileSync(flags.json, jsonOf(outcomes, flags));
  }
  const lines = outcomes.flatMap((outcome) => outcome.lines);
  process.stdout.write(tableOf(lines));
  for (const { part, error } of outcomes)
    if (error !== undefined) process.stdout.write(`\n${part} FAILED: ${error}\n`);
  if (outcomes.some(({ error }) => error !== undefined)) return 2;
  return lines.some(({ reached }) => reached === false) ? 1 : 0;
}

type Flags = Exclude<ReturnType<typeof flagsOf>, 'help'>;

async function outcomeOf(part: Part, file: string, flags: Flags): Promise<Outcome> {
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 1000);
  say(`part ${part.name}`);
  try {
    const options = {
      bundle: file,
      nodeFlags: flags.nodeFlags,
      say: (words: string) => say(`${part.name}: ${words}`),
    };
    const { result, lines } = await part.run(options, flags);
    return { part: part.name, seconds: seconds(), result, lines };
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`part ${part.name} failed: ${words}`);
    return { part: part.name, seconds: seconds(), error: words, lines: [] };
  }
}

function flagsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      n: { type: 'string', default: '200' },
      minutes: { type: 'string', default: '30' },
      json: { type: 'string' },
      bundle: { type: 'string' },
      'node-flag': { type: 'string', multiple: true, default: [...SHIPPED_FLAGS] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const names = values.only?.split(',');
  const unknown = names?.filter((name) => PARTS.every((part) => part.name !== name)) ?? [];
  if (unknown.length > 0) throw new RangeError(`there is no part ${unknown.join(', ')}`);
  const { n, minutes, json, bundle: file } = values;
  return {
    parts: PARTS.filter(({ name, onlyByName }) => names?.includes(name) ?? onlyByName !== true),
    count: positive('--n', n),
    minutes: positive('--minutes', minutes),
    json,
    bundle: file,
    nodeFlags: values['node-flag'],
  };
}

function positive(flag: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new RangeError(`${flag} is a number above 0, not ${value}`);
  return number;
}

function jsonOf(outcomes: readonly Outcome[], flags: Flags): string {
  const machine = {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? '',
    memoryMb: Math.round(totalmem() / 2 ** 20),
    node: process.version,
  };
  const { count, nodeFlags } = flags;
  const at = new Date().toISOString();
  return `${JSON.stringify({ at, machine, count, nodeFlags, outcomes }, null, 2)}\n`;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
