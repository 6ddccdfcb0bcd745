// What makes a new revision, and what does not.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodTemplate } from '../../../src/api/kubernetes.ts';
import {
  canonicalJson,
  configDigest,
  revisionOf,
  short,
  templateDigest,
} from '../../../src/workloads/revision.ts';
import { calmTemplate } from './fixtures.ts';

const base = templateDigest(calmTemplate);

function annotated(annotations: Record<string, string>): PodTemplate {
  return { ...calmTemplate, metadata: { ...calmTemplate.metadata, annotations } };
}

describe('a template has another digest when', () => {
  test.each([
    [
      'an image changes',
      { ...calmTemplate, spec: { containers: [{ name: 'podinfod', image: 'podinfo:2' }] } },
    ],
    [
      'a rollout restart stamps it',
      annotated({ 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' }),
    ],
    [
      'a label of the user appears',
      { ...calmTemplate, metadata: { labels: { app: 'podinfo', tier: 'web', x: 'y' } } },
    ],
  ])('%s', (_, template) => {
    expect(templateDigest(template)).not.toBe(base);
  });
});

describe('a template keeps its digest when', () => {
  test.each<[string, PodTemplate]>([
    [
      'Serin stamps it',
      annotated({ 'serin.dev/revision': 'abc', 'serin.dev/config-stamp': 'def' }),
    ],
    ['a server sends an empty map', annotated({})],
    [
      'an older server adds a creation time',
      { ...calmTemplate, metadata: { ...calmTemplate.metadata, creationTimestamp: 'null' } },
    ],
    [
      'its fields come in another order',
      { spec: calmTemplate.spec, metadata: { labels: { tier: 'web', app: 'podinfo' } } },
    ],
  ])('%s', (_, template) => {
    expect(templateDigest(template)).toBe(base);
  });
});

test('a changed config is a new revision of the same template', () => {
  const before = revisionOf(calmTemplate, { 'configmap/app': 'a'.repeat(64) });
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(revisionOf(calmTemplate, { 'configmap/app': 'b'.repeat(64) })).not.toBe(before);
  expect(revisionOf(calmTemplate, {})).not.toBe(before);
});

test('binary content and the type of a Secret count, immutability and an absent type do not', () => {
  const data = { a: '1' };
  const plain = configDigest({ kind: 'ConfigMap', data });
  expect(configDigest({ kind: 'ConfigMap', data, binaryData: { b: 'AA==' } })).not.toBe(plain);
  expect(configDigest({ kind: 'ConfigMap', data, immutable: true, binaryData: {} })).toBe(plain);
  const secret = configDigest({ kind: 'Secret', data });
  expect(configDigest({ kind: 'Secret', data, type: 'Opaque' })).toBe(secret);
  expect(configDigest({ kind: 'Secret', data, type: 'kubernetes.io/tls' })).not.toBe(secret);
  expect(short(secret)).toHaveLength(16);
});

test('canonical JSON says the same value in the same way, and says it as JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('canonical JSON leaves out what is undefined', () => {
  expect(canonicalJson({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}');
});

/** The same value with the fields of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}
