// The shipped operator as a program on the node, for one namespace; it can be killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../cluster/until.ts';
import { endWithUs } from './children.ts';
import { kubeconfigOfNode, PROMETHEUS } from './node.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface OperatorOptions {
  readonly namespace: string;
  /** Default: the node's own. */
  readonly prometheus?: string;
  /** The one-file operator (tools/bundle.ts); default: $SERIN_BUNDLE, else `bin/serin` from the sources. */
  readonly bundle?: string;
  /** Further flags, each a whole word. */
  readonly flags?: readonly string[];
}

export class NodeOperator implements AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-operator-'));
  readonly #options: OperatorOptions;
  #child: ChildProcess | null = null;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const admin = readFileSync(kubeconfigOfNode(), 'utf8');
    writeFileSync(this.#kubeconfig, admin.replace('admin-token', 'operator-token'));
    writeFileSync(this.#logFile, '');
  }

  /** Everything that it said, over all its lives. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Resolves when its caches are filled. */
  async start(): Promise<void> {
    const { namespace, prometheus = PROMETHEUS } = this.#options;
    const before = this.log.length;
    const log = openSync(this.#logFile, 'a');
    const flags = {
      kubeconfig: this.#kubeconfig,
      namespace,
      'metrics-server': prometheus,
      port: '0',
      'log-level': 'debug',
    };
    const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    words.push(...(this.#options.flags ?? []));
    const [program, ...first] = this.#program();
    this.#child = spawn(program, [...first, 'controller', ...words], {
      stdio: ['ignore', log, log],
      env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    });
    endWithUs(this.#child);
    closeSync(log);
    const ready = () => this.log.slice(before).includes('operator is ready');
    await until('the operator to be ready', ready, { limitMs: 60_000 });
  }

  /** Ends it and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #program(): readonly [string, ...string[]] {
    const { bundle = process.env['SERIN_BUNDLE'] } = this.#options;
    return bundle === undefined ? [join(ROOT, 'bin/serin')] : [process.execPath, bundle];
  }

  get #kubeconfig(): string {
    return join(this.#dir, 'kubeconfig');
  }

  get #logFile(): string {
    return join(this.#dir, 'log');
  }
}
