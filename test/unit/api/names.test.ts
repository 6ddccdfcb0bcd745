// Names of what Serin makes.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { namesOf } from '../../../src/api/names.ts';
import { calmSpec, parse, specOf, withService } from './canary-fixture.ts';

test('the Services are named after the apex, workload and scaler after their own', () => {
  const spec = specOf({
    ...withService({ name: 'web' }),
    autoscalerRef: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      name: 'scaler',
    },
  });
  const names = namesOf(spec);
  expect(names).toMatchObject({
    apex: 'web',
    primary: 'web-primary',
    canary: 'web-canary',
    target: 'podinfo',
    targetPrimary: 'podinfo-primary',
    hpaPrimary: 'scaler-primary',
  });
  expect(names.configCopy('Secret', 'tls')).toBe('tls-primary');
});

test('a Canary without a scaler has no copy of it', () => {
  expect(namesOf(specOf(calmSpec)).hpaPrimary).toBeNull();
});

test('no name that is taken grows past 63 characters, and none is cut', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,80}$/);
  fc.assert(
    fc.property(name, name, (target, service) => {
      const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: target };
      const { spec } = parse({ ...withService({ name: service }), targetRef });
      if (spec === null) return;
      const names = namesOf(spec);
      for (const one of [names.primary, names.canary, names.targetPrimary]) {
        expect(one.length).toBeLessThanOrEqual(63);
      }
      expect(names.primary).toBe(`${service}-primary`);
    }),
  );
});
