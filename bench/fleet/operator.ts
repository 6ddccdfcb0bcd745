// The bundled operator as a process of its own, and what the kernel and its own metrics say of it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../../test/e2e/cluster/until.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The kernel counts CPU time in these, whatever the machine. */
const TICKS_PER_SECOND = 100;
const STOP_LIMIT_MS = 40_000;

/** As the image starts it (Dockerfile), within the memory limit that the chart sets: three quarters of 512 MiB. */
export const SHIPPED_FLAGS: readonly string[] = [
  '--max-old-space-size=384',
  '--max-semi-space-size=2',
  '--optimize-for-size',
];

/** Builds the one file that is shipped, into a folder of its own; gives its path. */
export async function bundle(): Promise<{ readonly file: string } & Disposable> {
  const dir = mkdtempSync(join(tmpdir(), 'serin-bundle-'));
  const file = join(dir, 'serin.mjs');
  await promisify(execFile)(process.execPath, [join(ROOT, 'tools/bundle.ts'), file], { cwd: ROOT });
  return { file, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface OperatorOptions {
  readonly bundle: string;
  readonly kubeconfig: string;
  readonly flags?: readonly string[];
  readonly nodeFlags?: readonly string[];
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
}

/** Starts it. Its log is kept until it is disposed of. */
export class Operator implements AsyncDisposable {
  readonly startedAt = performance.now();
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-operator-'));
  readonly #child: ChildProcess;

  constructor({ bundle: file, kubeconfig, flags = [], nodeFlags = [] }: OperatorOptions) {
    const log = openSync(join(this.#dir, 'log'), 'a');
    const own = ['controller', '--kubeconfig', kubeconfig, '--mesh-provider', 'nginx'];
    this.#child = spawn(
      process.execPath,
      [...nodeFlags, file, ...own, '--port', '0', '--egress-allow-loopback', ...flags],
      {
        cwd: this.#dir,
        stdio: ['ignore', log, log],
        env: { ...process.env, UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2' },
      },
    );
    closeSync(log);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error(`the operator does not run; its log ends:\n${this.tail()}`);
    return pid;
  }

  /** Milliseconds from the start of the process to the first good answer of /readyz. */
  async ready(limitMs: number): Promise<number> {
    const port = await this.#port(limitMs);
    const look = async (): Promise<boolean> => {
      void this.pid;
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    };
    await until('the operator to be ready', look, { limitMs, everyMs: 5 });
    return performance.now() - this.startedAt;
  }

  /** Without labels: the name; with: `name{label="value"}`. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${await this.#port(5_000)}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`the operator has no metric ${name}`);
    return Number(line.slice(name.length + 1));
  }

  usage(): Usage {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const megabytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssMb: megabytes('VmRSS'),
      peakRssMb: megabytes('VmHWM'),
    };
  }

  sockets(): number {
    const { pid } = this;
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  }

  log(): string {
    return readFileSync(join(this.#dir, 'log'), 'utf8');
  }

  tail(lines = 12): string {
    return this.log().trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Asks it to stop, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null;
    try {
      if (!ended()) this.#child.kill('SIGTERM');
      await until('the end of the operator', ended, { limitMs: STOP_LIMIT_MS });
    } finally {
      if (!ended()) this.#child.kill('SIGKILL');
      rmSync(this.#dir, { recursive: true, force: true });
    }
  }

  #port(limitMs: number): Promise<number> {
    const words = 'health and metrics are served';
    const look = (): number | null => {
      void this.pid;
      const line = this.log()
        .split('\n')
        .find((each) => each.includes(words));
      return line === undefined ? null : (JSON.parse(line) as { readonly port: number }).port;
    };
    return until('the operator to serve its metrics', look, { limitMs, everyMs: 5 });
  }
}
