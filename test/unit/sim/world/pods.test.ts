// Pods, the addresses behind a Service, and autoscalers of the model cluster.
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../src/api/kubernetes.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { crashesOf } from '../../../../src/workloads/crashes.ts';
import { isReady, replaced } from '../../../../src/workloads/replaced.ts';
import { Cluster, scaler, service, USER, web } from './cluster.ts';

const containerOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];

describe('a pod', () => {
  test('that crashes restarts at once, then waits longer and longer', async () => {
    const cluster = new Cluster({
      behaviour: () => ({ kind: 'crash', afterMs: 3_000, readyAfterMs: 1_000 }),
    });
    cluster.create(RESOURCES.deployments, web(1));
    await cluster.clock.advance(3_800);
    const [ended] = cluster.pods();
    expect(containerOf(ended)).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    expect(crashesOf(cluster.pods(), null)).toHaveLength(1);
    await cluster.clock.advance(4_200);
    const [waiting] = cluster.pods();
    expect(containerOf(waiting)).toMatchObject({
      ready: false,
      restartCount: 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1 } },
    });
    expect(waiting?.status?.phase).toBe('Running');
    expect(replaced(cluster.pods())).toBe(true);
    await cluster.clock.advance(60_000);
    expect(containerOf(cluster.pods()[0])?.restartCount).toBe(3);
  });

  test('that was ready stays so until its new behaviour ends it, and others do not notice', async () => {
    let bad = '';
    const cluster = new Cluster({
      behaviour: ({ metadata }) =>
        metadata.name === bad ? { kind: 'crash', afterMs: 5_000 } : { kind: 'ready' },
    });
    cluster.create(RESOURCES.deployments, web(2));
    await cluster.clock.advance(5_000);
    bad = cluster.pods()[0]?.metadata.name ?? '';
    cluster.controllers.behaviourChanged();
    await cluster.clock.advance(2_900);
    expect(cluster.ready()).toHaveLength(2);
    await cluster.clock.advance(200);
    expect(cluster.ready().map(({ metadata }) => metadata.name)).not.toContain(bad);
    expect(cluster.ready()).toHaveLength(1);
  });

  test('that flaps changes its readiness without restarts', async () => {
    const cluster = new Cluster({ behaviour: () => ({ kind: 'flapping', everyMs: 1_000 }) });
    cluster.create(RESOURCES.deployments, web(1));
    await cluster.clock.advance(20_000);
    const told = cluster.changes
      .filter(({ object }) => object.kind === 'Pod')
      .map(({ object }) => isReady(object as Pod));
    const turns = told.filter((ready, index) => index > 0 && ready !== told[index - 1]);
    expect(turns.length).toBeGreaterThan(15);
    expect(containerOf(cluster.pods()[0])?.restartCount).toBe(0);
  });

  test('that is evicted with its node says so, and its successor goes elsewhere', async () => {
    const cluster = new Cluster();
    cluster.create(RESOURCES.deployments, web(3));
    await cluster.clock.advance(5_000);
    cluster.controllers.drain('node-1');
    const leaving = cluster.pods().filter(({ metadata }) => metadata.deletionTimestamp);
    expect(leaving.map(({ spec }) => spec?.nodeName)).toEqual(['node-1']);
    expect(leaving[0]?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True' }),
    );
    await cluster.clock.advance(5_000);
    expect(cluster.ready()).toHaveLength(3);
    expect(cluster.pods().map(({ spec }) => spec?.nodeName)).not.toContain('node-1');
  });

  test('waits for a node where there is none', async () => {
    const cluster = new Cluster({ nodes: ['only'] });
    cluster.controllers.drain('only');
    cluster.create(RESOURCES.deployments, web(1));
    await cluster.clock.advance(5_000);
    expect(cluster.pods()[0]?.status).toMatchObject({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
    });
    cluster.controllers.uncordon('only');
    await cluster.clock.advance(5_000);
    expect(cluster.ready()).toHaveLength(1);
  });

  test('outlives its deletion by its grace period and serves no more meanwhile', async () => {
    const cluster = new Cluster({ podEndMs: 4_000 });
    cluster.create(RESOURCES.services, service());
    cluster.create(RESOURCES.deployments, web(2));
    await cluster.clock.advance(5_000);
    expect(cluster.controllers.readyEndpoints('shop', 'web')).toBe(2);
    const [first] = cluster.pods();
    const name = first?.metadata.name ?? '';
    cluster.store.delete(RESOURCES.pods, { namespace: 'shop', name }, USER);
    await cluster.clock.advance(100);
    expect(cluster.controllers.readyEndpoints('shop', 'web')).toBe(1);
    expect(cluster.store.list(RESOURCES.endpointSlices)).toMatchObject([
      { ports: [{ name: 'http', port: 8080 }] },
    ]);
    await cluster.clock.advance(3_800);
    expect(cluster.pods().map(({ metadata }) => metadata.name)).toContain(name);
    await cluster.clock.advance(200);
    expect(cluster.pods().map(({ metadata }) => metadata.name)).not.toContain(name);
    expect(cluster.controllers.readyEndpoints('shop', 'web')).toBe(2);
  });
});

describe('an autoscaler', () => {
  test('goes up with the load at once, within bounds, and down after the window', async () => {
    let load = 2;
    const cluster = new Cluster({ load: () => load, scaleDownWindowMs: 60_000 });
    cluster.create(RESOURCES.deployments, web(2));
    cluster.create(RESOURCES.horizontalPodAutoscalers, scaler(2, 6));
    await cluster.clock.advance(10_000);
    expect(cluster.web.spec.replicas).toBe(2);
    load = 20;
    cluster.controllers.loadChanged();
    await cluster.clock.advance(100);
    expect(cluster.web.spec.replicas).toBe(6);
    await cluster.clock.advance(30_000);
    load = 1;
    cluster.controllers.loadChanged();
    await cluster.clock.advance(59_000);
    expect(cluster.web.spec.replicas).toBe(6);
    await cluster.clock.advance(2_000);
    expect(cluster.web.spec.replicas).toBe(2);
    await cluster.clock.advance(10_000);
    expect(cluster.ready()).toHaveLength(2);
    expect(cluster.scaler.status).toMatchObject({ currentReplicas: 2, desiredReplicas: 2 });
  });

  test('leaves a target at zero alone', async () => {
    const cluster = new Cluster({ load: () => 5 });
    cluster.create(RESOURCES.deployments, web(0));
    cluster.create(RESOURCES.horizontalPodAutoscalers, scaler(2, 6));
    await cluster.clock.advance(60_000);
    expect(cluster.web.spec.replicas).toBe(0);
    expect(cluster.scaler.status).toMatchObject({
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'ScalingActive', reason: 'ScalingDisabled' }),
      ]),
    });
  });
});
