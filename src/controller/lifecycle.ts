// The order in which the parts of the operator start and stop, and the one place that says why it ended.
import type { Clock } from '../clock/clock.ts';
import { type Deadline, startDeadline } from '../clock/deadline.ts';
import { orAborted } from '../clock/or-aborted.ts';
import type { Log } from '../recorder/log.ts';

/** Something that starts and stops: server, caches, lease, controllers, recorder. */
export interface Part {
  readonly name: string;
  /** Resolves once the part does its work; has to give up, leaving nothing behind, when the signal ends meanwhile. */
  start(signal: AbortSignal): Promise<Running>;
  /** Longest time for its stop, within what is left of the whole. Default: all that is left. */
  readonly stopLimitMs?: number;
  /** The operator's exit code when the part ends by itself. Default: `partEnded`. */
  readonly endCode?: ExitCode;
}

export interface Running {
  /** Resolves once nothing of the part runs any more; the signal ends when its time is up. */
  stop(signal: AbortSignal): Promise<void>;
  /** Settles if the part ends by itself, which ends the operator: a lost lease, a reflector that cannot go on. */
  readonly ended?: Promise<string>;
}

/** Exit codes of the operator. 2 is left to wrong usage. */
export const EXIT_CODES = {
  /** It was asked to stop and did. */
  stopped: 0,
  /** A second signal, or a fault outside of every part. */
  forced: 1,
  startFailed: 3,
  /** A part ended by itself. */
  partEnded: 4,
  /** It was asked to stop and could not in time. */
  stopLimit: 5,
  /** It led and could not renew its lease, or somebody else took it. */
  leaseLost: 6,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

export interface Exit {
  readonly code: ExitCode;
  /** In words, for the last log line. */
  readonly reason: string;
}

export type Interruption =
  | { readonly kind: 'signal'; readonly name: string }
  /** An exception or rejection that nobody caught. */
  | { readonly kind: 'fault'; readonly error: unknown };

/** Where interruptions come from; returns how to unsubscribe. */
export type Interruptions = (listen: (interruption: Interruption) => void) => () => void;

export interface LifecycleOptions {
  /** In the order of their start; they stop in the reverse one, so what others need comes first. */
  readonly parts: readonly Part[];
  readonly clock: Clock;
  readonly log: Log;
  readonly interruptions: Interruptions;
  /** Ends everything at once, without a return: `process.exit`. */
  readonly exitNow: (exit: Exit) => void;
  /** Longest time for all stops together. Default 30 s. */
  readonly stopLimitMs?: number;
  /** Told of each change: a readiness check may want to know. */
  readonly stage?: (stage: Stage) => void;
}

export type Stage = 'starting' | 'running' | 'stopping' | 'stopped';

interface Started {
  readonly part: Part;
  readonly running: Running;
}

/** Starts the parts, waits until something ends the operator, stops them, and says why. Never rejects. */
export async function runLifecycle(options: LifecycleOptions): Promise<Exit> {
  const { log, clock, stage, stopLimitMs = 30_000 } = options;
  const end = new AbortController();
  const unsubscribe = options.interruptions(interrupts(options, end));
  try {
    stage?.('starting');
    const started = await startAll(options, end);
    if (!end.signal.aborted) {
      stage?.('running');
      log.info({ parts: started.map(({ part }) => part.name) }, 'all parts run');
    }
    await aborted(end.signal);
    const exit = end.signal.reason as Exit;
    stage?.('stopping');
    log.info({ reason: exit.reason, code: exit.code }, 'stopping');
    using limit = startDeadline(clock, stopLimitMs, new AbortController().signal);
    const late = await stopAll(started.toReversed(), options, limit);
    stage?.('stopped');
    return late.length === 0 || exit.code !== EXIT_CODES.stopped
      ? exit
      : { code: EXIT_CODES.stopLimit, reason: `${exit.reason}; not stopped: ${late.join(', ')}` };
  } finally {
    unsubscribe();
  }
}

/** What ends the operator first is why it ended. */
function finish(end: AbortController, exit: Exit): void {
  if (!end.signal.aborted) end.abort(exit);
}

/** The first signal asks. A second one, and any fault, ends at once: after a fault no state is to be trusted. */
function interrupts(
  { log, exitNow }: LifecycleOptions,
  end: AbortController,
): (interruption: Interruption) => void {
  let signals = 0;
  return (interruption) => {
    if (interruption.kind === 'fault') {
      log.error({ error: interruption.error }, 'fault outside of every part');
      exitNow({ code: EXIT_CODES.forced, reason: 'fault outside of every part' });
      return;
    }
    signals += 1;
    const { name } = interruption;
    if (signals === 1) {
      finish(end, { code: EXIT_CODES.stopped, reason: `signal ${name}` });
      return;
    }
    log.warn({ signal: name }, 'second signal');
    exitNow({ code: EXIT_CODES.forced, reason: `second signal (${name})` });
  };
}

/** Starts one after another until one fails or the end has come; returns those that have to be stopped. */
async function startAll(
  options: LifecycleOptions,
  end: AbortController,
): Promise<readonly Started[]> {
  const { parts, log } = options;
  const started: Started[] = [];
  for (const part of parts) {
    if (end.signal.aborted) break;
    try {
      const running = await part.start(end.signal);
      started.push({ part, running });
      watchEnd(part, running, end);
      log.debug({ part: part.name }, 'part runs');
    } catch (error) {
      if (end.signal.aborted) break;
      log.error({ part: part.name, error }, 'part failed to start');
      finish(end, { code: EXIT_CODES.startFailed, reason: `${part.name} failed to start` });
    }
  }
  return started;
}

function watchEnd(part: Part, running: Running, end: AbortController): void {
  const code = part.endCode ?? EXIT_CODES.partEnded;
  const ended = (reason: string) => finish(end, { code, reason });
  running.ended?.then(
    (why) => ended(`${part.name} ended: ${why}`),
    (error: unknown) =>
      ended(`${part.name} failed: ${error instanceof Error ? error.message : String(error)}`),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Stops one after another; returns the names of those that did not make it. */
async function stopAll(
  started: readonly Started[],
  options: LifecycleOptions,
  whole: Deadline,
): Promise<readonly string[]> {
  const { clock, log } = options;
  const late: string[] = [];
  for (const { part, running } of started) {
    const limitMs = Math.min(part.stopLimitMs ?? Number.MAX_SAFE_INTEGER, whole.leftMs());
    using limit = startDeadline(clock, limitMs, whole.signal);
    try {
      // A part that ignores its signal is left behind: the others still have to stop.
      await orAborted(running.stop(limit.signal), limit.signal);
    } catch (error) {
      late.push(part.name);
      log.error({ part: part.name, error }, 'part failed to stop');
    }
  }
  return late;
}

/** SIGTERM, SIGINT and uncaught faults of this process. */
export function ofThisProcess(source: NodeJS.Process): Interruptions {
  return (listen) => {
    const onSignal = (name: NodeJS.Signals) => listen({ kind: 'signal', name });
    const onFault = (error: unknown) => listen({ kind: 'fault', error });
    source.on('SIGTERM', onSignal);
    source.on('SIGINT', onSignal);
    source.on('uncaughtException', onFault);
    source.on('unhandledRejection', onFault);
    return () => {
      source.off('SIGTERM', onSignal);
      source.off('SIGINT', onSignal);
      source.off('uncaughtException', onFault);
      source.off('unhandledRejection', onFault);
    };
  };
}
