// What people ask for by annotation.
import { expect, test } from 'vitest';
import { intentAnnotation, intentValue } from '../../../src/api/intents.ts';
import { calmSpec, parse, warnings } from './canary-fixture.ts';

const revision = 'a1b2c3d4'.repeat(8);
const ours = (manager: string, time: string) => ({
  manager,
  time,
  fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:serin.dev/approve': {} } } },
});

test('an intent names verb, revision, step and who wrote it last', () => {
  const parsed = parse(calmSpec, {
    annotations: { 'serin.dev/approve': `${revision.slice(0, 8)}/3`, 'serin.dev/abort': revision },
    managedFields: [
      ours('kubectl-annotate', '2026-01-02T00:00:00Z'),
      ours('kubectl-edit', '2026-01-01T00:00:00Z'),
      { manager: 'other', fieldsV1: { 'f:spec': {} } },
      null,
    ],
  });
  expect(parsed.intents).toEqual([
    {
      verb: 'approve',
      revision: 'a1b2c3d4',
      step: 3,
      value: 'a1b2c3d4/3',
      manager: 'kubectl-annotate',
    },
    { verb: 'abort', revision, step: null, value: revision, manager: '' },
  ]);
  expect(parsed.warnings).toEqual([]);
});

test.each(['yes', 'a1b2c3d', `${revision}0`, 'A1B2C3D4', 'a1b2c3d4/', 'a1b2c3d4/x', 'a1b2c3d4/-1'])(
  'a malformed intent is told and not obeyed: %s',
  (value) => {
    const parsed = parse(calmSpec, { annotations: { 'serin.dev/pause': value } });
    expect(parsed.intents).toEqual([]);
    expect(warnings(parsed)).toEqual(['MalformedIntent metadata.annotations["serin.dev/pause"]']);
    expect(parsed.spec).not.toBeNull();
  },
);

test('an intent that was written by us is read back', () => {
  const value = intentValue(revision, 2);
  const parsed = parse(calmSpec, { annotations: { [intentAnnotation('retry')]: value } });
  expect(parsed.intents).toMatchObject([{ verb: 'retry', revision, step: 2, value }]);
});

test('an empty annotation asks for nothing', () => {
  const parsed = parse(calmSpec, { annotations: { 'serin.dev/approve': '' } });
  expect([parsed.intents, parsed.warnings]).toEqual([[], []]);
});
