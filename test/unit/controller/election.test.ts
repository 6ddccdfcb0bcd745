// Who may act: never two replicas at once, whatever clocks, networks and pauses do; and always one again in the end.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asInstant } from '../../../src/clock/clock.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import {
  faultOfTimes,
  LEASE_TIMES,
  newElection,
  nextMove,
  seen,
  stored,
} from '../../../src/controller/election.ts';
import { type LeaseRecord, leaseObject } from '../../../src/controller/lease-record.ts';
import { KEY, LeaseServer, type Replica, startReplica } from './lease-world.ts';

const theirs: LeaseRecord = {
  holder: 'b',
  leaseMs: 15_000,
  acquireTime: '2020-01-01T00:00:00.000000Z',
  renewTime: '2020-01-01T00:00:00.000000Z',
  transitions: 3,
};
const lease = (record: Partial<LeaseRecord>) => leaseObject(KEY, null, { ...theirs, ...record });
const fresh = newElection('a', LEASE_TIMES);

describe('a standby', () => {
  test('looks before it takes', () => {
    expect(nextMove(fresh, 0)).toEqual({ kind: 'look' });
    expect(nextMove(seen(fresh, null, 0), 0)).toEqual({ kind: 'write' });
  });

  test('waits from when the content was first seen, whatever times it states', () => {
    const old = seen(fresh, lease({}), 1_000);
    const again = seen(old, lease({}), 9_000);
    expect(nextMove(again, 15_999)).toEqual({ kind: 'wait', untilMs: 16_000 });
    expect(nextMove(again, 16_000)).toEqual({ kind: 'write' });
    const renewed = seen(again, lease({ renewTime: '1999-01-01T00:00:00.000000Z' }), 12_000);
    expect(nextMove(renewed, 16_000)).toEqual({ kind: 'wait', untilMs: 27_000 });
  });

  test("waits for the holder's own duration, not for its own", () => {
    const slow = seen(fresh, lease({ leaseMs: 60_000 }), 0);
    expect(nextMove(slow, 59_999)).toEqual({ kind: 'wait', untilMs: 60_000 });
    const quick = seen(fresh, lease({ leaseMs: 1_000 }), 0);
    expect(nextMove(quick, 1_000)).toEqual({ kind: 'write' });
  });

  test('takes at once what was given back, and what is its own by a lost answer', () => {
    expect(nextMove(seen(fresh, lease({ holder: '' }), 0), 0)).toEqual({ kind: 'write' });
    expect(nextMove(seen(fresh, lease({ holder: 'a' }), 0), 0)).toEqual({ kind: 'write' });
  });

  test('waits for a Lease that was deleted as if it were still there', () => {
    const gone = seen(seen(fresh, lease({}), 0), null, 5_000);
    expect(nextMove(gone, 5_000)).toEqual({ kind: 'wait', untilMs: 15_000 });
    expect(nextMove(gone, 15_000)).toEqual({ kind: 'write' });
  });
});

describe('a leader', () => {
  const leader = stored(fresh, lease({ holder: 'a' }), { sentMs: 1_000, nowMs: 4_000 });

  test('leads from when its last renewal was sent, not from when it was answered', () => {
    expect(nextMove(leader, 10_999)).toEqual({ kind: 'write' });
    expect(nextMove(leader, 11_000).kind).toBe('lost');
  });

  test('makes a Lease anew that was deleted, and gives up one that names another', () => {
    expect(nextMove(seen(leader, null, 5_000), 5_000)).toEqual({ kind: 'write' });
    expect(nextMove(seen(leader, lease({}), 5_000), 5_000)).toEqual({
      kind: 'lost',
      why: 'the lease went to b',
    });
    expect(nextMove(seen(leader, lease({ holder: '' }), 5_000), 5_000).kind).toBe('lost');
  });
});

test('times that would let two replicas lead, or none for long, are refused', () => {
  expect(faultOfTimes(LEASE_TIMES)).toBeNull();
  expect(faultOfTimes({ ...LEASE_TIMES, leaseMs: 10_000 })).toContain('longer than the renew');
  expect(faultOfTimes({ ...LEASE_TIMES, retryMs: 9_000 })).toContain('1.2 times the retry');
  expect(faultOfTimes({ ...LEASE_TIMES, leaseMs: 10_500 })).toContain('whole seconds');
  expect(faultOfTimes({ ...LEASE_TIMES, retryMs: 0 })).toContain('positive');
});

interface Fault {
  readonly atMs: number;
  readonly who: number;
  readonly what: 'pause' | 'deaf' | 'mute' | 'slow' | 'delete' | 'touch';
  readonly forMs: number;
}

const FAULTS_END_MS = 120_000;
/** A lease, a renewal round, and the tries of those who come too late. */
const HEALS_MS = 60_000;

const fault: fc.Arbitrary<Fault> = fc.record({
  atMs: fc.integer({ min: 0, max: FAULTS_END_MS / 2 }),
  who: fc.nat(2),
  what: fc.constantFrom('pause', 'pause', 'deaf', 'mute', 'slow', 'delete', 'touch'),
  forMs: fc.integer({ min: 1, max: FAULTS_END_MS / 2 }),
});

/** Three replicas; one that leads no more is started anew, as a kubelet does, unless a Lease is deleted that it cannot know of. */
class Fleet {
  readonly clock = new VirtualClock(asInstant(1_767_225_600_000));
  readonly server = new LeaseServer();
  readonly replicas: Replica[];
  readonly #skewsMs: readonly number[];
  readonly #restarts: boolean;
  #runs = 0;

  constructor(skewsMs: readonly number[], faults: readonly Fault[]) {
    this.#skewsMs = skewsMs;
    this.#restarts = faults.every(({ what }) => what !== 'delete');
    this.replicas = skewsMs.map((_, who) => this.#start(who));
    for (const each of faults) this.clock.newTimer(each.atMs, () => this.#strike(each));
  }

  get acting(): readonly number[] {
    return [0, 1, 2].filter((who) => this.replicas[who]?.lease.mayWrite);
  }

  async until(ms: number): Promise<void> {
    while (await this.clock.advanceToNext(ms - this.clock.monotonicMs())) {
      if (this.acting.length > 1)
        throw new Error(`${this.acting.join(' and ')} act at ${this.clock.monotonicMs()} ms`);
      this.#startAnew();
    }
    await this.clock.advance(ms - this.clock.monotonicMs());
  }

  async end(): Promise<void> {
    for (const { stop } of this.replicas) stop.abort(new Error('over'));
    await this.clock.advance(0);
  }

  #start(who: number): Replica {
    this.#runs += 1;
    const identity = `${who}-${this.#runs}`;
    const random = (): number => ((this.#runs * 7 + who * 3) % 10) / 10;
    return startReplica(this.clock, this.server, {
      identity,
      skewMs: this.#skewsMs[who] ?? 0,
      random,
    });
  }

  #startAnew(): void {
    if (!this.#restarts) return;
    for (const [who, { over }] of this.replicas.entries())
      if (over) this.replicas[who] = this.#start(who);
  }

  #strike({ who, what, forMs }: Fault): void {
    const { server, clock } = this;
    const machine = this.replicas[who]?.machine;
    if (machine === undefined) return;
    // Who never saw the Lease cannot know that somebody holds it.
    if (what === 'delete' && !this.replicas.every((each) => each.machine.knows)) return;
    if (what === 'delete') return server.remove();
    if (what === 'touch') {
      const { object } = server;
      if (object !== null) server.put({ ...object, metadata: { ...object.metadata, labels: {} } });
      return;
    }
    if (what === 'pause') machine.pause();
    else if (what === 'slow') machine.wayMs = forMs / 4;
    else machine[what] = true;
    clock.newTimer(forMs, () => {
      if (what === 'pause') machine.resume();
      else if (what === 'slow') machine.wayMs = 5;
      else machine[what] = false;
    });
  }
}

test('of three replicas no two may act at once, and in the end one does', async () => {
  const skews = fc.tuple(fc.integer(), fc.integer(), fc.integer());
  await fc.assert(
    fc.asyncProperty(skews, fc.array(fault, { maxLength: 12 }), async (skewsMs, faults) => {
      const fleet = new Fleet(skewsMs, faults);
      await fleet.until(FAULTS_END_MS + HEALS_MS);
      const alive = fleet.replicas.filter(({ over }) => !over);
      expect(fleet.acting).toHaveLength(Math.min(1, alive.length));
      await fleet.end();
    }),
    { numRuns: 60 },
  );
});
