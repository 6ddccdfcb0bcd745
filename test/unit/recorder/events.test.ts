// Events: told without waiting, written once, counted as a series, and never a flood.
import { describe, expect, test } from 'vitest';
import { microTime } from '../../../src/clock/time-format.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { ApiEventSink, type ApiEventSinkOptions } from '../../../src/recorder/api-event-sink.ts';
import type { EventInput } from '../../../src/recorder/event.ts';
import { EventBroadcaster, logSink } from '../../../src/recorder/events.ts';
import { createLog, SILENT } from '../../../src/recorder/log.ts';
import { apiError, fakeEvents } from './fake-client.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;

const calm: EventInput = {
  regarding: {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    namespace: 'shop',
    name: 'web',
    uid: 'u-1',
  },
  type: 'Normal',
  reason: 'WeightSet',
  action: 'Route',
  note: 'canary weight 10',
};

function start(options: Partial<ApiEventSinkOptions> = {}) {
  const clock = new VirtualClock();
  const fake = fakeEvents();
  const drops: string[] = [];
  const sink = new ApiEventSink({
    client: fake.client,
    clock,
    log: SILENT,
    random: () => 0.5,
    dropped: (reason) => drops.push(reason),
    ...options,
  });
  const broadcaster = new EventBroadcaster({
    clock,
    instance: 'serin-0',
    sinks: [sink],
    log: SILENT,
  });
  const recorder = broadcaster.recorder();
  const tell = (change: Partial<EventInput> = {}) => recorder.event({ ...calm, ...change });
  const notes = () => [...fake.stored.values()].map(({ note }) => note);
  const counts = () =>
    [...fake.stored.values()].map(
      ({ series }) => (series as { count?: number } | undefined)?.count,
    );
  return { clock, fake, drops, broadcaster, tell, notes, counts };
}

describe('one fact', () => {
  test('becomes an Event that the API server takes', async () => {
    const { clock, fake, tell } = start();
    tell();
    await clock.advance(0);
    const [event] = fake.stored.values();
    expect(event).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: 'shop' },
      eventTime: microTime(clock.now()),
      reportingController: 'serin.dev/controller',
      reportingInstance: 'serin-0',
      regarding: calm.regarding,
      type: 'Normal',
      reason: 'WeightSet',
      action: 'Route',
      note: 'canary weight 10',
    });
  });

  test('about a cluster-scoped object goes to the default namespace', async () => {
    const { clock, fake, tell } = start();
    tell({ regarding: { apiVersion: 'v1', kind: 'Node', name: 'n1' } });
    await clock.advance(0);
    expect([...fake.stored.values()][0]?.metadata.namespace).toBe('default');
  });

  test('about an object with the longest name still gets a valid name of its own', async () => {
    const { clock, fake, tell } = start();
    tell({ regarding: { ...calm.regarding, name: `${'a'.repeat(235)}.${'b'.repeat(17)}` } });
    await clock.advance(0);
    const [name = ''] = fake.stored.keys();
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^a{235}\.[0-9a-f]{16}$/);
  });

  test('is told without waiting for the API server', async () => {
    const { clock, fake, tell } = start();
    fake.before = () => new Promise(() => {});
    for (let i = 0; i < 20; i++) tell({ note: `weight ${i}` });
    await clock.advance(0);
    expect(fake.calls).toEqual(['create']);
  });
});

describe('the same fact again', () => {
  test('is a series of two, and after that only counted', async () => {
    const { clock, fake, tell, counts } = start();
    for (let i = 0; i < 5; i++) {
      tell();
      await clock.advance(1000);
    }
    expect(fake.calls).toEqual(['create', 'patch']);
    expect(counts()).toEqual([2]);
  });

  test('has its count written every half hour', async () => {
    const { clock, tell, counts, fake } = start();
    for (let i = 0; i < 31; i++) {
      tell();
      await clock.advance(MINUTE);
    }
    expect(counts()).toEqual([31]);
    expect(fake.calls).toEqual(['create', 'patch', 'patch']);
  });

  test('has its last count written when it is over, and starts anew after that', async () => {
    const { clock, fake, tell, counts } = start();
    for (let i = 0; i < 4; i++) tell();
    await clock.advance(7 * MINUTE);
    expect(counts()).toEqual([4]);
    expect(clock.armed).toBe(0);
    tell();
    await clock.advance(0);
    expect(fake.stored.size).toBe(2);
  });

  test('is not split by the object having been written to meanwhile', async () => {
    const { clock, fake, tell } = start();
    tell({ regarding: { ...calm.regarding, resourceVersion: '1' } });
    tell({ regarding: { ...calm.regarding, resourceVersion: '2' } });
    await clock.advance(0);
    expect(fake.stored.size).toBe(1);
  });

  test('with another note is another fact', async () => {
    const { clock, tell, notes } = start();
    tell({ note: 'canary weight 10' });
    tell({ note: 'canary weight 20' });
    await clock.advance(0);
    expect(notes()).toEqual(['canary weight 10', 'canary weight 20']);
  });

  test('of another rollout is another fact', async () => {
    const { clock, fake, tell, counts } = start();
    tell({ occasion: '1' });
    tell({ occasion: '2' });
    await clock.advance(0);
    expect(fake.calls).toEqual(['create', 'create']);
    expect(counts()).toEqual([undefined, undefined]);
    expect(JSON.stringify([...fake.stored.values()])).not.toContain('occasion');
  });

  test('is posted anew when the Event has expired meanwhile', async () => {
    const { clock, fake, tell, counts } = start();
    tell();
    await clock.advance(0);
    fake.stored.clear();
    tell();
    await clock.advance(0);
    expect(fake.calls).toEqual(['create', 'patch', 'create']);
    expect(counts()).toEqual([2]);
  });

  test('seen again while the first write is under way is not lost', async () => {
    const { clock, fake, tell, counts } = start();
    const gate = Promise.withResolvers<null>();
    fake.before = (verb) => (verb === 'create' ? gate.promise : null);
    tell();
    await clock.advance(0);
    tell();
    tell();
    gate.resolve(null);
    await clock.advance(0);
    expect(fake.calls).toEqual(['create', 'patch']);
    expect(counts()).toEqual([3]);
  });
});

describe('a write that fails', () => {
  test('without an answer is tried twelve times, ten seconds and some apart, and then given up', async () => {
    const { clock, fake, tell, drops } = start();
    fake.before = () => apiError({ kind: 'transient', code: 0 });
    tell();
    await clock.advance(11_249);
    expect(fake.calls).toHaveLength(1);
    await clock.advance(1);
    expect(fake.calls).toHaveLength(2);
    await clock.advance(10 * MINUTE);
    expect(fake.calls).toHaveLength(12);
    expect(drops).toEqual(['gave-up']);
  });

  test.each([
    ['forbidden', 403],
    ['invalid', 422],
    ['not-found', 404],
    ['transient', 500],
  ] as const)('with the answer %s %d is not tried again', async (kind, code) => {
    const { clock, fake, tell, drops } = start();
    fake.before = () => apiError({ kind, code });
    tell();
    await clock.advance(10 * MINUTE);
    expect(fake.calls).toHaveLength(1);
    expect(drops).toEqual(['refused']);
  });

  test('after it arrived is not written twice', async () => {
    const { clock, fake, tell, drops, counts } = start();
    let lost = false;
    fake.after = () => {
      if (lost) return null;
      lost = true;
      return apiError({ kind: 'transient', code: 0 });
    };
    tell();
    await clock.advance(MINUTE);
    expect(fake.calls).toEqual(['create', 'create']);
    expect(fake.stored.size).toBe(1);
    tell();
    await clock.advance(0);
    expect(counts()).toEqual([2]);
    expect(drops).toEqual([]);
  });

  test('for one object does not hold up the others', async () => {
    const { clock, fake, tell } = start();
    let hung = false;
    fake.before = () => {
      if (hung) return null;
      hung = true;
      return new Promise(() => {});
    };
    tell();
    await clock.advance(0);
    for (let i = 0; i < 8; i++) tell({ regarding: { ...calm.regarding, name: `other-${i}` } });
    await clock.advance(0);
    expect(fake.stored.size).toBeGreaterThanOrEqual(6);
  });
});

describe('too many', () => {
  test('more than wait at once are dropped and counted', async () => {
    const { fake, tell, drops } = start({ queueMax: 10, writers: 1 });
    fake.before = () => new Promise(() => {});
    for (let i = 0; i < 20; i++) tell({ regarding: { ...calm.regarding, name: `web-${i}` } });
    // One is under way and ten wait.
    expect(drops).toEqual(Array.from({ length: 9 }, () => 'full'));
  });

  test('an object may have 25 at once and one more each five minutes', async () => {
    const { clock, tell, notes, drops } = start();
    for (let i = 0; i < 40; i++) tell({ note: `weight ${i}` });
    await clock.advance(0);
    expect(notes()).toHaveLength(25);
    expect(drops).toHaveLength(15);
    await clock.advance(5 * MINUTE);
    for (let i = 40; i < 45; i++) tell({ note: `weight ${i}` });
    await clock.advance(0);
    expect(notes()).toHaveLength(26);
  });

  test('of the same while it waits to be written use up one only', async () => {
    const { clock, tell, notes, counts } = start();
    for (let i = 0; i < 40; i++) tell();
    tell({ note: 'canary weight 20' });
    await clock.advance(0);
    expect(notes()).toEqual(['canary weight 10', 'canary weight 20']);
    expect(counts()).toEqual([40, undefined]);
  });

  test('of one object leave the bucket of another full', async () => {
    const { clock, tell, notes } = start();
    for (let i = 0; i < 40; i++) tell({ note: `weight ${i}` });
    tell({ type: 'Warning' });
    tell({ regarding: { ...calm.regarding, name: 'api' } });
    await clock.advance(0);
    expect(notes()).toHaveLength(27);
  });

  test('steps of a long rollout do not silence its end', async () => {
    const { clock, tell, notes } = start();
    for (let i = 0; i < 40; i++) tell({ note: `weight ${i}` });
    tell({ reason: 'Promoted', note: 'promotion completed' });
    tell({ reason: 'Promoted', note: 'promotion completed once more' });
    await clock.advance(0);
    expect(notes()).toContain('promotion completed');
    expect(notes()).toHaveLength(26);
  });
});

describe('stopping', () => {
  test('writes what waits and the counts that were not written yet', async () => {
    const { clock, broadcaster, tell, counts } = start();
    for (let i = 0; i < 3; i++) tell();
    await clock.advance(0);
    for (let i = 0; i < 3; i++) tell();
    await broadcaster.stop(never);
    expect(counts()).toEqual([6]);
    expect(clock.armed).toBe(0);
  });

  test('ends at its limit even if the API server never answers', async () => {
    const { clock, fake, broadcaster, tell, drops } = start();
    fake.before = (_verb, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    tell({ note: 'first' });
    tell({ note: 'second' });
    await clock.advance(0);
    const limit = new AbortController();
    const stopped = broadcaster.stop(limit.signal);
    limit.abort(new Error('time is up'));
    await stopped;
    await clock.advance(0);
    expect(drops).toEqual(['stopped', 'stopped']);
  });

  test('takes nothing more', async () => {
    const { clock, fake, broadcaster, tell, drops } = start();
    await broadcaster.stop(never);
    tell();
    await clock.advance(MINUTE);
    expect(fake.calls).toEqual([]);
    expect(drops).toEqual(['stopped']);
  });
});

describe('the broadcaster', () => {
  test('gives every sink its Event though another sink is broken', () => {
    const clock = new VirtualClock();
    const lines: unknown[] = [];
    const log = createLog({ clock, write: (line) => lines.push(JSON.parse(line)) });
    const broken = {
      take: () => {
        throw new Error('broken');
      },
      close: () => Promise.resolve(),
    };
    const broadcaster = new EventBroadcaster({
      clock,
      instance: 'serin-0',
      sinks: [broken, logSink(log)],
      log,
    });
    broadcaster.recorder().event({ ...calm, type: 'Warning' });
    expect(lines).toMatchObject([
      { level: 'error', message: 'event sink failed' },
      {
        level: 'warn',
        message: 'event',
        reason: 'WeightSet',
        regarding: 'Canary shop/web',
        note: 'canary weight 10',
      },
    ]);
  });

  test('names the source that the recorder was made for', async () => {
    const { clock, fake, broadcaster } = start();
    broadcaster.recorder('serin.dev/lease').event(calm);
    await clock.advance(0);
    expect([...fake.stored.values()][0]?.['reportingController']).toBe('serin.dev/lease');
  });
});
