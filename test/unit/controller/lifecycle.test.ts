// Start and stop: in order, within a limit, and always with a reason.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import {
  type Exit,
  type Interruption,
  type LifecycleOptions,
  type Part,
  runLifecycle,
  type Running,
  EXIT_CODES,
} from '../../../src/controller/lifecycle.ts';
import { SILENT } from '../../../src/recorder/log.ts';

function start(parts: (clock: VirtualClock, told: string[]) => readonly Part[]) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const forced: Exit[] = [];
  const stages: string[] = [];
  let interrupt: (interruption: Interruption) => void = () => {};
  let subscribed = false;
  const options: LifecycleOptions = {
    parts: parts(clock, told),
    clock,
    log: SILENT,
    interruptions: (listen) => {
      interrupt = listen;
      subscribed = true;
      return () => {
        subscribed = false;
      };
    },
    exitNow: (exit) => forced.push(exit),
    stage: (stage) => stages.push(stage),
  };
  let exit: Exit | null = null;
  const ended = runLifecycle(options).then((reached) => {
    exit = reached;
    return reached;
  });
  return {
    clock,
    told,
    forced,
    stages,
    ended,
    exit: () => exit,
    subscribed: () => subscribed,
    signal: (name = 'SIGTERM') => interrupt({ kind: 'signal', name }),
    fault: (error: unknown) => interrupt({ kind: 'fault', error }),
  };
}

/** A part that tells when it starts and stops; what is given replaces the calm behaviour. */
function part(
  name: string,
  told: string[],
  change: Partial<Running> & Partial<Omit<Part, 'name'>> = {},
): Part {
  const running: Running = {
    stop: async (signal) => {
      told.push(`stop ${name}`);
      await change.stop?.(signal);
    },
    ...(change.ended === undefined ? {} : { ended: change.ended }),
  };
  return {
    name,
    start: async (signal) => {
      told.push(`start ${name}`);
      await change.start?.(signal);
      return running;
    },
    ...(change.stopLimitMs === undefined ? {} : { stopLimitMs: change.stopLimitMs }),
  };
}

const NAMES = ['recorder', 'server', 'caches', 'controller'];

describe('stopping', () => {
  test('goes through the parts in the reverse order of their start, and ends with 0', async () => {
    const run = start((_, told) => NAMES.map((name) => part(name, told)));
    await run.clock.advance(0);
    expect(run.stages).toEqual(['starting', 'running']);
    run.signal();
    expect(await run.ended).toEqual({ code: 0, reason: 'signal SIGTERM' });
    expect(run.told).toEqual([
      ...NAMES.map((name) => `start ${name}`),
      ...NAMES.toReversed().map((name) => `stop ${name}`),
    ]);
    expect(run.stages).toEqual(['starting', 'running', 'stopping', 'stopped']);
    expect(run.subscribed()).toBe(false);
    expect(run.clock.armed).toBe(0);
  });

  test('takes thirty seconds in all, even past a part that ignores its signal', async () => {
    const run = start((_, told) => [
      part('recorder', told),
      part('stuck', told, { stop: () => new Promise(() => {}) }),
    ]);
    await run.clock.advance(0);
    run.signal();
    await run.clock.advance(29_999);
    expect(run.exit()).toBeNull();
    await run.clock.advance(1);
    expect(run.exit()).toEqual({ code: 5, reason: 'signal SIGTERM; not stopped: stuck, recorder' });
    expect(run.told).toContain('stop recorder');
  });

  test('leaves time for the others where a part has a limit of its own', async () => {
    const run = start((_, told) => [
      part('recorder', told),
      part('stuck', told, { stop: () => new Promise(() => {}), stopLimitMs: 20_000 }),
    ]);
    await run.clock.advance(0);
    run.signal();
    await run.clock.advance(20_000);
    expect(run.exit()).toEqual({ code: 5, reason: 'signal SIGTERM; not stopped: stuck' });
  });

  test('goes on past a part that fails to', async () => {
    const run = start((_, told) => [
      part('recorder', told),
      part('broken', told, { stop: () => Promise.reject(new Error('broken')) }),
    ]);
    await run.clock.advance(0);
    run.signal();
    expect((await run.ended).code).toBe(5);
    expect(run.told).toContain('stop recorder');
  });

  test('is cut short with 1 by a second signal', async () => {
    const run = start((_, told) => [part('stuck', told, { stop: () => new Promise(() => {}) })]);
    await run.clock.advance(0);
    run.signal();
    await run.clock.advance(1000);
    expect(run.forced).toEqual([]);
    run.signal('SIGINT');
    expect(run.forced).toEqual([{ code: 1, reason: 'second signal (SIGINT)' }]);
  });
});

describe('starting', () => {
  test('that fails stops what runs already, and ends with 3', async () => {
    const run = start((_, told) => [
      part('server', told),
      part('caches', told, { start: () => Promise.reject(new Error('no list')) }),
      part('controller', told),
    ]);
    expect(await run.ended).toEqual({ code: 3, reason: 'caches failed to start' });
    expect(run.told).toEqual(['start server', 'start caches', 'stop server']);
  });

  test('is given up when a signal comes meanwhile', async () => {
    const run = start((clock, told) => [
      part('server', told),
      part('caches', told, {
        start: async (signal) => {
          await clock.sleep(120_000, signal);
          throw new Error('unreachable');
        },
      }),
    ]);
    await run.clock.advance(1000);
    run.signal();
    expect(await run.ended).toEqual({ code: 0, reason: 'signal SIGTERM' });
    expect(run.told).toEqual(['start server', 'start caches', 'stop server']);
    expect(run.stages).toEqual(['starting', 'stopping', 'stopped']);
  });

  test('is given up when a part that runs already ends', async () => {
    const lost = Promise.withResolvers<string>();
    const run = start((clock, told) => [
      part('lease', told, { ended: lost.promise }),
      part('caches', told, {
        start: async (signal) => {
          await clock.sleep(120_000, signal);
          throw new Error('unreachable');
        },
      }),
    ]);
    await run.clock.advance(1000);
    lost.resolve('lease lost');
    expect(await run.ended).toEqual({ code: 4, reason: 'lease ended: lease lost' });
    expect(run.told).toEqual(['start lease', 'start caches', 'stop lease']);
  });
});

describe('an end that nobody asked for', () => {
  test('has the exit code of the part that ended', async () => {
    const ended = Promise.resolve('somebody else has it');
    const run = start((_, told) => [
      part('controller', told),
      { ...part('lease', told, { ended }), endCode: EXIT_CODES.leaseLost },
    ]);
    expect(await run.ended).toEqual({ code: 6, reason: 'lease ended: somebody else has it' });
  });

  test('of one part stops all of them with 4 and its reason', async () => {
    const lost = Promise.withResolvers<string>();
    const run = start((_, told) => [
      part('lease', told, { ended: lost.promise }),
      part('controller', told),
    ]);
    await run.clock.advance(0);
    lost.reject(new Error('no renewal for 10 s'));
    expect(await run.ended).toEqual({ code: 4, reason: 'lease failed: no renewal for 10 s' });
    expect(run.told.slice(2)).toEqual(['stop controller', 'stop lease']);
  });

  test('by an uncaught fault is at once and with 1', async () => {
    const run = start((_, told) => [part('controller', told)]);
    await run.clock.advance(0);
    run.fault(new TypeError('surprise'));
    expect(run.forced).toEqual([{ code: 1, reason: 'fault outside of every part' }]);
  });

  test('takes a first signal as one that asks for what happens already', async () => {
    const run = start((_, told) => [
      part('slow', told, { stop: () => new Promise(() => {}), ended: Promise.resolve('over') }),
    ]);
    await run.clock.advance(0);
    run.signal();
    expect(run.forced).toEqual([]);
    await run.clock.advance(30_000);
    expect(run.exit()).toEqual({ code: 4, reason: 'slow ended: over' });
  });
});
