// The API server's bad days in the middle of a rollout: the rollout goes on where it stood, and nothing is done twice.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { deployment, journey, untilPhase, initialized, setImage } from '../journeys/journey.ts';
import { expectWeights, followRollout } from '../journeys/routed.ts';
import { canaryInTraffic, endsPromoted } from './ends.ts';
import { compact, startOwnPlane } from './own-plane.ts';

/** Longer than one interval and one try of anything. */
const AWAY_MS = 5_000;
/** The controllers that make the pods come back by their own backoff, up to half a minute for each of their caches. */
const HEALS_MS = 120_000;
const LIMIT = { timeout: HEALS_MS + 60_000 };

describeE2E('a rollout', () => {
  const stack = new AsyncDisposableStack();
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = stack.use(await startOwnPlane());
  });

  afterAll(() => stack.disposeAsync());

  test('goes on after the API server was killed and came back', LIMIT, async () => {
    await journey(
      async (walk) => {
        await canaryInTraffic(walk);
        const { generation = 0 } = (await deployment(walk, 'web-primary')).metadata;
        await plane.kill('apiserver');
        await pause(AWAY_MS); // the fault itself
        await plane.revive('apiserver');
        await endsPromoted(walk, HEALS_MS);
        expect((await deployment(walk, 'web-primary')).metadata.generation).toBe(generation + 1);
        expect(await walk.operator.end()).toBe(0);
      },
      { plane },
    );
  });

  test('goes on when the history that it missed was compacted away', LIMIT, async () => {
    await journey(
      async (walk) => {
        await canaryInTraffic(walk);
        await plane.kill('apiserver');
        await compact(plane);
        await plane.revive('apiserver');
        await endsPromoted(walk, HEALS_MS);
      },
      { plane },
    );
  });

  test('goes on when the store was killed under the API server', LIMIT, async () => {
    await journey(
      async (walk) => {
        await canaryInTraffic(walk);
        await plane.kill('etcd');
        await pause(AWAY_MS); // the fault itself
        await plane.revive('etcd');
        await endsPromoted(walk, HEALS_MS);
      },
      { plane },
    );
  });
});

describeE2E('an API server that streams no lists', () => {
  test('is worked with all the same', async () => {
    await using plane = await startOwnPlane({
      flags: { apiserver: ['--feature-gates=WatchList=false'] },
    });
    await journey(
      async (walk) => {
        await using seen = followRollout(walk);
        await initialized(walk);
        await setImage(walk, 'web:2');
        await untilPhase(walk, 'Succeeded');
        await expectWeights(seen, [0, 25, 50, 0]);
        await endsPromoted(walk);
      },
      { plane },
    );
  });
});
