// The shipped operator on the model cluster: the whole way from a new image to promoted or rolled back.
import { expect, test } from 'vitest';
import { ModelCluster } from '../../../../src/sim/run/model-cluster.ts';
import { Replica } from '../../../../src/sim/run/replica.ts';
import { APP, imageOf, openShop, release, SHOP, statusOf } from '../../../../src/sim/run/shop.ts';
import { kinds } from './kinds.ts';

async function opened(seed: number, errorRate: number) {
  const cluster = new ModelCluster({ seed, kinds });
  openShop(cluster);
  const replica = new Replica({ cluster });
  const users = cluster.bringUsers({
    namespace: SHOP,
    apex: APP,
    perSecond: 100,
    truth: (image) => ({ errorRate: image === 'web:2' ? errorRate : 0, latencyMs: 10 }),
  });
  const phase = (wanted: string, limitMs = 300_000) =>
    cluster.until(() => statusOf(cluster).phase === wanted, limitMs);
  expect(await phase('Initialized')).toBe(true);
  return { cluster, replica, users, phase };
}

test('a good version is promoted, and no request fails', async () => {
  const { cluster, users, phase } = await opened(1, 0);
  await cluster.clock.advance(30_000);
  const fromMs = cluster.clock.monotonicMs();
  release(cluster, 'web:2');
  expect(await phase('Succeeded')).toBe(true);
  const tookMs = cluster.clock.since(fromMs);
  expect(imageOf(cluster, 'web-primary')).toBe('web:2');
  expect(users.total(fromMs, cluster.clock.monotonicMs()).failed).toBe(0);
  expect(tookMs).toBeLessThan(40_000);
});

test('a version with errors is rolled back after three checks', async () => {
  const { cluster, users, phase } = await opened(2, 0.3);
  await cluster.clock.advance(30_000);
  const fromMs = cluster.clock.monotonicMs();
  release(cluster, 'web:2');
  expect(await phase('Failed')).toBe(true);
  expect(statusOf(cluster).failedChecks).toBe(3);
  expect(imageOf(cluster, 'web-primary')).toBe('web:1');
  const { failed } = users.total(fromMs, cluster.clock.monotonicMs());
  expect(failed).toBeGreaterThan(100);
  expect(failed).toBeLessThan(300);
});
