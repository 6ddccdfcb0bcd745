// What a command of `serin` is: a name, a line of help, flags, and what it does with them.
import type { ParseArgsOptionDescriptor } from 'node:util';

export interface Flag extends ParseArgsOptionDescriptor {
  readonly help: string;
  /** Shown in the help: NAME, DURATION, ... Absent for switches. */
  readonly value?: string;
}

export interface Invocation {
  readonly flags: Readonly<
    Record<string, string | boolean | readonly (string | boolean)[] | undefined>
  >;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface Command {
  readonly name: string;
  /** As in `serin NAME <usage>`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Gives the exit code. */
  run(invocation: Invocation): Promise<number>;
}

/** Wrong words on the command line: exit code 2, with the help beside it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const CONNECTION_FLAGS = {
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    help: 'path of a kubeconfig (default: $KUBECONFIG, ~/.kube/config, in-cluster)',
  },
  context: {
    type: 'string',
    value: 'NAME',
    help: "context of the kubeconfig (default: the file's current one)",
  },
  master: {
    type: 'string',
    value: 'URL',
    help: "address of the API server, in place of the kubeconfig's",
  },
} as const satisfies Readonly<Record<string, Flag>>;

export function text(invocation: Invocation, flag: string): string | undefined {
  const value = invocation.flags[flag];
  return typeof value === 'string' ? value : undefined;
}

/** Comma-separated, repeated, or both. */
export function texts(invocation: Invocation, flag: string): readonly string[] {
  const value = invocation.flags[flag];
  const given = Array.isArray(value) ? value : [value];
  return given
    .filter((each) => typeof each === 'string')
    .flatMap((each) => each.split(','))
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

export function number(
  invocation: Invocation,
  flag: string,
  bounds: { readonly min: number; readonly max: number },
): number {
  const given = text(invocation, flag) ?? '';
  const value = Number(given);
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    throw new UsageError(
      `--${flag} must be a whole number from ${bounds.min} to ${bounds.max}, not ${JSON.stringify(given)}`,
    );
  }
  return value;
}

export function switched(invocation: Invocation, flag: string): boolean {
  const value = invocation.flags[flag];
  return value === true || value === 'true';
}
