// Names that would not fit with a suffix are refused with the field's path; the longest that fit work the whole way.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import { RefusedByApi } from '../cluster/api.ts';
import { requestsOf } from './chronicle.ts';
import {
  canariesPath,
  canaryObject,
  createCanary,
  deployTarget,
  imageOf,
  initialized,
  journey,
  setImage,
  untilPhase,
} from './journey.ts';

describeE2E('a name', () => {
  test.concurrent.for([53, 54, 55])('of %i characters goes the whole way', async (length) => {
    await journey(async (walk) => {
      const name = long(length);
      await initialized(walk, { name });
      await setImage(walk, 'web:2', name);
      await untilPhase(walk, 'Succeeded', { name });
      expect(await imageOf(walk, `${name}-primary`)).toBe('web:2');
    });
  });

  test('of 56 to 63 characters is refused with its path, and nothing is written', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      for (const length of [56, 57, 58, 59, 60, 61, 62, 63]) {
        const name = long(length);
        await deployTarget(walk, { name });
        const target = refusal(() => createCanary(walk, aimedAt(name)));
        expect(await target).toContain('spec.targetRef.name');
        const service = refusal(() =>
          walk.api.post(canariesPath(walk), canaryObject({ service: { name } })),
        );
        expect(await service).toContain('spec.service.name');
      }
      expect(requestsOf(walk).filter(({ verb }) => verb !== 'list' && verb !== 'get')).toEqual([]);
    });
  });
});

function long(length: number): string {
  return 'n'.repeat(length);
}

function aimedAt(name: string): Parameters<typeof createCanary>[1] {
  return { name: 'web', spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name } } };
}

async function refusal(create: () => Promise<unknown>): Promise<string> {
  try {
    await create();
  } catch (error) {
    if (error instanceof RefusedByApi && error.code === 422) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}
