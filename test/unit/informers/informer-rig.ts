// An informer under test: a scripted cluster on one side, a listener that writes down what it is told on the other.
import { expect, onTestFinished } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createInformer, type InformerOptions } from '../../../src/informers/informer.ts';
import * as say from './scripted-client.ts';
import { ScriptedClient } from './scripted-client.ts';

type Options = Partial<InformerOptions<KubeObject>>;

export function start(options: Options = {}) {
  const clock = new VirtualClock();
  const cluster = new ScriptedClient();
  const warnings: string[] = [];
  const told: string[] = [];
  const informer = createInformer({
    client: cluster.client,
    resource: say.configMaps,
    clock,
    random: () => 0,
    deepFreeze: true,
    onWarning: (message, { error }) =>
      warnings.push(error instanceof Error ? `${message}: ${error.message}` : message),
    ...options,
  });
  const listener = {
    onAdd: ({ metadata }: KubeObject, { initial }: { initial: boolean }) =>
      void told.push(
        `${initial ? 'initial ' : ''}add ${metadata.name}@${metadata.resourceVersion}`,
      ),
    onUpdate: (old: KubeObject, { metadata }: KubeObject) =>
      void told.push(
        `update ${metadata.name}@${old.metadata.resourceVersion}>${metadata.resourceVersion}`,
      ),
    onDelete: ({ metadata }: KubeObject, { tombstone }: { tombstone: boolean }) =>
      void told.push(
        `${tombstone ? 'missed ' : ''}delete ${metadata.name}@${metadata.resourceVersion}`,
      ),
  };
  const registration = informer.addHandler(listener);
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
    expect(clock.armed).toBe(0);
  });
  /** What was told since the last look. */
  const heard = (): string[] => told.splice(0);
  const settle = () => clock.advance(0);
  return {
    clock,
    cluster,
    informer,
    registration,
    warnings,
    stop,
    running,
    heard,
    settle,
    listener,
  };
}

/** Filled by WatchList with `a@1` and `b@2`, at version 10. */
export async function filled(options: Options = {}) {
  const rig = start(options);
  await rig.settle();
  rig.cluster
    .watch(1)
    .send(
      say.added(say.configMap('a', { resourceVersion: '1' })),
      say.added(say.configMap('b', { resourceVersion: '2' })),
      say.bookmark('10', true),
    );
  await rig.settle();
  rig.heard();
  return rig;
}

export const at = (name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject =>
  say.configMap(name, { resourceVersion, uid });
