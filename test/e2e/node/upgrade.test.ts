// From the previous release (previous.ts: the newest tag v* before this commit) to this tree and back, in the middle of rollouts.
import { expect, test } from 'vitest';
import type { Api } from '../cluster/api.ts';
import { until } from '../cluster/until.ts';
import {
  bothReady,
  CHART,
  helm,
  importImage,
  newPlace,
  onEmptyNode,
  operatorPods,
  RELEASE,
  serveFirstVersion,
  valuesOf,
} from './installation.ts';
import { describeNode } from './node.ts';
import { previousRelease } from './previous.ts';
import { comeUsers, failed, story } from './users.ts';
import { followRollout, type Place, release, untilStatus, versionOf } from './walk.ts';

const WAIT = ['--wait', '--timeout=3m'];

describeNode('a canary in the middle', () => {
  test('of an upgrade and of the way back is promoted, with no failed request', async () => {
    await importImage('this');
    using previous = await previousRelease();
    console.info(`the previous release is ${previous.from}`);
    await onEmptyNode(async (api) => {
      await helm('install', RELEASE, previous.chart, ...valuesOf(previous.imageTag), ...WAIT);
      await bothReady(api);
      await using place = await newPlace(api);
      await serveFirstVersion(place);
      await using users = await comeUsers({ host: place.host });
      await rolledOutDuring(place, 'v2', async () => {
        await helm('upgrade', RELEASE, CHART, ...valuesOf('this'), ...WAIT);
        await runsOnly(api, 'this');
      });
      await rolledOutDuring(place, 'v3', async () => {
        await helm('rollback', RELEASE, '1', ...WAIT);
        await runsOnly(api, previous.imageTag);
      });
      const summary = await users.leave();
      console.info(story(summary));
      expect(summary.failures).toEqual({});
      expect(failed(summary)).toBe(0);
    });
  }, 420_000);
});

/** The change of the operator begins at weight 20; it may be over before the rollout is, or after. */
async function rolledOutDuring(
  place: Place,
  version: string,
  change: () => Promise<void>,
): Promise<void> {
  await release(place, version);
  const rollout = followRollout(place);
  rollout.catch(() => undefined);
  await untilStatus(place, 'weight 20', ({ canaryWeight }) => canaryWeight === 20);
  await change();
  const { status, steps } = await rollout;
  expect(status.phase).toBe('Succeeded');
  expect(status.failedChecks).toBe(0);
  expect(steps.map(({ weight }) => weight)).toEqual([0, 10, 20, 30, 40, 50, 50]);
  expect(await versionOf(place, 'web-primary')).toBe(version);
}

async function runsOnly(api: Api, imageTag: string): Promise<void> {
  await until('no pod of the other release', async () =>
    (await operatorPods(api)).every(({ spec }) =>
      spec.containers.every(({ image }) => image.endsWith(`:${imageTag}`)),
    ),
  );
  await bothReady(api);
}
