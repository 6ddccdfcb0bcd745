// Big fills and slow handlers must not hold up the rest of the operator: work counts as time here.
import { expect, onTestFinished, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { Clock } from '../../../src/clock/clock.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createInformer } from '../../../src/informers/informer.ts';
import * as say from './scripted-client.ts';
import { ScriptedClient } from './scripted-client.ts';

/** A clock on which work takes time, and that knows the longest stretch between two turns of the event loop. */
class WorkClock {
  readonly time = new VirtualClock();
  longestMs = 0;
  #workedMs = 0;
  #stretchMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
    this.#stretchMs += ms;
    this.longestMs = Math.max(this.longestMs, this.#stretchMs);
  }

  get clock(): Clock {
    const { time } = this;
    return {
      now: () => time.now(),
      monotonicMs: () => time.monotonicMs() + this.#workedMs,
      since: (startMs) => time.monotonicMs() + this.#workedMs - startMs,
      sleep: (delayMs, signal) => {
        this.#stretchMs = 0;
        return time.sleep(delayMs, signal);
      },
      after: (delayMs) => time.after(delayMs),
      newTimer: (delayMs, fire) => time.newTimer(delayMs, fire),
      newTicker: (periodMs, fire) => time.newTicker(periodMs, fire),
    };
  }
}

function start(costs: { readonly storeMs: number; readonly tellMs: number }) {
  const work = new WorkClock();
  const cluster = new ScriptedClient();
  const told: string[] = [];
  const informer = createInformer({
    client: cluster.client,
    resource: say.configMaps,
    clock: work.clock,
    transform: (object) => {
      work.work(costs.storeMs);
      return object;
    },
  });
  const tell = ({ metadata }: KubeObject): void => {
    work.work(costs.tellMs);
    told.push(metadata.name);
  };
  informer.addHandler({ onAdd: tell, onUpdate: (_old, object) => tell(object) });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { work, cluster, informer, told };
}

const objects = (count: number) => Array.from({ length: count }, (_, i) => say.configMap(`c${i}`));

test('a fill by WatchList lets others have a turn each 5 ms', async () => {
  const { work, cluster, informer } = start({ storeMs: 1, tellMs: 0 });
  await work.time.advance(0);
  cluster.watch(1).send(...objects(100).map(say.added), say.bookmark('10', true));
  await work.time.advance(0);
  expect(informer.store.size).toBe(100);
  expect(work.longestMs).toBeLessThanOrEqual(6);
});

test('a fill by pages lets others have a turn each 5 ms', async () => {
  const { work, cluster, informer } = start({ storeMs: 1, tellMs: 0 });
  await work.time.advance(0);
  cluster.watch(1).fail(say.apiError('invalid', 422));
  await work.time.advance(0);
  cluster.list(1).answer(say.pageOf(objects(100), '10'));
  await work.time.advance(0);
  expect(informer.store.size).toBe(100);
  expect(work.longestMs).toBeLessThanOrEqual(6);
});

test('a slow handler lets others have a turn each 5 ms', async () => {
  const { work, cluster, told } = start({ storeMs: 0, tellMs: 1 });
  await work.time.advance(0);
  cluster.watch(1).send(...objects(100).map(say.added), say.bookmark('10', true));
  await work.time.advance(0);
  expect(told).toHaveLength(100);
  expect(work.longestMs).toBeLessThanOrEqual(6);
});

test('reading pauses while handlers are more than 10,000 changes behind', async () => {
  const { work, cluster, informer } = start({ storeMs: 0, tellMs: 1 });
  await work.time.advance(0);
  const changed = say.configMap('c0', { resourceVersion: '11' });
  cluster
    .watch(1)
    .send(...objects(10_100).map(say.added), say.bookmark('10', true), say.modified(changed));
  await work.time.advance(0);
  expect(informer.store.resourceVersion).toBe('10');
  await work.time.advance(5);
  expect(informer.store.resourceVersion).toBe('11');
});

test('a handler that removes itself is told nothing more', async () => {
  const { work, cluster, informer } = start({ storeMs: 0, tellMs: 0 });
  const told: string[] = [];
  const registration = informer.addHandler({
    onAdd: ({ metadata }) => {
      told.push(metadata.name);
      registration.remove();
    },
  });
  await work.time.advance(0);
  cluster.watch(1).send(...objects(3).map(say.added), say.bookmark('10', true));
  await work.time.advance(0);
  expect(told).toEqual(['c0']);
});
