// The operator killed at any moment of a rollout and started again: the end is the same, and nothing is done twice.
import { expect, test } from 'vitest';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import type { Deployment } from '../../../src/api/kubernetes.ts';
import { parseStatus } from '../../../src/api/status.ts';
import { describeE2E } from '../cluster/e2e.ts';
import type { Chronicle } from './chronicle.ts';
import {
  canariesPath,
  createCanary,
  deployment,
  deployTarget,
  events,
  imageOf,
  initialized,
  journey,
  type Journey,
  service,
  setImage,
  untilPhase,
  untilRolledBack,
} from './journey.ts';
import { expectWeights, followRollout } from './routed.ts';

/** Slow pods and a slow gateway stretch every phase, so that a kill finds the operator in it. */
const SLOW_MS = 1_500;

const MOMENTS: readonly (readonly [string, (status: CanaryStatus) => boolean])[] = [
  ['while it waits for the first primary', ({ phase }) => phase === 'Initializing'],
  [
    'when it has chosen a new revision',
    ({ phase, canaryWeight }) => phase === 'Progressing' && canaryWeight === 0,
  ],
  [
    'when it has chosen the first weight',
    ({ phase, canaryWeight }) => phase === 'Progressing' && canaryWeight === 25,
  ],
  ['when it has chosen to promote', ({ phase }) => phase === 'Promoting'],
  ['when it has chosen to finish', ({ phase }) => phase === 'Finalising'],
];

describeE2E('an operator that is killed', () => {
  test.each(MOMENTS)('%s ends the rollout as if it had lived', async (_, moment) => {
    await journey(async (walk) => {
      walk.kubelet.behave(() => true, { kind: 'ready', afterMs: SLOW_MS });
      walk.gateway.judge(() => ({ kind: 'accept', afterMs: SLOW_MS }));
      await using seen = followRollout(walk);
      await using killer = new Killer(walk, moment);
      await deployTarget(walk);
      await createCanary(walk);
      await untilPhase(walk, 'Initialized');
      const { generation = 0 } = (await deployment(walk, 'web-primary')).metadata;
      await setImage(walk, 'web:2');
      const { status } = await untilPhase(walk, 'Succeeded', { limitMs: 60_000 });
      expect(killer.killedIn).not.toBeNull();
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      expect((await deployment(walk, 'web')).spec.replicas).toBe(0);
      expect((await service(walk, 'web')).spec.selector).toEqual({ app: 'web-primary' });
      expect(status.history.map(({ outcome }) => outcome)).toEqual(['promoted']);
      await expectWeights(seen, [0, 25, 50, 0]);
      expect(templatesOf(seen)).toEqual(['web:1', 'web:2']);
      expect((await deployment(walk, 'web-primary')).metadata.generation).toBe(generation + 1);
      const promoted = (await events(walk)).filter(({ reason }) => reason === 'Promoted');
      expect(promoted.length).toBeLessThanOrEqual(1);
    });
  });

  test('when it has chosen to roll back takes the canary out of service all the same, once', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 50);
      walk.gateway.judge(() => ({ kind: 'accept', afterMs: SLOW_MS }));
      await using seen = followRollout(walk);
      await using killer = new Killer(walk, ({ phase }) => phase === 'Failed');
      const metrics = [
        { name: 'request-success-rate', interval: '1s', thresholdRange: { min: 99 } },
      ];
      await initialized(walk, {}, { analysis: { threshold: 1, metrics } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk, { limitMs: 60_000 });
      expect(killer.killedIn).toBe('Failed');
      expect(status.history.map(({ outcome }) => outcome)).toEqual(['failed']);
      expect(status.lastFailure?.reason).toBe('AnalysisFailed');
      expect(walk.prometheus.queries).toHaveLength(1);
      await expectWeights(seen, [0, 25, 0]);
      expect(templatesOf(seen)).toEqual(['web:1']);
    });
  });
});

/** Kills the operator once, as soon as a status shows the moment, and starts another. */
class Killer implements AsyncDisposable {
  readonly #over = new AbortController();
  readonly #following: Promise<void>;
  #killedIn: string | null = null;

  constructor(walk: Journey, moment: (status: CanaryStatus) => boolean) {
    this.#following = this.#follow(walk, moment);
  }

  /** The phase; null while it has not come to it. */
  get killedIn(): string | null {
    return this.#killedIn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  async #follow(walk: Journey, moment: (status: CanaryStatus) => boolean): Promise<void> {
    for await (const { object } of walk.api.follow(canariesPath(walk), this.#over.signal)) {
      const status = parseStatus(object['status']);
      if (this.#killedIn !== null || !moment(status)) continue;
      await walk.operator.end('SIGKILL');
      this.#killedIn = status.phase;
      walk.startOperator();
    }
  }
}

/** The images that the primary's template went through. */
function templatesOf(seen: Chronicle): readonly string[] {
  const images = seen
    .of<Deployment>('Deployment', 'web-primary')
    .map(({ spec }) => spec.template.spec.containers[0]?.image ?? '');
  return images.filter((image, index) => image !== images[index - 1]);
}
