// The first install of a Canary on an application that people use: nobody notices that a primary takes over.
import { expect, test } from 'vitest';
import { describeNode } from './node.ts';
import { comeUsers, story } from './users.ts';
import {
  backendsOf,
  createCanary,
  createService,
  deployTarget,
  untilNoPods,
  untilStatus,
  walk,
} from './walk.ts';

describeNode('a Canary for an application under load', () => {
  test('takes it over with no failed request, on new and on kept connections', async () => {
    await walk(async (on) => {
      await deployTarget(on);
      const url = `http://${await createService(on)}/`;
      await using fresh = await comeUsers({ url, fresh: true });
      await using kept = await comeUsers({ url });
      await createCanary(on);
      await untilStatus(on, 'the first version', ({ phase }) => phase === 'Initialized');
      await using viaEnvoy = await comeUsers({ host: on.host });
      await untilNoPods(on);
      for (const users of [fresh, kept, viaEnvoy]) {
        const summary = await users.leave();
        console.info(story(summary));
        expect(summary.failures).toEqual({});
        expect(summary.answers).toEqual({ v1: { '200': summary.requests } });
      }
      expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
    });
  }, 240_000);
});
