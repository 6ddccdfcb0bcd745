// Prometheus goes away in the middle of a good rollout: that is no verdict, and the rollout waits for it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { until } from '../cluster/until.ts';
import { describeNode, nodeDir } from './node.ts';
import { comeUsers, failed, story } from './users.ts';
import {
  checkedOver,
  initialized,
  release,
  statusOf,
  untilOver,
  untilStatus,
  walk,
} from './walk.ts';

const AWAY_MS = 35_000;

describeNode('a Prometheus that goes away', () => {
  test('holds a good rollout, and once it is back the version is promoted', async () => {
    await using prometheus = new OwnPrometheus();
    await prometheus.start();
    const analysis = { interval: '5s', threshold: 2, metrics: checkedOver('5s') };
    await walk(
      async (on) => {
        await initialized(on, analysis);
        await using users = await comeUsers({ host: on.host });
        await release(on, 'v2');
        await untilStatus(on, 'weight 20', ({ canaryWeight }) => canaryWeight === 20);
        await prometheus.end();
        await pause(AWAY_MS); // the fault itself: far more checks than the threshold
        const held = await statusOf(on);
        await prometheus.start();
        const status = await untilOver(on);
        const summary = await users.leave();
        console.info(
          `held at ${held.canaryWeight} by: ${held.measurements.map(({ message }) => message).join('; ')}; ${status.phase}, ${story(summary)}`,
        );
        expect(held.phase).toBe('Progressing');
        expect([20, 30]).toContain(held.canaryWeight);
        expect(held.measurements[0]?.verdict).toBe('unknown');
        expect(status.phase).toBe('Succeeded');
        expect(status.failedChecks).toBe(0);
        expect(failed(summary)).toBe(0);
        expect(summary.failures).toEqual({});
      },
      { prometheus: OwnPrometheus.url },
    );
  }, 240_000);
});

/** One more Prometheus with the node's own configuration: the other journeys keep theirs. */
class OwnPrometheus implements AsyncDisposable {
  static readonly #address = '127.0.0.1:9091';
  static readonly url = `http://${OwnPrometheus.#address}`;
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-prometheus-'));
  #child: ChildProcess | null = null;

  async start(): Promise<void> {
    const flags = [
      `--config.file=${join(nodeDir(), 'conf/prometheus.yaml')}`,
      `--storage.tsdb.path=${this.#dir}`,
      `--web.listen-address=${OwnPrometheus.#address}`,
      '--log.level=error',
    ];
    this.#child = spawn('prometheus', flags, { stdio: 'ignore' });
    await until('Prometheus to be ready', async () => {
      return (await fetch(`${OwnPrometheus.url}/-/ready`)).ok;
    });
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
