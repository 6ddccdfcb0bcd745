// Prometheus goes away in the middle of a good rollout: that is no verdict, and the rollout waits for it.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { OwnPrometheus } from './own-prometheus.ts';
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
    await using prometheus = new OwnPrometheus(9091);
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
      { prometheus: prometheus.url },
    );
  }, 240_000);
});
