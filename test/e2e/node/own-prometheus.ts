// One more Prometheus with the node's own configuration, to be taken away while others keep theirs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../cluster/until.ts';
import { endWithUs } from './children.ts';
import { nodeDir } from './node.ts';

export class OwnPrometheus implements AsyncDisposable {
  readonly url: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-prometheus-'));
  #child: ChildProcess | null = null;

  constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Resolves when it answers. What it has stored survives its end. */
  async start(): Promise<void> {
    const flags = [
      `--config.file=${join(nodeDir(), 'conf/prometheus.yaml')}`,
      `--storage.tsdb.path=${this.#dir}`,
      `--web.listen-address=${new URL(this.url).host}`,
      '--log.level=error',
    ];
    this.#child = spawn('prometheus', flags, { stdio: 'ignore' });
    endWithUs(this.#child);
    await until('Prometheus to be ready', async () => (await fetch(`${this.url}/-/ready`)).ok);
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
