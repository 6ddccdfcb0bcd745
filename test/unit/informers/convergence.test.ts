// Whatever happens to the connection: the store becomes the cluster, and each handler can follow what it is told.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createInformer } from '../../../src/informers/informer.ts';
import { type Fault, ModelCluster } from './model-cluster.ts';
import { configMaps } from './scripted-client.ts';

type Happening =
  | { kind: 'put' | 'remove' | 'recreate'; name: string }
  | { kind: 'compact' | 'cut' | 'closed' | 'stall' | 'follow' }
  | { kind: 'fault'; fault: Fault }
  | { kind: 'pass'; ms: number };

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('put' as const, 'remove' as const, 'recreate' as const),
      name,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'compact' as const,
        'cut' as const,
        'closed' as const,
        'stall' as const,
        'follow' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      fault: fc.constantFrom<Fault>(
        'unreachable',
        'unavailable',
        'throttled',
        'no-watch-list',
        'empty',
        null,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 1, 500, 1000, 5000, 60_000),
    }),
  },
);

/** What one handler makes of what it is told; complains if that cannot be followed. */
class Mirror {
  readonly objects = new Map<string, KubeObject>();

  onAdd = (object: KubeObject): void => {
    expect(this.objects.has(object.metadata.name), `add of a known ${object.metadata.name}`).toBe(
      false,
    );
    this.objects.set(object.metadata.name, object);
  };

  onUpdate = (old: KubeObject, object: KubeObject): void => {
    expect(this.objects.get(old.metadata.name)).toBe(old);
    expect(object.metadata.uid).toBe(old.metadata.uid);
    expect(Number(object.metadata.resourceVersion)).toBeGreaterThan(
      Number(old.metadata.resourceVersion),
    );
    this.objects.set(object.metadata.name, object);
  };

  onDelete = (object: KubeObject): void => {
    expect(this.objects.get(object.metadata.name)?.metadata.uid).toBe(object.metadata.uid);
    this.objects.delete(object.metadata.name);
  };
}

async function play(happenings: readonly Happening[]): Promise<void> {
  const clock = new VirtualClock();
  const cluster = new ModelCluster();
  const warnings: unknown[] = [];
  const informer = createInformer({
    client: cluster.client,
    resource: configMaps,
    clock,
    random: () => 0.5,
    indexers: { uid: ({ metadata }) => [metadata.uid ?? ''] },
    onWarning: (_message, { error }) => void (error !== undefined && warnings.push(error)),
  });
  const mirrors = [new Mirror()];
  const follow = (): void => {
    const mirror = new Mirror();
    mirrors.push(mirror);
    informer.addHandler(mirror);
  };
  follow();
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  for (const happening of happenings) await happen(happening, { cluster, clock, follow });
  cluster.fault = null;
  for (let minute = 0; minute < 5; minute++) {
    await clock.advance(60_000);
    cluster.bookmark();
  }
  await clock.advance(0);
  const expected = versions(cluster.objects.values());
  expect(versions(informer.store.list())).toEqual(expected);
  for (const mirror of mirrors.slice(1))
    expect(versions(mirror.objects.values())).toEqual(expected);
  for (const { metadata } of cluster.objects.values()) {
    expect(informer.store.indexKeys('uid', metadata.uid ?? '')).toEqual([`shop/${metadata.name}`]);
  }
  expect(informer.status()).toEqual({ phase: 'synced', lastError: null });
  expect(warnings).toEqual([]);
  stop.abort();
  await running;
  expect(clock.armed).toBe(0);
}

interface Stage {
  readonly cluster: ModelCluster;
  readonly clock: VirtualClock;
  readonly follow: () => void;
}

async function happen(happening: Happening, { cluster, clock, follow }: Stage): Promise<void> {
  switch (happening.kind) {
    case 'put':
      return cluster.put(happening.name);
    case 'remove':
      return cluster.remove(happening.name);
    case 'recreate':
      cluster.remove(happening.name);
      return cluster.put(happening.name);
    case 'compact':
      return cluster.compact();
    case 'cut':
    case 'closed':
      return cluster.endStreams(happening.kind);
    case 'stall':
      return cluster.stallStreams();
    case 'follow':
      return follow();
    case 'fault':
      cluster.fault = happening.fault;
      return;
    case 'pass':
      return clock.advance(happening.ms);
  }
}

function versions(objects: Iterable<KubeObject>): string[] {
  return [...objects]
    .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
    .sort();
}

test('after any faults the store and every handler end at the state of the cluster', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyHappening, { maxLength: 40 }), play), {
    numRuns: 500,
  });
});

test('a server that was restored from a backup is read anew within 90 s, in the silence of its future', async () => {
  const clock = new VirtualClock();
  const cluster = new ModelCluster();
  for (const each of ['a', 'b', 'c']) cluster.put(each);
  const informer = createInformer({
    client: cluster.client,
    resource: configMaps,
    clock,
    random: () => 0,
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  await clock.advance(0);
  expect(informer.store.size).toBe(3);
  await clock.advance(5000);
  cluster.restore(['a'], 11);
  await clock.advance(89_999);
  expect(informer.store.size).toBe(3);
  await clock.advance(1);
  expect(informer.store.size).toBe(1);
  expect(informer.store.resourceVersion).toBe('11');
  stop.abort();
  await running;
});
