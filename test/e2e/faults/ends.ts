// How a rollout must have ended, whatever happened on the way.
import { expect } from 'vitest';
import {
  condition,
  deployment,
  imageOf,
  initialized,
  type Journey,
  routedWeight,
  type SeenCanary,
  service,
  setImage,
  type TargetOptions,
  untilCanary,
  untilPhase,
  type CanaryOptions,
} from '../journeys/journey.ts';

/** A canary of `web:2` that has its first weight. */
export async function canaryInTraffic(
  walk: Journey,
  target: TargetOptions = {},
  canary: CanaryOptions = {},
): Promise<SeenCanary> {
  await initialized(walk, target, canary);
  await setImage(walk, 'web:2');
  return untilCanary(walk, 'the first weight', ({ status }) => status.canaryWeight === 25);
}

/** Waits until `web:2` is promoted, and looks at everything that belongs to that. */
export async function endsPromoted(walk: Journey, limitMs = 60_000): Promise<SeenCanary> {
  const seen = await untilPhase(walk, 'Succeeded', { limitMs });
  const [target, apex] = await Promise.all([deployment(walk, 'web'), service(walk, 'web')]);
  expect(await imageOf(walk, 'web-primary')).toBe('web:2');
  expect(target.spec.replicas).toBe(0);
  expect(apex.spec.selector).toEqual({ app: 'web-primary' });
  expect(await routedWeight(walk)).toBe(0);
  expect(seen.status.failedChecks).toBe(0);
  expect(seen.status.history.map(({ outcome }) => outcome)).toEqual(['promoted']);
  expect(condition(seen.status, 'Ready')?.status).toBe('True');
  expect(condition(seen.status, 'Promoted')?.status).toBe('True');
  return seen;
}
