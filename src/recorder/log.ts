// The log: one JSON object a line to stdout, constant messages with fields, secrets and control characters kept out.
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { Clock } from '../clock/clock.ts';
import { microTime } from '../clock/time-format.ts';
import { fitText } from './visible-text.ts';

export type LogFields = Readonly<Record<string, unknown>>;

/** `message` is constant, what varies goes into `fields`; so lines can be searched and counted. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log whose lines all carry these fields too. */
  child(fields: LogFields): Log;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_ENCODINGS = ['json', 'console'] as const;
export type LogEncoding = (typeof LOG_ENCODINGS)[number];

export interface LogOptions {
  readonly clock: Clock;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** `json` for machines, `console` for people. Default `json`. */
  readonly encoding?: LogEncoding;
  /** Takes each finished line, with its newline. Default: stdout, written at once so that a crash loses nothing. */
  readonly write?: (line: string) => void;
}

const TEXT_BYTES_MAX = 4096;
const DEPTH_MAX = 6;
/** Values in one line, at all depths. */
const VALUES_MAX = 200;
const HIDDEN = '[redacted]';
/** Whole keys or their last word: `token`, `bearerToken`, `x-auth-token`; but not `secretName` or `tokenFile`. */
const SECRET_KEY = /(?:token|password|passwd|authorization|secret|api[-_]?key|cookie)$/i;

export function createLog(options: LogOptions): Log {
  const { clock, level = 'info', encoding = 'json', write } = options;
  const sink: DestinationStream =
    write === undefined ? destination({ fd: 1, sync: true }) : { write };
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${microTime(clock.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    encoding === 'json' ? sink : { write: (line) => sink.write(forConsole(line)) },
  );
  return wrap(logger);
}

function wrap(logger: Logger): Log {
  const at =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void => {
      if (logger.isLevelEnabled(level)) logger[level](safeFields(fields), message);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(safeFields(fields))),
  };
}

/** A log that says nothing. */
export const SILENT: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => SILENT,
};

/** The fields as they may be written: bounded, visible, and without the values of secret keys. */
export function safeFields(fields: LogFields): Record<string, unknown> {
  return safeRecord(fields, 0, { left: VALUES_MAX });
}

interface Budget {
  left: number;
}

function safeRecord(record: object, depth: number, budget: Budget): Record<string, unknown> {
  const entries = Object.entries(record).slice(0, Math.max(0, budget.left));
  // fromEntries defines own properties, so a field named __proto__ stays a field.
  return Object.fromEntries(
    entries.map(([key, value]) => [
      fitText(key, 256),
      SECRET_KEY.test(key) && value !== null && value !== undefined
        ? HIDDEN
        : safeValue(value, depth + 1, budget),
    ]),
  );
}

function safeValue(value: unknown, depth: number, budget: Budget): unknown {
  budget.left -= 1;
  if (typeof value === 'string') return fitText(value, TEXT_BYTES_MAX);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX || budget.left < 0) return '[cut]';
  if (value instanceof Error) return safeError(value, depth, budget);
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value.slice(0, Math.max(0, budget.left));
    return items.map((item) => safeValue(item, depth + 1, budget));
  }
  return safeRecord(value, depth, budget);
}

/** Our own errors say what happened by message and cause; only a surprise (no `retry`) needs its stack. */
function safeError(error: Error, depth: number, budget: Budget): Record<string, unknown> {
  const fields: Record<string, unknown> = {
    name: fitText(error.name, 256),
    message: fitText(error.message, TEXT_BYTES_MAX),
  };
  if ('code' in error) fields['code'] = safeValue(error.code, depth + 1, budget);
  if (!('retry' in error) && error.stack !== undefined) {
    fields['stack'] = fitText(error.stack, TEXT_BYTES_MAX);
  }
  if (error.cause !== undefined) fields['cause'] = safeValue(error.cause, depth + 1, budget);
  return fields;
}

/** `2026-01-01T00:00:00.000000Z INFO  weight set canary=shop/web weight=10`. */
function forConsole(line: string): string {
  const { level, time, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const told = Object.entries(fields).map(([key, value]) => `${key}=${consoleValue(value)}`);
  return `${[time, String(level).toUpperCase().padEnd(5), message, ...told].join(' ')}\n`;
}

function consoleValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
