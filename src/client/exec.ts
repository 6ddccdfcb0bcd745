// Commands in pods over WebSockets, with the credentials of every other call and connections of their own.
import type { Clock } from '../clock/clock.ts';
import { type Deadline, startDeadline } from '../clock/deadline.ts';
import type { ExecOptions, ExecOutcome, ObjectKey } from './client.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { Connections } from './connections.ts';
import type { Credential } from './credentials.ts';
import { ApiError } from './errors.ts';
import { EXEC_PROTOCOL } from './exec-channels.ts';
import { ExecSession } from './exec-session.ts';
import { type Upgrade, upgrade } from './exec-upgrade.ts';
import { brokenError, invalidCall, refusalError } from './failure.ts';
import { basePath, describeObject, keyFault, objectPath } from './paths.ts';
import { RESOURCES } from './resources.ts';
import type { RequestReport, TransportOptions } from './transport.ts';

const DEADLINE_MS = 30_000;
const OUTPUT_BYTES_MAX = 64 * 1024;
const STDIN_BYTES_MAX = 1024 * 1024;

interface Try {
  readonly attempt: string;
  readonly url: URL;
  readonly options: ExecOptions;
  readonly deadline: Deadline;
  readonly retries: number;
}

export class PodExec implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #config: ClusterConfig;
  readonly #connections: Connections;
  readonly #userAgent: string;
  readonly #onRequest: (report: RequestReport) => void;
  readonly #beforeWrite: () => void;
  readonly #running = new Set<ExecSession>();

  constructor(options: TransportOptions) {
    this.#clock = options.clock;
    this.#config = options.config;
    this.#connections = new Connections(options.config, options.clock, { http2: false });
    this.#userAgent = options.userAgent ?? 'serin';
    this.#onRequest = options.onRequest ?? (() => {});
    this.#beforeWrite = options.beforeWrite ?? (() => {});
  }

  /** Asked once more after 401 if the credential could be renewed; nothing else is tried again. */
  async run(pod: ObjectKey, options: ExecOptions): Promise<ExecOutcome> {
    const attempt = `exec in ${describeObject(RESOURCES.pods, pod)}`;
    const fault = keyFault(RESOURCES.pods, pod) ?? optionsFault(options);
    if (fault !== null) throw invalidCall(attempt, fault);
    options.signal.throwIfAborted();
    const url = this.#url(pod, options);
    using deadline = startDeadline(this.#clock, options.deadlineMs ?? DEADLINE_MS, options.signal);
    for (let retries = 0; ; retries++) {
      const round = { attempt, url, options, deadline, retries };
      const credential = await this.#credential(round);
      // Nobody knows what a command does: it counts as a write.
      this.#beforeWrite();
      try {
        return await this.#once(round, credential);
      } catch (error) {
        if (!(error instanceof ApiError) || error.kind !== 'unauthorized' || retries > 0)
          throw error;
        if (credential === (await this.#credential(round))) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#running)
      session.fail(brokenError('exec', undefined, 'the client is closed'));
    await this.#connections[Symbol.asyncDispose]();
  }

  async #once(round: Try, credential: Credential): Promise<ExecOutcome> {
    const { attempt, options, deadline, retries } = round;
    const opening = this.#open(round, credential);
    const startMs = this.#clock.monotonicMs();
    const report = (code: number) => {
      const seconds = this.#clock.since(startMs) / 1000;
      const { host } = this.#config.server;
      this.#onRequest({ verb: 'exec', method: 'GET', host, code, seconds, bytes: 0, retries });
    };
    const session = new ExecSession(opening, {
      clock: this.#clock,
      attempt,
      stdin: options.stdin ?? null,
      tty: options.tty ?? null,
      outputBytesMax: options.outputBytesMax ?? OUTPUT_BYTES_MAX,
      opened: () => report(101),
    });
    this.#running.add(session);
    const end = () => {
      if (deadline.exceeded) session.timeOut();
      else session.fail(options.signal.reason);
    };
    deadline.signal.addEventListener('abort', end, { once: true });
    if (deadline.signal.aborted) end();
    try {
      return await session.ended;
    } catch (error) {
      options.signal.throwIfAborted();
      const refusal = opening.refusal();
      if (!session.open) report(refusal?.code ?? 0);
      if (refusal === null) throw error;
      if (refusal.code === 401) this.#config.credentials.refuse(credential);
      throw refusalError(attempt, { ...refusal, tested: false }, this.#clock);
    } finally {
      this.#running.delete(session);
      deadline.signal.removeEventListener('abort', end);
    }
  }

  #open({ attempt, url }: Try, credential: Credential): Upgrade {
    try {
      const dispatcher = this.#connections.with(credential.tls);
      const headers = { 'user-agent': this.#userAgent, ...credential.headers };
      return upgrade(dispatcher, { url, protocol: EXEC_PROTOCOL, headers });
    } catch (error) {
      throw brokenError(attempt, error);
    }
  }

  async #credential({ attempt, options, deadline }: Try): Promise<Credential> {
    try {
      return await this.#config.credentials.current(deadline.signal);
    } catch (error) {
      options.signal.throwIfAborted();
      throw brokenError(attempt, error);
    }
  }

  #url(pod: ObjectKey, { command, container, stdin, tty }: ExecOptions): URL {
    const { server } = this.#config;
    const url = new URL(
      `${basePath(server)}${objectPath(RESOURCES.pods, pod, 'exec')}`,
      server.origin,
    );
    for (const word of command) url.searchParams.append('command', word);
    if (container !== undefined) url.searchParams.set('container', container);
    url.searchParams.set('stdin', String(stdin !== undefined));
    url.searchParams.set('stdout', 'true');
    url.searchParams.set('stderr', String(tty === undefined));
    url.searchParams.set('tty', String(tty !== undefined));
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  }
}

function optionsFault({ command, stdin }: ExecOptions): string | null {
  if (command.length === 0 || command[0] === '') return 'there is no command';
  if ((stdin?.length ?? 0) > STDIN_BYTES_MAX) return `stdin is over ${STDIN_BYTES_MAX} bytes`;
  return null;
}
