// When pods are enough, and which of their ends are evidence against a revision.
import { describe, expect, test } from 'vitest';
import { asWeight } from '../../../src/api/canary.ts';
import type { Pod } from '../../../src/api/kubernetes.ts';
import { parseTime } from '../../../src/clock/time-format.ts';
import { crashesOf } from '../../../src/workloads/crashes.ts';
import { deployment } from '../../../src/workloads/deployment.ts';
import type { Rollout } from '../../../src/workloads/kind.ts';
import { enough, needFor } from '../../../src/workloads/readiness.ts';
import { calmDeployment, crashed } from './fixtures.ts';

const calm = deployment.rollout(calmDeployment);

describe('pods are not enough while', () => {
  test.each<[string, Partial<Rollout>, string]>([
    ['the controller has not seen the spec', { settled: false }, 'has not been seen'],
    ['nobody is asked for', { replicas: 0, updated: 0, available: 0, total: 0 }, 'scaled to zero'],
    ['the controller is stuck', { stuck: 'quota' }, 'quota'],
    ['some are of the old template', { updated: 3, total: 4 }, '3 of 4 pods are updated'],
    ['old ones are still there', { total: 5 }, '1 old pods'],
    ['too few are available', { available: 3 }, '3 of 4 pods are available'],
    ['it is paused half-way', { paused: true, updated: 1 }, 'paused with 1 of 4'],
  ])('%s', (_, over, why) => {
    const readiness = enough({ ...calm, ...over }, 100);
    expect(readiness.ready).toBe(false);
    expect(readiness.why).toContain(why);
  });
});

test('pods are enough when as many as the threshold asks for are available, rounded up', () => {
  expect(enough(calm, 100).ready).toBe(true);
  expect(enough({ ...calm, available: 3 }, 75).ready).toBe(true);
  expect(enough({ ...calm, available: 3 }, 76).ready).toBe(false);
});

test('no threshold makes no pod at all enough', () => {
  expect(enough({ ...calm, available: 0 }, 0).ready).toBe(false);
});

test('a share of the traffic needs that share of the pods, rounded up, and at least one', () => {
  expect([0, 1, 50, 51, 100].map((weight) => needFor(asWeight(weight), 4))).toEqual([
    0, 1, 2, 3, 4,
  ]);
  expect(needFor(asWeight(5), 0)).toBe(1);
});

describe('a crash counts', () => {
  const since = parseTime('2026-01-01T00:00:10Z');
  const name = 'podinfo-7d4b9c6f5d-x2k8p';

  test('with all that the kubelet says of it', () => {
    expect(crashesOf([crashed('2026-01-01T00:00:11Z')], since)).toEqual([
      {
        pod: name,
        container: 'podinfod',
        restarts: 1,
        reason: 'OOMKilled',
        exitCode: 137,
        finishedAt: parseTime('2026-01-01T00:00:11Z'),
      },
    ]);
  });

  test('from the moment asked for on, or ever', () => {
    expect(crashesOf([crashed('2026-01-01T00:00:10Z')], since)).toHaveLength(1);
    expect(crashesOf([crashed('2026-01-01T00:00:09Z')], since)).toEqual([]);
    expect(crashesOf([crashed('2026-01-01T00:00:09Z')], null)).toHaveLength(1);
  });

  test('before the container is started again, too', () => {
    const terminated = { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:11Z' };
    const dead = { name: 'c', restartCount: 0, state: { terminated } };
    const done = { ...dead, state: { terminated: { ...terminated, exitCode: 0 } } };
    const count = (status: Pod['status']): number =>
      crashesOf([crashed('', status && { status })], since).length;
    expect(count({ containerStatuses: [dead] })).toBe(1);
    expect(count({ containerStatuses: [done] })).toBe(1);
    expect(count({ initContainerStatuses: [dead] })).toBe(1);
    expect(count({ initContainerStatuses: [done] })).toBe(0);
  });

  test('whenever it was, while the container waits to be started again', () => {
    const [status] = crashed('2026-01-01T00:00:01Z').status?.containerStatuses ?? [];
    const looping = {
      name: '',
      restartCount: 4,
      ...status,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
    };
    expect(
      crashesOf([crashed('', { status: { containerStatuses: [looping] } })], since),
    ).toHaveLength(1);
  });

  test.each<[string, Partial<Pod>]>([
    ['is being deleted', { metadata: { name, deletionTimestamp: '2026-01-01T00:00:20Z' } }],
    ['was evicted', { status: { ...crashed('2026-01-01T00:00:11Z').status, reason: 'Evicted' } }],
    [
      'leaves a drained node',
      {
        status: {
          ...crashed('2026-01-01T00:00:11Z').status,
          conditions: [{ type: 'DisruptionTarget', status: 'True' }],
        },
      },
    ],
  ])('but not of a pod that %s', (_, over) => {
    expect(crashesOf([crashed('2026-01-01T00:00:11Z', over)], since)).toEqual([]);
  });

  test('but not an end that the kubelet did not see, nor an init container that was done', () => {
    const end = (reason: string, exitCode: number) => ({
      name: 'c',
      restartCount: 1,
      lastState: { terminated: { reason, exitCode, finishedAt: '2026-01-01T00:00:11Z' } },
    });
    const unseen = { containerStatuses: [end('ContainerStatusUnknown', 137)] };
    const done = { initContainerStatuses: [end('Completed', 0)] };
    const failed = { initContainerStatuses: [end('Error', 1)] };
    const count = (status: Pod['status']): number =>
      crashesOf([crashed('', status && { status })], since).length;
    expect([unseen, done, failed].map(count)).toEqual([0, 0, 1]);
  });
});
