// Reads the command line, finds the command, and says what went wrong in words.
import { parseArgs } from 'node:util';
import { ConfigError } from '../client/cluster-config.ts';
import { ApiError } from '../client/errors.ts';
import { type Command, type Flag, type Invocation, UsageError } from './command.ts';
import { VERSION } from './version.ts';

export type Surroundings = Pick<Invocation, 'environment' | 'print' | 'complain' | 'signal'>;

const HELP: Readonly<Record<string, Flag>> = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
};

/** Exit codes: 0 done, 1 failed, 2 wrong usage; the controller has its own. */
export async function runCommandLine(
  commands: readonly Command[],
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    surroundings.print(overview(commands));
    return name === undefined ? 2 : 0;
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
      args: [...words],
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

function complain(error: unknown, command: Command, { complain: print }: Surroundings): number {
  const code = (error as { readonly code?: unknown }).code;
  const misread = typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
  if (error instanceof UsageError || (misread && error instanceof Error)) {
    print(`serin ${command.name}: ${error.message}\nSee: serin ${command.name} --help\n`);
    return 2;
  }
  if (error instanceof ApiError || error instanceof ConfigError) {
    print(`serin ${command.name}: ${error.message}\n`);
    return 1;
  }
  throw error;
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
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
