// The lease of one replica: what is written into it, how soon it goes over, and what it forbids.
import { afterEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { LeaseLapsed } from '../../../src/controller/leadership.ts';
import {
  KEY,
  LeaseServer,
  type Replica,
  type ReplicaOptions,
  startReplica,
} from './lease-world.ts';

const clock = new VirtualClock();
const started: Replica[] = [];

function replica(server: LeaseServer, options: ReplicaOptions): Replica {
  const one = startReplica(clock, server, options);
  started.push(one);
  return one;
}

/** As the lifecycle does it. */
async function stopped({ stop, lease, ended }: Replica): Promise<void> {
  stop.abort(new Error('asked to stop'));
  await ended.catch(() => null);
  const released = lease.release(new AbortController().signal);
  await clock.advance(100);
  await released;
}

afterEach(async () => {
  for (const one of started.splice(0)) {
    one.machine.resume();
    await stopped(one);
  }
  expect(clock.armed).toBe(0);
});

test('a leader states who it is, for how long, and since when, in microseconds', async () => {
  const server = new LeaseServer();
  replica(server, { identity: 'a' });
  await clock.advance(5_000);
  const { acquireTime, renewTime, ...rest } = server.spec;
  expect(rest).toEqual({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  expect(acquireTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(renewTime).not.toBe(acquireTime);
});

test('a renewal is one PUT, and leaves alone what others have written into the Lease', async () => {
  const server = new LeaseServer();
  const slowPaths: string[] = [];
  const observer = { slowPath: () => slowPaths.push('slow') };
  const one = replica(server, { identity: 'a', observer });
  await clock.advance(9_000);
  expect(one.calls).toEqual(['get', 'create', 'update', 'update', 'update', 'update']);
  const object = server.read();
  server.put({ ...object, metadata: { ...object.metadata, annotations: { note: 'mine' } } });
  await clock.advance(2_500);
  expect(slowPaths).toEqual(['slow']);
  expect(server.read().metadata.annotations).toEqual({ note: 'mine' });
  expect(one.lease.mayWrite).toBe(true);
});

test('a lease that is given back goes over within half a second, and counts a transition', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  const two = replica(server, { identity: 'b' });
  await clock.advance(20_000);
  expect(two.lease.mayWrite).toBe(false);
  await stopped(one);
  expect(() => one.lease.assertMayWrite()).toThrow('it was given back');
  await clock.advance(400);
  expect(two.lease.mayWrite).toBe(true);
  expect(server.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  expect(two.calls.filter((call) => call !== 'watch').length).toBeLessThan(6);
});

test('what is given back names nobody and lasts a second', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  await stopped(one);
  expect(server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
});

test('a lease that was edited in between is given back all the same', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  server.put(server.read());
  await stopped(one);
  expect(server.spec).toMatchObject({ holderIdentity: '' });
});

test('a standby that stops leaves the lease to its holder', async () => {
  const server = new LeaseServer();
  replica(server, { identity: 'a' });
  await clock.advance(1_000);
  const two = replica(server, { identity: 'b' });
  await clock.advance(1_000);
  await stopped(two);
  expect(server.spec).toMatchObject({ holderIdentity: 'a' });
});

test('the lease of a leader that died goes over once it has expired', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  const two = replica(server, { identity: 'b', skewMs: 3_600_000 });
  await clock.advance(7_000);
  one.machine.pause();
  await clock.advance(12_500);
  expect(two.lease.mayWrite).toBe(false);
  await clock.advance(3_500);
  expect(two.lease.mayWrite).toBe(true);
});

test('where the Lease may not be watched it is polled, and goes over within two seconds', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  const two = replica(server, { identity: 'b', mayWatch: false, random: () => 0.99 });
  await clock.advance(20_000);
  expect(two.calls.filter((call) => call === 'watch')).toHaveLength(1);
  await stopped(one);
  await clock.advance(1_600);
  expect(two.lease.mayWrite).toBe(true);
});

test('a leader that was paused past its renew deadline writes no more, and says so', async () => {
  const server = new LeaseServer();
  const leads: boolean[] = [];
  const one = replica(server, { identity: 'a', observer: { leads: (now) => leads.push(now) } });
  await clock.advance(1_000);
  one.lease.assertMayWrite();
  expect(one.lease.lost.aborted).toBe(false);
  one.machine.pause();
  await clock.advance(60_000);
  // Nothing of its own has run yet: the clock alone forbids it.
  expect(one.lease.lost.aborted).toBe(false);
  expect(() => one.lease.assertMayWrite()).toThrow(LeaseLapsed);
  expect(() => one.lease.assertMayWrite()).toThrow(/no write without the lease: .* ms old/);
  expect(one.lease.problem()).toMatch(/^leads, but has not renewed its lease for \d+ s$/);
  one.machine.resume();
  await clock.advance(10);
  expect(await one.ended).toBe('the lease was not renewed within 10000 ms');
  expect(one.lease.lost.aborted).toBe(true);
  expect(leads).toEqual([false, true, false]);
});

test('a leader whose lease somebody else put his name on leads no more', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  server.put({ ...server.read(), spec: { ...server.spec, holderIdentity: 'me' } });
  await clock.advance(2_500);
  expect(await one.ended).toBe('the lease went to me');
  await stopped(one);
  expect(server.spec).toMatchObject({ holderIdentity: 'me' });
});

test('a Lease that was deleted is made again by its leader', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  const two = replica(server, { identity: 'b' });
  await clock.advance(5_000);
  server.remove();
  await clock.advance(20_000);
  const leader = one.lease.mayWrite ? 'a' : 'b';
  expect([one, two].filter(({ over }) => over)).toEqual([]);
  expect(server.spec).toMatchObject({ holderIdentity: leader, leaseTransitions: 0 });
});

test('an outage shorter than the renew deadline costs nobody the lead', async () => {
  const server = new LeaseServer();
  const one = replica(server, { identity: 'a' });
  await clock.advance(1_000);
  one.machine.deaf = true;
  await clock.advance(5_500);
  one.machine.deaf = false;
  await clock.advance(30_000);
  expect(one.lease.mayWrite).toBe(true);
  expect(server.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
  expect(KEY.name).toBe(server.read().metadata.name);
});
