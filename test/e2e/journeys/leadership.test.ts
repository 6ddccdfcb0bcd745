// Two operators at once: one acts, and the other goes on with the rollout when the first has died, stopped or been told to.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { canaryOf, imageOf, initialized, setImage, untilCanary, untilPhase } from './journey.ts';
import {
  leading,
  leaseSpec,
  probe,
  type Replicas,
  twoReplicas,
  untilItWrites,
} from './replicas.ts';

/** Longer than a lease. */
const LONG = { analysis: { stepWeights: Array.from({ length: 30 }, (_, step) => step + 1) } };

async function midRollout({ walk }: Replicas): Promise<void> {
  await initialized(walk, {}, LONG);
  await setImage(walk, 'web:2');
  await untilCanary(walk, 'some weight', ({ status }) => status.canaryWeight >= 2);
}

describeE2E('of two operators', () => {
  test('one does all the work, and both are ready', async () => {
    await twoReplicas(async ({ walk, leader, standby }) => {
      await initialized(walk);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      expect(leader.person.writes.length).toBeGreaterThan(5);
      expect(standby.person.writes).toEqual([]);
      expect(await leading(standby.operator)).toBe(false);
      expect(await probe(standby.operator, 'readyz')).toBe(200);
      expect(await probe(standby.operator, 'healthz')).toBe(200);
    });
  });

  test('the other goes on within 20 s when the leader is killed in the middle of a rollout', async () => {
    await twoReplicas(async (replicas) => {
      const { walk, leader, standby } = replicas;
      await midRollout(replicas);
      const killedAt = Date.now();
      await leader.operator.end('SIGKILL');
      const before = await canaryOf(walk);
      const tookMs = await untilItWrites(standby, 40_000);
      process.stdout.write(`killed leader replaced within ${tookMs} ms\n`);
      expect(tookMs).toBeLessThan(20_000);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.history.map(({ outcome }) => outcome)).toEqual(['promoted']);
      expect(status.history[0]?.startedAt).toBe(before.status.history[0]?.startedAt);
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect((await leaseSpec(replicas)).leaseTransitions).toBe(1);
      // It had the routes in its stores: a watch is in the audit log once it has ended.
      await standby.operator.end();
      const reads = standby.person.requests.filter(({ verb, uri }) => {
        return (verb === 'list' || verb === 'watch') && uri.includes('/httproutes');
      });
      expect(reads.length).toBeGreaterThan(0);
      expect(reads.filter(({ at }) => at >= killedAt)).toEqual([]);
    });
  });

  test('the other goes on within 2 s when the leader is asked to stop', async () => {
    await twoReplicas(async (replicas) => {
      const { walk, leader, standby } = replicas;
      await midRollout(replicas);
      const ended = leader.operator.end('SIGTERM');
      const tookMs = await untilItWrites(standby, 20_000);
      process.stdout.write(`stopped leader replaced within ${tookMs} ms\n`);
      expect(await ended).toBe(0);
      expect(leader.operator.log).toContain('lease given back');
      expect(tookMs).toBeLessThan(2_000);
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.history.map(({ outcome }) => outcome)).toEqual(['promoted']);
    });
  });
});
