// The operator as a team installs it: by helm, in a namespace that enforces restricted pod security, for the whole cluster.
import { expect, test } from 'vitest';
import type { Api } from '../cluster/api.ts';
import { until } from '../cluster/until.ts';
import {
  bothReady,
  CHART,
  heldCanaries,
  helm,
  importImage,
  leaderOf,
  newPlace,
  onEmptyNode,
  operatorPods,
  RELEASE,
  serveFirstVersion,
  SYSTEM,
  valuesOf,
} from './installation.ts';
import { describeNode } from './node.ts';
import { comeUsers, failed, story } from './users.ts';
import {
  followRollout,
  type Place,
  release,
  untilNoPods,
  untilReady,
  untilStatus,
  versionOf,
} from './walk.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describeNode('an operator installed by helm', () => {
  test('rolls out with the rights of the chart alone, outlives its leader, and leaves nothing behind that waits for it', async () => {
    await importImage('this');
    await onEmptyNode(async (api) => {
      await helm('install', RELEASE, CHART, ...valuesOf('this'), '--wait', '--timeout=2m');
      await bothReady(api);
      await using place = await newPlace(api);
      await serveFirstVersion(place);
      await using users = await comeUsers({ host: place.host });
      await releaseAndLoseTheLeader(place);
      await withinLimits(api);
      await uninstall(place);
      const summary = await users.leave();
      console.info(story(summary));
      expect(summary.failures).toEqual({});
      expect(failed(summary)).toBe(0);
      expect(Object.keys(summary.spans?.at(-1)?.answers ?? {})).toEqual(['v2']);
    });
  });
});

async function releaseAndLoseTheLeader(place: Place): Promise<void> {
  const { api } = place;
  await release(place, 'v2');
  const rollout = followRollout(place);
  rollout.catch(() => undefined);
  await untilStatus(place, 'weight 20', ({ canaryWeight }) => canaryWeight === 20);
  const leader = await leaderOf(api);
  await api.delete(`/api/v1/namespaces/${SYSTEM}/pods/${leader}`);
  const { status, steps } = await rollout;
  expect(status.phase).toBe('Succeeded');
  expect(steps.map(({ weight }) => weight)).toEqual([0, 10, 20, 30, 40, 50, 50]);
  expect(await leaderOf(api)).not.toBe(leader);
  expect(await versionOf(place, 'web-primary')).toBe('v2');
  await bothReady(api);
}

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers: readonly { readonly memory: { readonly workingSetBytes: number } }[];
  }[];
}

/** A pod that meets its limit is killed and counted; half of it is the room for a fleet. */
async function withinLimits(api: Api): Promise<void> {
  const pods = await operatorPods(api);
  for (const { spec, status } of pods) {
    expect(status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0]);
    expect(mebibytes(spec.containers[0]?.resources?.limits?.['memory'])).toBeGreaterThan(0);
  }
  const summary = await api.get<Summary>('/api/v1/nodes/node-1/proxy/stats/summary');
  const used = summary.pods
    .filter(({ podRef }) => podRef.namespace === SYSTEM)
    .map(({ containers }) => (containers[0]?.memory.workingSetBytes ?? 0) / 2 ** 20);
  console.info(`memory of the pods: ${used.map((mib) => `${mib.toFixed(0)} MiB`).join(', ')}`);
  expect(used.length).toBe(2);
  const limit = mebibytes(pods[0]?.spec.containers[0]?.resources?.limits?.['memory']);
  for (const mib of used) expect(mib).toBeLessThan(limit / 2);
}

function mebibytes(quantity = ''): number {
  const [, count = '', unit = ''] = /^(\d+)(Mi|Gi)$/u.exec(quantity) ?? [];
  return Number(count) * (unit === 'Gi' ? 1024 : 1);
}

/** The hook of the chart lets the Canary go first, so that nothing waits for an operator that is no more. */
async function uninstall(place: Place): Promise<void> {
  const { api } = place;
  await helm('uninstall', RELEASE, '--wait', '--timeout=4m');
  expect(await heldCanaries(api)).toEqual([]);
  await until('the operator to be gone', async () => (await operatorPods(api)).length === 0);
  expect(await api.find(`${CRDS}/canaries.serin.dev`)).not.toBeNull();
  await untilReady(place, 'web', 3);
  await untilNoPods(place, 'web-primary');
  expect(await versionOf(place, 'web')).toBe('v2');
}
