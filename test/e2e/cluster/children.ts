// The programs of a test cluster as child processes that never outlive the tests, however those end.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

// Each line is the list of the living pids; the last one counts. The pipe ends when the tests are gone, even by SIGKILL.
const WATCHDOG =
  'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids 2>/dev/null; rm -rf -- "$1"';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

export class Children {
  readonly dir: string;
  readonly #living = new Map<string, ChildProcess>();
  readonly #watchdog: ChildProcess;

  private constructor(dir: string) {
    this.dir = dir;
    this.#watchdog = spawn('sh', ['-c', WATCHDOG, 'watchdog', dir], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watchdog.stdin?.on('error', () => undefined);
    this.#watchdog.unref();
  }

  /** `dir` is made, belongs to the children, and goes with them. */
  static async in(dir: string): Promise<Children> {
    await mkdir(join(dir, 'log'), { recursive: true });
    return new Children(dir);
  }

  /** Starts a program under a name; its output goes to `<dir>/log/<name>.log`. */
  start(name: string, command: Command): void {
    if (this.#living.has(name)) throw new Error(`${name} runs already`);
    const log = openSync(this.#log(name), 'a');
    // A group of its own: an interrupt from the terminal is for the tests, which then stop their children in order.
    const child = spawn(command.program, command.args, {
      cwd: this.dir,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#living.set(name, child);
    child.unref();
    child.once('error', () => this.#gone(name, child));
    child.once('exit', () => this.#gone(name, child));
    this.#tellWatchdog();
  }

  pid(name: string): number {
    const pid = this.#living.get(name)?.pid;
    if (pid === undefined)
      throw new Error(`${name} does not run; its log ends:\n${this.tail(name)}`);
    return pid;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(this.pid(name), signal);
  }

  /** Sends the signal and waits for the end; after 10 s by SIGKILL. A program that does not run is fine. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#living.get(name);
    if (child === undefined) return;
    child.kill(signal);
    child.kill('SIGCONT');
    const over = () => !this.#living.has(name);
    try {
      await until(`the end of ${name}`, over, { limitMs: 10_000, everyMs: 10 });
    } catch {
      child.kill('SIGKILL');
      await until(`the end of ${name}`, over);
    }
  }

  /** Ends everything and removes the folder. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#living.keys()].map((name) => this.stop(name)));
    this.#watchdog.stdin?.end();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  /** The last lines of a log. */
  tail(name: string, lines = 8): string {
    try {
      return readFileSync(this.#log(name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '(no log)';
    }
  }

  #log(name: string): string {
    return join(this.dir, 'log', `${name}.log`);
  }

  #gone(name: string, child: ChildProcess): void {
    if (this.#living.get(name) === child) this.#living.delete(name);
    this.#tellWatchdog();
  }

  #tellWatchdog(): void {
    const pids = [...this.#living.values()].map((child) => child.pid ?? '').join(' ');
    this.#watchdog.stdin?.write(`${pids}\n`);
  }
}
