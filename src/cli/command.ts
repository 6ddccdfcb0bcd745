// What a command of `serin` is: a name, a line of help, flags, and what it does with them.
import type { ParseArgsOptionDescriptor } from 'node:util';
import { parseDuration } from '../api/duration.ts';

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
  /** Width of the terminal; null when the output goes elsewhere. */
  readonly columns: number | null;
  readonly signal: AbortSignal;
}

/** Exit codes of all commands but the controller, which has its own. */
export const EXIT = {
  done: 0,
  /** It failed, or the opposite of what was waited for came true. */
  failed: 1,
  usage: 2,
  timedOut: 3,
} as const;

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

/** Something that a command could not do, in words for a person: exit code 1 unless another is given. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
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

/** Of commands that look at one namespace. */
export const CLUSTER_FLAGS = {
  ...CONNECTION_FLAGS,
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    help: "namespace (default: the context's)",
  },
} as const satisfies Readonly<Record<string, Flag>>;

/** The one argument that names a Canary; `canary/NAME` is taken too. */
export function canaryName(invocation: Invocation): string {
  const [name, ...more] = invocation.arguments;
  if (name === undefined) throw new UsageError('which Canary? give its NAME');
  if (more.length > 0) throw new UsageError(`one NAME at a time, not also ${more.join(' ')}`);
  return checkedName(name);
}

export function checkedName(name: string): string {
  const plain = name.replace(/^canar(?:y|ies)(?:\.serin\.dev)?\//, '');
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(plain))
    throw new UsageError(`${JSON.stringify(name)} cannot be the name of a Canary`);
  return plain;
}

/** A flag that is a duration such as 90s or 10m. */
export function duration(invocation: Invocation, flag: string): number {
  const given = text(invocation, flag) ?? '';
  const ms = parseDuration(given);
  if (ms === null)
    throw new UsageError(`--${flag} must be a duration such as 90s or 10m, not "${given}"`);
  return ms;
}

/** A flag that is one of a few words. */
export function oneOf<const V extends string>(
  invocation: Invocation,
  flag: string,
  values: readonly V[],
): V {
  const given = text(invocation, flag);
  const found = values.find((value) => value === given);
  if (found === undefined)
    throw new UsageError(`--${flag} is one of ${values.join(', ')}, not "${given ?? ''}"`);
  return found;
}

/** A flag with at least 8 hex digits of a revision; null when it is not given. */
export function revisionFlag(invocation: Invocation, flag = 'revision'): string | null {
  const given = text(invocation, flag);
  if (given === undefined) return null;
  if (!/^[0-9a-f]{8,64}$/.test(given))
    throw new UsageError(`--${flag} takes 8 to 64 hex digits of a revision, not "${given}"`);
  return given;
}

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
