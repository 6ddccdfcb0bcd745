// Every file of examples/ is what it says it is: a manifest that the API server takes whole and that Serin obeys.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Api } from '../cluster/api.ts';
import { parseManifests, pathOf } from '../cluster/apply.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { condition, journey, untilPhase } from './journey.ts';

const FOLDER = join(import.meta.dirname, '../../../examples');
const FILES = globSync('*.yaml', { cwd: FOLDER });

/** One of them runs commands in pods. */
const OPERATOR = { flags: ['--enable-exec'] };

describeE2E('the examples', () => {
  test('are there', () => {
    expect(FILES.length).toBeGreaterThan(5);
  });

  test.each(FILES)('%s is obeyed as it stands', async (file) => {
    await journey(async (walk) => {
      await applyStrictly(walk.api, readFileSync(join(FOLDER, file), 'utf8'), walk.namespace);
      const { status } = await untilPhase(walk, 'Initialized', { name: 'podinfo' });
      expect(condition(status, 'Accepted')).toMatchObject({
        status: 'True',
        message: 'the spec can be obeyed',
      });
      expect(condition(status, 'Ready')?.status, basename(file)).toBe('True');
    }, OPERATOR);
  });
});

/** As `kubectl apply --server-side --validate=strict`: a field that no schema knows is an error. */
async function applyStrictly(api: Api, text: string, namespace: string): Promise<void> {
  for (const object of parseManifests(text)) {
    const path = await pathOf(api, object, namespace);
    const query = 'fieldManager=tests&force=true&fieldValidation=Strict';
    const contentType = 'application/apply-patch+yaml';
    await api.patch(`${path}?${query}`, object, { contentType });
  }
}
