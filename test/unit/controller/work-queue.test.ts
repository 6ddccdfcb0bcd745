// The queue's promises: no key twice at once, none lost, the urgent first, delays on the clock.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { PRIORITIES, type WorkQueueObserver } from '../../../src/controller/work.ts';
import { WorkQueue, type WorkQueueOptions } from '../../../src/controller/work-queue.ts';

const never = new AbortController().signal;

function start(options: Partial<WorkQueueOptions> = {}) {
  const clock = new VirtualClock();
  return { clock, queue: new WorkQueue({ clock, ...options }) };
}

/** What is ready now, taken in order and given back. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.length > 0) {
    const work = await queue.get(never);
    if (work === null) break;
    keys.push(work.key);
    queue.done(work.key);
  }
  return keys;
}

describe('ready keys', () => {
  test('a key that is added many times is given once', async () => {
    const { queue } = start();
    for (let i = 0; i < 5; i++) queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('come in the order in which they were added', async () => {
    const { queue } = start();
    for (const key of ['c', 'a', 'b', 'a']) queue.add(key);
    expect(await takeAll(queue)).toEqual(['c', 'a', 'b']);
  });

  test('a change by a person goes before a promised look, and that before the first listing', async () => {
    const { queue } = start();
    queue.add('listed', 'initial');
    queue.add('promised', 'requeue');
    queue.add('changed', 'user');
    expect(await takeAll(queue)).toEqual(['changed', 'promised', 'listed']);
  });

  test('a duplicate raises the priority and never lowers it', async () => {
    const { queue } = start();
    queue.add('first', 'requeue');
    queue.add('raised', 'initial');
    queue.add('raised', 'user');
    queue.add('raised', 'initial');
    expect(await queue.get(never)).toEqual({ key: 'raised', priority: 'user' });
  });

  test('a key added while it is held is not given to a second worker but again after done', async () => {
    const { queue } = start();
    queue.add('a', 'initial');
    await queue.get(never);
    queue.add('a', 'initial');
    queue.add('a', 'user');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await queue.get(never)).toEqual({ key: 'a', priority: 'user' });
  });

  test('workers that wait are served in turn', async () => {
    const { queue } = start();
    const first = queue.get(never);
    const second = queue.get(never);
    queue.add('a');
    queue.add('b');
    expect((await first)?.key).toBe('a');
    expect((await second)?.key).toBe('b');
  });

  test('a worker that was called off takes no key with it', async () => {
    const { queue } = start();
    const stop = new AbortController();
    const gone = queue.get(stop.signal);
    stop.abort(new Error('stop'));
    await expect(gone).rejects.toThrow('stop');
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
    await expect(queue.get(stop.signal)).rejects.toThrow('stop');
  });

  test('to give back a key that nobody holds is refused', () => {
    expect(() => start().queue.done('a')).toThrow('not held');
  });
});

describe('delays', () => {
  test('a delayed key is ready when its time has come and not before', async () => {
    const { clock, queue } = start();
    queue.addAfter('a', 1000);
    await clock.advance(999);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await queue.get(never)).toEqual({ key: 'a', priority: 'requeue' });
  });

  test('of two delays the earlier wins, in either order', async () => {
    for (const delays of [
      [500, 2000],
      [2000, 500],
    ]) {
      const { clock, queue } = start();
      for (const delayMs of delays) queue.addAfter('a', delayMs);
      expect(queue.delayed).toBe(1);
      await clock.advance(500);
      expect(await takeAll(queue)).toEqual(['a']);
      await clock.advance(5000);
      expect(queue.length).toBe(0);
    }
  });

  test('a plain add leaves the delayed entry alone', async () => {
    const { clock, queue } = start();
    queue.addAfter('a', 1000);
    queue.add('a');
    expect(await takeAll(queue)).toEqual(['a']);
    await clock.advance(1000);
    expect(await takeAll(queue)).toEqual(['a']);
  });

  test('keys fall due in order of their time, whatever the order of asking', async () => {
    const { clock, queue } = start();
    for (const delayMs of [700, 100, 900, 300]) queue.addAfter(String(delayMs), delayMs);
    await clock.advance(1000);
    expect(await takeAll(queue)).toEqual(['100', '300', '700', '900']);
  });

  test('a delay beyond the reach of a platform timer is kept', async () => {
    const { clock, queue } = start();
    const days = 40 * 24 * 3600 * 1000;
    queue.addAfter('a', days);
    await clock.advance(days - 1);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  test('only finite delays are taken', () => {
    const { queue } = start();
    expect(() => queue.addAfter('a', Number.NaN)).toThrow(RangeError);
    expect(() => queue.addAfter('a', Number.POSITIVE_INFINITY)).toThrow(RangeError);
  });
});

describe('backoff', () => {
  test('doubles from 5 ms to 1000 s and starts again after forget', async () => {
    const { clock, queue } = start();
    const delays: number[] = [];
    const failOnce = async () => {
      queue.addRateLimited('a');
      delays.push(clock.nextShotInMs() ?? -1);
      await clock.advanceToNext(2_000_000);
      await takeAll(queue);
    };
    for (let i = 0; i < 20; i++) await failOnce();
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(1_000_000);
    expect(queue.numRequeues('a')).toBe(20);
    queue.forget('a');
    expect(queue.numRequeues('a')).toBe(0);
    await failOnce();
    expect(delays.at(-1)).toBe(5);
  });

  test('is never less than what a server asked for, within the cap', () => {
    const { clock, queue } = start({ maxDelayMs: 60_000 });
    queue.addRateLimited('a', 'requeue', 7000);
    expect(clock.nextShotInMs()).toBe(7000);
    const other = start({ maxDelayMs: 60_000 });
    other.queue.addRateLimited('a', 'requeue', 10_000_000);
    expect(other.clock.nextShotInMs()).toBe(60_000);
  });

  test('is spread by the jitter that was given', () => {
    const { clock, queue } = start({ jitter: (delayMs) => delayMs * 1.5 });
    queue.addRateLimited('a');
    expect(clock.nextShotInMs()).toBe(7.5);
  });
});

describe('shutting down', () => {
  test('sends waiting workers home and takes nothing more', async () => {
    const { clock, queue } = start();
    const waiting = queue.get(never);
    queue.addAfter('later', 100);
    queue.shutDown();
    expect(await waiting).toBeNull();
    queue.add('a');
    queue.addAfter('a', 1);
    queue.addRateLimited('a');
    await clock.advance(1000);
    expect(queue.length + queue.delayed).toBe(0);
    expect(await queue.get(never)).toBeNull();
    expect(clock.armed).toBe(0);
  });

  test('is drained once the last key is given back', async () => {
    const { queue } = start();
    queue.add('a');
    await queue.get(never);
    queue.add('a');
    queue.shutDown();
    let drained = false;
    const drain = queue.drained(never).then(() => {
      drained = true;
    });
    await Promise.resolve();
    expect(drained).toBe(false);
    queue.done('a');
    await drain;
    expect(queue.length).toBe(0);
  });

  test('a drain that takes too long is ended by its signal', async () => {
    const { queue } = start();
    queue.add('a');
    await queue.get(never);
    const limit = new AbortController();
    const drain = queue.drained(limit.signal);
    limit.abort(new Error('too long'));
    await expect(drain).rejects.toThrow('too long');
  });
});

test('the observer can tell depth, waiting and working time', async () => {
  const seen: unknown[] = [];
  const depths = new Map<string, number>();
  let running = () => ({ unfinishedMs: -1, longestMs: -1 });
  const observer: WorkQueueObserver = {
    attached: (read) => {
      running = read;
    },
    depth: (priority, count) => depths.set(priority, count),
    added: () => seen.push('added'),
    taken: (readyMs) => seen.push(['taken', readyMs]),
    finished: (workMs) => seen.push(['finished', workMs]),
    retried: () => seen.push('retried'),
  };
  const { clock, queue } = start({ observer });
  queue.add('a', 'initial');
  queue.add('a', 'user');
  queue.add('b', 'user');
  expect(Object.fromEntries(depths)).toEqual({ initial: 0, user: 2 });
  await clock.advance(30);
  await queue.get(never);
  await clock.advance(10);
  await queue.get(never);
  await clock.advance(40);
  expect(running()).toEqual({ unfinishedMs: 90, longestMs: 50 });
  queue.done('a');
  queue.addRateLimited('a');
  expect(seen).toEqual([
    'added',
    'added',
    ['taken', 30],
    ['taken', 40],
    ['finished', 50],
    'retried',
  ]);
  expect(Object.fromEntries(depths)).toEqual({ initial: 0, user: 0 });
});

test('whatever is asked in whatever order, no key is held twice and none that was added is lost', async () => {
  const command = fc.record({
    verb: fc.constantFrom('add', 'after', 'limited', 'get', 'done', 'advance'),
    key: fc.constantFrom('a', 'b', 'c'),
    ms: fc.nat(50),
    priority: fc.constantFrom(...PRIORITIES),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const { clock, queue } = start({ maxDelayMs: 100 });
      const held = new Set<string>();
      /** Keys that somebody asked for since they were last taken. */
      const owed = new Set<string>();
      const take = async () => {
        const work = await queue.get(never);
        if (work === null) throw new Error('closed');
        expect(held.has(work.key)).toBe(false);
        held.add(work.key);
        owed.delete(work.key);
      };
      for (const { verb, key, ms, priority } of commands) {
        if (verb === 'add') queue.add(key, priority);
        if (verb === 'after') queue.addAfter(key, ms, priority);
        if (verb === 'limited') queue.addRateLimited(key, priority);
        if (verb === 'add' || verb === 'after' || verb === 'limited') owed.add(key);
        if (verb === 'get' && queue.length > 0) await take();
        if (verb === 'done' && held.delete(key)) queue.done(key);
        if (verb === 'advance') await clock.advance(ms);
      }
      for (const key of held) queue.done(key);
      held.clear();
      await clock.advance(200);
      while (queue.length > 0) {
        await take();
        for (const key of held) queue.done(key);
        held.clear();
      }
      expect([...owed]).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
