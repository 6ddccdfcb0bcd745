// Informers that are shared by their users and end with the last of them.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createInformer, type Informer } from '../../../src/informers/informer.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { InformerPool } from '../../../src/informers/informer-pool.ts';
import { configMaps, ScriptedClient } from './scripted-client.ts';

function rig() {
  const clock = new VirtualClock();
  const cluster = new ScriptedClient();
  const stop = new AbortController();
  const errors: unknown[] = [];
  const pool = new InformerPool((key, error) => void errors.push(key, error), stop.signal);
  const make = () => createInformer({ client: cluster.client, resource: configMaps, clock });
  return { clock, cluster, stop, pool, make, errors };
}

test('users of one key share one watch, which ends with the last of them', async () => {
  const { clock, cluster, pool, make } = rig();
  const informer = pool.acquire('pods', make);
  expect(pool.acquire('pods', make)).toBe(informer);
  await clock.advance(0);
  pool.release('pods');
  await clock.advance(0);
  expect(cluster.watch(1).options.signal.aborted).toBe(false);
  pool.release('pods');
  await pool.stopped();
  expect(cluster.watch(1).options.signal.aborted).toBe(true);
  expect([pool.size, clock.armed]).toEqual([0, 0]);
});

test('a key that is needed again gets a new informer', async () => {
  const { pool, make } = rig();
  const first = pool.acquire('pods', make);
  pool.release('pods');
  expect(pool.acquire('pods', make)).not.toBe(first);
  pool.release('pods');
  await pool.stopped();
});

test('the signal ends all, and no more are made', async () => {
  const { clock, stop, pool, make } = rig();
  pool.acquire('a', make);
  pool.acquire('b', make);
  await clock.advance(0);
  stop.abort(new Error('shutdown'));
  await pool.stopped();
  expect(clock.armed).toBe(0);
  expect(() => pool.acquire('c', make)).toThrow('shutdown');
  pool.release('a');
});

test('a release without an acquire is a mistake of the caller', () => {
  expect(() => rig().pool.release('pods')).toThrow(RangeError);
});

test('an informer that ends by a fault of its own is reported', async () => {
  const { pool, make, errors } = rig();
  const broken: Informer<KubeObject> = { ...make(), run: () => Promise.reject(new Error('a bug')) };
  pool.acquire('pods', () => broken);
  await pool.stopped();
  expect(errors).toEqual(['pods', new Error('a bug')]);
});
