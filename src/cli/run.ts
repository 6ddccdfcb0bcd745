// Reads the command line, finds the command, and says what went wrong in words.
import { parseArgs } from 'node:util';
import { ConfigError } from '../client/cluster-config.ts';
import { ApiError } from '../client/errors.ts';
import { type Command, CommandError, type Flag, type Invocation, UsageError } from './command.ts';
import { VERSION } from './version.ts';

export type Surroundings = Pick<
  Invocation,
  'environment' | 'print' | 'complain' | 'columns' | 'signal'
>;

/** What ends a command early: the signal's reason when a person or the system asked for it. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(name: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${name}`);
    this.name = 'Interrupted';
    this.exitCode = name === 'SIGINT' ? 130 : 143;
  }
}

const HELP: Readonly<Record<string, Flag>> = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
};

/** Exit codes: see EXIT in command.ts; 130 and 143 after SIGINT and SIGTERM; the controller has its own. */
export async function runCommandLine(
  commands: readonly Command[],
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    surroundings.complain(overview(commands));
    return 2;
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    const about = commands.find((each) => each.name === rest[0]);
    surroundings.print(about === undefined ? overview(commands) : helpOf(about));
    return 0;
  }
  if (name === 'version' || name === '--version') {
    surroundings.print(`serin ${VERSION}\n`);
    return 0;
  }
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    surroundings.complain(
      `serin: there is no command ${JSON.stringify(name)}\n\n${overview(commands)}`,
    );
    return 2;
  }
  return invoke(command, rest, surroundings);
}

async function invoke(
  command: Command,
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: plainSwitches(words, command.flags),
      options: { ...command.flags, ...HELP },
      allowPositionals: true,
      strict: true,
    });
    if (values['help'] === true) {
      surroundings.print(helpOf(command));
      return 0;
    }
    return await command.run({ ...surroundings, flags: values, arguments: positionals });
  } catch (error) {
    return complain(error, command, surroundings);
  }
}

/** `--switch=true` and `--switch=false`, as Go's flags have them; the last one counts. */
function plainSwitches(words: readonly string[], flags: Readonly<Record<string, Flag>>): string[] {
  const plain: string[] = [];
  for (const [index, word] of words.entries()) {
    if (word === '--') return [...plain, ...words.slice(index)];
    const [, name = '', value = ''] = /^--([^=]+)=(true|false)$/.exec(word) ?? [];
    if (flags[name]?.type !== 'boolean') {
      plain.push(word);
      continue;
    }
    const without = plain.filter((each) => each !== `--${name}`);
    plain.splice(0, plain.length, ...without, ...(value === 'true' ? [`--${name}`] : []));
  }
  return plain;
}

function complain(error: unknown, command: Command, surroundings: Surroundings): number {
  const { complain: print, signal } = surroundings;
  const code = (error as { readonly code?: unknown }).code;
  const misread = typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
  if (error instanceof UsageError || (misread && error instanceof Error)) {
    print(`serin ${command.name}: ${error.message}\nSee: serin ${command.name} --help\n`);
    return 2;
  }
  if (signal.aborted) return signal.reason instanceof Interrupted ? signal.reason.exitCode : 1;
  if (error instanceof CommandError) {
    print(`serin ${command.name}: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof ApiError || error instanceof ConfigError) {
    print(`serin ${command.name}: ${error.message}${hint(error)}\n`);
    return 1;
  }
  throw error;
}

/** What a person can do about it, where that is known. */
function hint(error: ApiError | ConfigError): string {
  if (!(error instanceof ApiError)) return '';
  if (error.kind === 'not-found' && error.reason !== 'NotFound')
    return "; are Serin's CRDs installed in this cluster?";
  if (error.kind === 'not-found' && error.status?.message.includes('requested resource') === true)
    return "; are Serin's CRDs installed in this cluster?";
  if (error.kind === 'unauthorized') return '; the credentials of the kubeconfig are not accepted';
  return '';
}

const VERSION_COMMAND = { name: 'version', summary: 'print the version of this build' };

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = [...commands, VERSION_COMMAND].map(
    ({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`,
  );
  return `serin: progressive delivery for Kubernetes\n\nUsage: serin COMMAND [flags]\n\nCommands:\n${lines.join('\n')}\n\nserin COMMAND --help tells more of each.\n`;
}

function helpOf(command: Command): string {
  const flags = Object.entries({ ...command.flags, ...HELP }).map(([name, flag]) => {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    const value = flag.value === undefined ? '' : ` ${flag.value}`;
    const fallback =
      flag.default === undefined || flag.default === false || flag.default === ''
        ? ''
        : ` (default: ${String(flag.default)})`;
    return `  ${short}--${name}${value}\n        ${flag.help}${fallback}`;
  });
  return `serin ${command.name}: ${command.summary}\n\nUsage: serin ${command.name} ${command.usage}\n\nFlags:\n${flags.join('\n')}\n`;
}
