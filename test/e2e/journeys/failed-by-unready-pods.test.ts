// Pods outweigh any metric: a canary that crashes or has too few of them is rolled back, whatever the numbers say.
import { expect, test } from 'vitest';
import type { Pod } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  condition,
  deployment,
  deploymentPath,
  initialized,
  type Journey,
  journey,
  OperatorProcess,
  podsWith,
  routedWeight,
  service,
  setImage,
  untilCanary,
  untilEvent,
  untilRolledBack,
} from './journey.ts';

const PATIENT = { stepWeights: [20, 40, 60], interval: '60s', threshold: 5 };

describeE2E('a version whose pods', () => {
  test('never become ready gets no traffic and is rolled back at the deadline', async () => {
    await journey(async (walk) => {
      walk.kubelet.behave(podsWith('web:2'), { kind: 'never-ready' });
      await initialized(walk, {}, { spec: { progressDeadlineSeconds: 4 } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('ProgressDeadlineExceeded');
      expect(status.lastFailure?.message).toContain('0 of 2 pods are available');
      expect(status.rollout?.step).toBe(0);
    });
  });

  test('crash under traffic is rolled back at once, long before a check is due', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: PATIENT });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      walk.kubelet.behave(podsWith('web:2'), { kind: 'crash', afterMs: 1_500 });
      const { status } = await untilRolledBack(walk, { limitMs: 40_000 });
      expect(status.lastFailure?.reason).toBe('CanaryCrashed');
      expect(status.lastFailure?.message).toMatch(
        /^container main of pod web-\S+ crashed under traffic \(Error/,
      );
      expect(status.failedChecks).toBe(0);
      await untilEvent(walk, 'CanaryCrashed');
    });
  });

  test('crash while no operator runs is rolled back by the next one, before any step', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: { ...PATIENT, interval: '3s' } });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      await walk.operator.end('SIGKILL');
      walk.kubelet.behave(podsWith('web:2'), { kind: 'crash', afterMs: 3_500 });
      await until('a restart', async () => {
        const path = `/api/v1/namespaces/${walk.namespace}/pods`;
        const { items } = await walk.api.get<{ items: readonly Pod[] }>(path);
        return items.some(({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
      });
      await using _next = new OperatorProcess(walk.namespace, walk.prometheus.url);
      const { status } = await untilRolledBack(walk);
      expect(status.lastFailure?.reason).toBe('CanaryCrashed');
      expect(status.rollout?.step).toBe(1);
    });
  });

  test('are too few for the weight for 5 s is rolled back', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: PATIENT });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      await untilSeasoned(walk);
      walk.kubelet.behave(podsWith('web:2'), { kind: 'never-ready' });
      const { status } = await untilRolledBack(walk, { limitMs: 50_000 });
      const { lastFailure, rollout } = status;
      expect(lastFailure?.reason).toBe('CanaryNotReady');
      expect(lastFailure?.message).toBe('0 of 1 pods that weight 20 needs are ready');
      const waitedMs = (lastFailure?.at ?? 0) - (rollout?.unreadySince ?? 0);
      expect(waitedMs).toBeGreaterThanOrEqual(5_000);
      expect(waitedMs).toBeLessThan(20_000);
    });
  });

  test('were taken away gives its traffic up, and has it back with new pods', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: PATIENT });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      const old = await canaryPods(walk);
      const fresh = (pod: Pod) => podsWith('web:2')(pod) && !old.includes(pod.metadata.name);
      walk.kubelet.behave(fresh, { kind: 'ready', afterMs: 9_000 });
      for (const name of old) {
        const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
        await walk.api.post(`/api/v1/namespaces/${walk.namespace}/pods/${name}/eviction`, eviction);
      }
      await untilCanary(walk, 'weight 0', ({ status }) => status.rollout?.resumeWeight === 20);
      await until('all traffic on the primary', async () => (await routedWeight(walk)) === 0);
      const { status } = await untilCanary(walk, 'its weight', (seen) => {
        return seen.status.canaryWeight === 20 && seen.status.rollout?.resumeWeight === null;
      });
      expect(status.phase).toBe('Progressing');
      await until('the weight in the route', async () => (await routedWeight(walk)) === 20);
    });
  });

  test('go away with their Deployment takes no request with it', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: PATIENT });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      await walk.api.delete(deploymentPath(walk, 'web'));
      const { status } = await untilCanary(walk, 'the end', (seen) => {
        return seen.status.phase === 'Failed';
      });
      expect(status.lastFailure?.reason).toBe('TargetNotFound');
      await until('all traffic on the primary', async () => (await routedWeight(walk)) === 0);
      expect((await deployment(walk, 'web-primary')).spec.replicas).toBe(2);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      await untilCanary(walk, 'the refusal', (seen) => {
        return condition(seen.status, 'Accepted')?.reason === 'TargetNotFound';
      });
    });
  });

  test('blink for less than 5 s goes on', async () => {
    await journey(async (walk) => {
      await initialized(walk, {}, { analysis: PATIENT });
      await setImage(walk, 'web:2');
      await untilTraffic(walk);
      walk.kubelet.behave(podsWith('web:2'), { kind: 'never-ready' });
      await untilCanary(
        walk,
        'the dip',
        ({ status }) => typeof status.rollout?.unreadySince === 'number',
      );
      walk.kubelet.behave(podsWith('web:2'), { kind: 'ready', afterMs: 0 });
      const over = await untilCanary(walk, 'the end of the dip', ({ status }) => {
        return status.rollout?.unreadySince === null;
      });
      expect(over.status.phase).toBe('Progressing');
      expect(over.status.canaryWeight).toBe(20);
    });
  });
});

async function untilTraffic(walk: Journey): Promise<void> {
  await untilCanary(walk, 'weight 20', ({ status }) => status.canaryWeight === 20);
  await until('the weight in the route', async () => (await routedWeight(walk)) === 20);
}

async function canaryPods(walk: Journey): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${walk.namespace}/pods`;
  const { items } = await walk.api.get<{ items: readonly Pod[] }>(path);
  return items.filter(podsWith('web:2')).map((pod) => pod.metadata.name);
}

/** Kubelets tell times in whole seconds: pods that were ready for a moment only look as if they had never been. */
async function untilSeasoned(walk: Journey): Promise<void> {
  const path = `/api/v1/namespaces/${walk.namespace}/pods`;
  await until('pods of more than two seconds', async () => {
    const { items } = await walk.api.get<{ items: readonly Pod[] }>(path);
    const starts = items.map(
      (pod) => pod.status?.containerStatuses?.[0]?.state?.running?.startedAt,
    );
    return starts.every((start) => start !== undefined && Date.now() - Date.parse(start) > 2_000);
  });
}
