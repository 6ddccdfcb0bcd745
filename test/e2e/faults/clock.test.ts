// The operator's wall clock is set in the middle of a rollout: nothing is hurried, nothing waits for hours.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { initialized, journey, type Journey, setImage, untilCanary } from '../journeys/journey.ts';
import { expectWeights, followRollout } from '../journeys/routed.ts';
import { endsPromoted } from './ends.ts';

const HOUR_MS = 3_600_000;
const INTERVAL_MS = 2_000;
const METRICS = [{ name: 'request-success-rate', interval: '2s', thresholdRange: { min: 99 } }];

function jumping(...stepsMs: readonly number[]): Readonly<Record<string, string>> {
  const preload = join(import.meta.dirname, 'jumping-clock.mjs');
  return { NODE_OPTIONS: `--import=${preload}`, CLOCK_STEPS_MS: stepsMs.join() };
}

async function rollWith(walk: Journey, jump: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  await using seen = followRollout(walk);
  await setImage(walk, 'web:2');
  await jump();
  await endsPromoted(walk);
  await expectWeights(seen, [0, 25, 50, 0]);
  // Two steps, each for its interval: none is cut short.
  expect(performance.now() - startMs).toBeGreaterThan(2 * INTERVAL_MS - 500);
}

describeE2E('a clock that is set', () => {
  test.each([
    ['back by an hour', -HOUR_MS],
    ['forward by an hour', HOUR_MS],
  ])('%s under traffic neither stops a rollout nor hurries it', async (_, stepMs) => {
    await journey(
      async (walk) => {
        walk.prometheus.answer(() => 100);
        const analysis = { interval: `${INTERVAL_MS}ms`, metrics: METRICS };
        await initialized(walk, {}, { analysis });
        await rollWith(walk, async () => {
          await untilCanary(walk, 'the first weight', ({ status }) => status.canaryWeight === 25);
          walk.operator.signal('SIGUSR2');
        });
      },
      { environment: jumping(stepMs) },
    );
  });

  test.each([
    ['forward by an hour while pods are awaited passes no deadline', [HOUR_MS]],
    [
      'back by an hour while pods are awaited, and forward again, ends promoted',
      [-HOUR_MS, HOUR_MS],
    ],
  ])('%s', async (_, stepsMs) => {
    await journey(
      async (walk) => {
        await initialized(walk, {}, { analysis: { interval: `${INTERVAL_MS}ms` } });
        walk.kubelet.behave(() => true, { kind: 'ready', afterMs: 3_000 });
        await rollWith(walk, async () => {
          await untilCanary(walk, 'the rollout', ({ status }) => status.phase === 'Progressing');
          walk.operator.signal('SIGUSR2');
          if (stepsMs.length === 1) return;
          await untilCanary(walk, 'the first weight', ({ status }) => status.canaryWeight === 25);
          walk.operator.signal('SIGUSR2');
        });
      },
      { environment: jumping(...stepsMs) },
    );
  });
});
