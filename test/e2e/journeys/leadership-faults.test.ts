// A leader that was stopped and continued past its lease, and people who lay hands on the Lease.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { imageOf, initialized, setImage, untilCanary, untilPhase } from './journey.ts';
import {
  leading,
  leasePath,
  leaseSpec,
  type Replica,
  twoReplicas,
  untilItWrites,
} from './replicas.ts';

const LONG = { analysis: { stepWeights: Array.from({ length: 40 }, (_, step) => step + 1) } };
const LEASE_LOST = 6;

function untilEnded({ person, operator }: Replica, limitMs: number): Promise<number> {
  return until(`the end of ${person.name}`, () => operator.exitCode, { limitMs });
}

describeE2E('a leader', () => {
  test('that was paused past its lease writes nothing more and ends with its own exit code', async () => {
    await twoReplicas(async ({ walk, leader, standby }) => {
      await initialized(walk, {}, LONG);
      await setImage(walk, 'web:2');
      await untilCanary(walk, 'some weight', ({ status }) => status.canaryWeight >= 2);
      leader.operator.signal('SIGSTOP');
      const tookMs = await untilItWrites(standby, 40_000);
      expect(tookMs).toBeLessThan(20_000);
      const { status } = await untilCanary(walk, 'another step', (seen) => {
        return seen.status.canaryWeight >= 8;
      });
      expect(status.phase).toBe('Progressing');
      // In the middle of a rollout: there is something that it would like to write.
      const continuedAt = Date.now();
      leader.operator.signal('SIGCONT');
      expect(await untilEnded(leader, 20_000)).toBe(LEASE_LOST);
      expect(leader.operator.log).toContain('lease ended: the lease was not renewed within');
      await untilPhase(walk, 'Succeeded', { limitMs: 90_000 });
      expect(leader.person.writes.filter(({ at }) => at >= continuedAt)).toEqual([]);
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
    });
  });

  test('makes its Lease again when somebody deletes it, and goes on', async () => {
    await twoReplicas(async (replicas) => {
      const { walk, leader, standby } = replicas;
      await initialized(walk);
      const { holderIdentity } = await leaseSpec(replicas);
      await walk.api.delete(leasePath(replicas.leaseNamespace));
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      const again = await until('the Lease', () => leaseSpec(replicas));
      expect(again).toMatchObject({ holderIdentity, leaseTransitions: 0 });
      expect(await leading(leader.operator)).toBe(true);
      expect(standby.person.writes).toEqual([]);
    });
  });

  test('ends when somebody writes another name into its Lease, and the other takes over in time', async () => {
    await twoReplicas(async (replicas) => {
      const { walk, leader, standby } = replicas;
      await initialized(walk);
      const spec = { holderIdentity: 'somebody' };
      await walk.api.patch(leasePath(replicas.leaseNamespace), { spec });
      expect(await untilEnded(leader, 20_000)).toBe(LEASE_LOST);
      expect(leader.operator.log).toContain('lease ended: the lease went to somebody');
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      expect(standby.person.writes.length).toBeGreaterThan(5);
    });
  });
});
