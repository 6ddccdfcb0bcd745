// A Canary that is deleted under load: the Deployment serves as before, and nobody notices.
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { comeUsers, failed, type Users, story } from './users.ts';
import {
  checkedOver,
  deleteCanary,
  initialized,
  release,
  serviceExists,
  untilNoPods,
  untilOver,
  untilReady,
  untilStatus,
  versionOf,
  type Walk,
  walk,
} from './walk.ts';

const QUICK = { interval: '5s', metrics: checkedOver('5s') };

describeNode('a Canary deleted under load', () => {
  test.concurrent('in the middle of a rollout gives the promoted version back its traffic, with no failed request', async () => {
    await walk(async (on) => {
      await initialized(on, QUICK);
      await using users = await comeUsers({ host: on.host });
      await release(on, 'v2');
      await untilStatus(on, 'weight 30', ({ canaryWeight }) => canaryWeight === 30);
      await deleteCanary(on);
      await handedBack(on, users, 'v1');
    });
  }, 240_000);

  test.concurrent('after a success leaves the new version serving, with no failed request', async () => {
    await walk(async (on) => {
      await initialized(on, { ...QUICK, stepWeight: 50 });
      await using users = await comeUsers({ host: on.host });
      await release(on, 'v2');
      expect((await untilOver(on)).phase).toBe('Succeeded');
      await deleteCanary(on);
      await handedBack(on, users, 'v2');
    });
  }, 240_000);
});

async function handedBack(on: Walk, users: Users, version: string): Promise<void> {
  await untilReady(on, 'web', 3);
  await untilNoPods(on, 'web-primary');
  const summary = await users.leave();
  console.info(story(summary));
  expect(summary.failures).toEqual({});
  expect(failed(summary)).toBe(0);
  expect(Object.keys(summary.spans?.at(-1)?.answers ?? {})).toEqual([version]);
  expect(await versionOf(on, 'web')).toBe(version);
  expect(await versionOf(on, 'web-primary')).toBeNull();
  expect(await serviceExists(on, 'web')).toBe(true);
  expect(await serviceExists(on, 'web-primary')).toBe(false);
}
