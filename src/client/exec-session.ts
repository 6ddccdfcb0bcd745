// One command in a pod, from the opened WebSocket to its exit, the deadline, or the loss of the connection.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ping } from 'undici';
import type { Clock, Ticker, Timer } from '../clock/clock.ts';
import type { ExecOutcome } from './client.ts';
import { exitCodeOf, Received, sizeFrame, stdinFrames } from './exec-channels.ts';
import type { Upgrade } from './exec-upgrade.ts';
import { brokenError } from './failure.ts';

export interface SessionOptions {
  readonly clock: Clock;
  readonly attempt: string;
  readonly stdin: Uint8Array | null;
  readonly tty: { readonly columns: number; readonly rows: number } | null;
  readonly outputBytesMax: number;
  /** Called when the server has agreed. */
  readonly opened: () => void;
}

/** The connection is asked for a sign of life this often, and is lost after so long without any. */
const PING_MS = 5_000;
const SILENCE_MS = 15_000;
/** At the deadline: a command that runs on is told from a connection that died by an answer within this time. */
const LAST_PING_MS = 2_000;
/** The server closes once it has told how the command ended. */
const CLOSING_MS = 1_000;

const PONG = 'undici:websocket:pong';

export class ExecSession {
  readonly ended: Promise<ExecOutcome>;
  readonly #upgrade: Upgrade;
  readonly #options: SessionOptions;
  readonly #received: Received;
  readonly #settle: PromiseWithResolvers<ExecOutcome>;
  #open = false;
  #heardAtMs: number;
  #late = false;
  #ticker: Ticker | null = null;
  #timer: Timer | null = null;

  constructor(upgrade: Upgrade, options: SessionOptions) {
    this.#upgrade = upgrade;
    this.#options = options;
    this.#received = new Received(options.outputBytesMax);
    this.#settle = Promise.withResolvers();
    this.ended = this.#settle.promise;
    this.#heardAtMs = options.clock.monotonicMs();
    const { socket } = upgrade;
    socket.addEventListener('open', () => this.#begin());
    socket.addEventListener('message', ({ data }: { readonly data: unknown }) => this.#take(data));
    socket.addEventListener('close', () => this.#closed());
    subscribe(PONG, this.#pong);
  }

  /** Whether the server has agreed. */
  get open(): boolean {
    return this.#open;
  }

  /** The time for the command is over: ends as `unfinished` if the connection shows that it lives, else as broken. */
  timeOut(): void {
    if (!this.#open) {
      this.fail(brokenError(this.#options.attempt, undefined, 'the server did not answer in time'));
      return;
    }
    this.#late = true;
    this.#timer?.stop();
    this.#timer = this.#options.clock.newTimer(LAST_PING_MS, () => this.#silent(LAST_PING_MS));
    ping(this.#upgrade.socket);
  }

  fail(error: unknown): void {
    // Settled first: to end the connection is to be told at once that it is closed.
    this.#settle.reject(error);
    this.#end();
  }

  #begin(): void {
    const { clock, stdin, tty, opened } = this.#options;
    const { socket } = this.#upgrade;
    this.#open = true;
    this.#heard();
    opened();
    if (tty !== null) socket.send(sizeFrame(tty));
    if (stdin !== null) for (const frame of stdinFrames(stdin)) socket.send(frame);
    this.#ticker = clock.newTicker(PING_MS, () => {
      const silentMs = clock.since(this.#heardAtMs);
      if (silentMs >= SILENCE_MS) this.#silent(silentMs);
      else ping(socket);
    });
  }

  #take(data: unknown): void {
    this.#heard();
    if (!(data instanceof ArrayBuffer)) return;
    this.#received.take(new Uint8Array(data));
    if (this.#received.status() === null || this.#late) return;
    this.#timer ??= this.#options.clock.newTimer(CLOSING_MS, () => this.#closed());
  }

  readonly #pong = (message: unknown): void => {
    const { websocket } = message as { readonly websocket: unknown };
    if (websocket !== this.#upgrade.socket) return;
    this.#heard();
    // What came in time stands, even if the pong overtakes the close.
    if (this.#late && this.#received.status() === null)
      this.#finish({ kind: 'unfinished', ...this.#received.output });
    else if (this.#late) this.#closed();
  };

  #heard(): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
  }

  #silent(silentMs: number): void {
    const { attempt } = this.#options;
    this.fail(brokenError(attempt, undefined, `not a sign of life for ${silentMs} ms`));
  }

  #closed(): void {
    const { attempt } = this.#options;
    const status = this.#received.status();
    if (status === null) {
      const words = this.#open ? 'the connection ended before the command' : 'no connection';
      this.fail(brokenError(attempt, this.#upgrade.failure(), words));
      return;
    }
    try {
      const exitCode = exitCodeOf(attempt, status);
      this.#finish({ kind: 'exited', exitCode, ...this.#received.output });
    } catch (error) {
      this.fail(error);
    }
  }

  #finish(outcome: ExecOutcome): void {
    this.#settle.resolve(outcome);
    this.#end();
  }

  #end(): void {
    this.#ticker?.stop();
    this.#timer?.stop();
    unsubscribe(PONG, this.#pong);
    this.#upgrade.destroy();
  }
}
