// Rollouts, sizes and revisions as a real Deployment controller makes them.
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../src/api/kubernetes.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Cluster, service, template, USER, web } from './cluster.ts';

const imageOf = (pod: Pod) =>
  (pod.spec?.['containers'] as readonly { readonly image: string }[] | undefined)?.[0]?.image;

async function settled(replicas: number, more: object = {}): Promise<Cluster> {
  const cluster = new Cluster();
  cluster.create(RESOURCES.deployments, web(replicas, 'v1', more));
  await cluster.clock.advance(10_000);
  return cluster;
}

describe('a rollout', () => {
  test('with surge goes pod by pod and never has fewer available than wanted', async () => {
    const cluster = await settled(3);
    cluster.create(RESOURCES.services, service());
    await cluster.clock.advance(1_000);
    cluster.edit({ template: template('v2') });
    let most = 0;
    let least = Infinity;
    for (let step = 0; step < 1_500; step++) {
      await cluster.clock.advance(10);
      const alive = cluster.pods().filter((pod) => pod.metadata.deletionTimestamp === undefined);
      most = Math.max(most, alive.length);
      least = Math.min(least, cluster.ready().length);
    }
    expect({ most, least }).toEqual({ most: 4, least: 3 });
    expect(cluster.pods().map(imageOf)).toEqual(['v2', 'v2', 'v2']);
    expect(cluster.sets()).toEqual(['v1:0', 'v2:3']);
    expect(cluster.status).toMatchObject({
      observedGeneration: cluster.web.metadata.generation,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    });
    expect(cluster.status.unavailableReplicas).toBeUndefined();
    expect(cluster.condition('Progressing')?.reason).toBe('NewReplicaSetAvailable');
    expect(cluster.condition('Available')?.status).toBe('True');
    expect(cluster.controllers.podsBehind('shop', 'web').map(imageOf)).toEqual(['v2', 'v2', 'v2']);
  });

  test('is told as unobserved before it is told as complete', async () => {
    const cluster = await settled(2);
    cluster.edit({ template: template('v2') });
    const from = cluster.changes.length;
    await cluster.clock.advance(15_000);
    const told = cluster.changes
      .slice(from)
      .filter(({ object }) => object.kind === 'Deployment')
      .map(({ object }) => object as typeof cluster.web);
    const early = told.filter(
      ({ status, metadata }) =>
        status?.observedGeneration === metadata.generation && status?.updatedReplicas === 2,
    );
    expect(told.length).toBeGreaterThan(3);
    for (const { metadata } of early) {
      expect(metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    }
  });

  test('that gets another size at the same time gives it to the old template first', async () => {
    const cluster = await settled(2);
    const from = cluster.changes.length;
    cluster.edit({ replicas: 5, template: template('v2') });
    await cluster.clock.advance(20_000);
    const sizes = cluster.changes
      .slice(from)
      .filter(({ object }) => object.kind === 'ReplicaSet')
      .map(({ object }) => object as typeof cluster.web)
      .map(({ spec }) => `${spec.template.spec.containers[0]?.image}:${spec.replicas}`);
    expect(sizes[0]).toBe('v1:5');
    expect(sizes).toContain('v2:1');
    expect(cluster.sets()).toEqual(['v1:0', 'v2:5']);
  });

  test('by Recreate lets every old pod end before a new one begins', async () => {
    const cluster = await settled(2, { strategy: { type: 'Recreate' } });
    cluster.edit({ template: template('v2') });
    for (let step = 0; step < 1_000; step++) {
      await cluster.clock.advance(10);
      expect(new Set(cluster.pods().map(imageOf)).size).toBeLessThan(2);
    }
    expect(cluster.ready().map(imageOf)).toEqual(['v2', 'v2']);
  });

  test('rests while paused and goes on after', async () => {
    const cluster = await settled(2);
    cluster.edit({ paused: true, template: template('v2') });
    await cluster.clock.advance(5_000);
    expect(cluster.sets()).toEqual(['v1:2']);
    expect(cluster.condition('Progressing')).toMatchObject({
      status: 'Unknown',
      reason: 'DeploymentPaused',
    });
    cluster.edit({ paused: false });
    await cluster.clock.advance(15_000);
    expect(cluster.sets()).toEqual(['v1:0', 'v2:2']);
    expect(cluster.condition('Progressing')?.reason).toBe('NewReplicaSetAvailable');
  });

  test('waits minReadySeconds before a pod counts as available', async () => {
    const cluster = await settled(1, { minReadySeconds: 20 });
    expect(cluster.status).toMatchObject({ readyReplicas: 1, unavailableReplicas: 1 });
    await cluster.clock.advance(15_000);
    expect(cluster.status).toMatchObject({ readyReplicas: 1, availableReplicas: 1 });
  });
});

describe('a template that comes back', () => {
  test('takes its ReplicaSet up again, with the next revision', async () => {
    const cluster = await settled(1);
    const revision = () => cluster.web.metadata.annotations?.['deployment.kubernetes.io/revision'];
    expect(revision()).toBe('1');
    cluster.edit({ template: template('v2') });
    await cluster.clock.advance(10_000);
    expect(revision()).toBe('2');
    cluster.edit({ template: template('v1') });
    await cluster.clock.advance(10_000);
    expect(revision()).toBe('3');
    expect(cluster.sets()).toEqual(['v1:1', 'v2:0']);
    expect(cluster.annotation('v1', 'revision')).toBe('3');
    expect(cluster.annotation('v1', 'revision-history')).toBe('1');
    expect(cluster.annotation('v2', 'revision')).toBe('2');
  });

  test('leaves no more ReplicaSets than the history limit', async () => {
    const cluster = await settled(1, { revisionHistoryLimit: 1 });
    for (const image of ['v2', 'v3', 'v4']) {
      cluster.edit({ template: template(image) });
      await cluster.clock.advance(15_000);
    }
    expect(cluster.sets()).toEqual(['v3:0', 'v4:1']);
  });
});

describe('a size', () => {
  test('goes from none to three and back, and the status follows', async () => {
    const cluster = await settled(0);
    expect(cluster.status.replicas).toBeUndefined();
    const scaleTo = (replicas: number) => {
      const key = { namespace: 'shop', name: 'web' };
      const scale = cluster.store.getScale(RESOURCES.deployments, key);
      cluster.store.updateScale(RESOURCES.deployments, key, { ...scale, replicas }, USER);
    };
    scaleTo(3);
    await cluster.clock.advance(5_000);
    expect(cluster.ready()).toHaveLength(3);
    expect(cluster.status).toMatchObject({ replicas: 3, readyReplicas: 3 });
    scaleTo(0);
    await cluster.clock.advance(5_000);
    expect(cluster.pods()).toEqual([]);
    expect(cluster.status.replicas).toBeUndefined();
    expect(cluster.status.observedGeneration).toBe(cluster.web.metadata.generation);
    expect(cluster.sets()).toEqual(['v1:0']);
  });

  test('that shrinks takes the pods that are not ready first', async () => {
    const cluster = await settled(2);
    const kept = cluster.ready().map(({ metadata }) => metadata.name);
    cluster.edit({ replicas: 4 });
    await cluster.clock.advance(1_000);
    cluster.edit({ replicas: 2 });
    await cluster.clock.advance(5_000);
    expect(cluster.ready().map(({ metadata }) => metadata.name)).toEqual(kept);
  });
});

describe('the progress deadline', () => {
  test('is told once it has passed, and forgotten when the pods come', async () => {
    let broken = true;
    const cluster = new Cluster({
      behaviour: () => (broken ? { kind: 'never-ready' } : { kind: 'ready' }),
    });
    cluster.create(RESOURCES.deployments, web(1, 'v1', { progressDeadlineSeconds: 30 }));
    await cluster.clock.advance(25_000);
    expect(cluster.condition('Progressing')).toMatchObject({ status: 'True' });
    await cluster.clock.advance(10_000);
    expect(cluster.condition('Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: expect.stringMatching(/^ReplicaSet "web-\w+" has timed out progressing\.$/),
    });
    expect(cluster.condition('Available')?.reason).toBe('MinimumReplicasUnavailable');
    broken = false;
    cluster.controllers.behaviourChanged();
    await cluster.clock.advance(5_000);
    expect(cluster.condition('Progressing')?.reason).toBe('NewReplicaSetAvailable');
  });
});

test('a settled cluster has no timer, and the same seed gives the same commits', async () => {
  const run = async () => {
    const cluster = await settled(3);
    cluster.edit({ template: template('v2') });
    await cluster.clock.advance(700_000);
    expect(cluster.clock.armed).toBe(0);
    return cluster.changes.map(({ type, object }) => `${type} ${JSON.stringify(object)}`);
  };
  expect(await run()).toEqual(await run());
});
