// docs/reference.md names every reason, annotation, metric and flag that the source knows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { controller } from '../../../src/cli/controller.ts';
import { Metrics } from '../../../src/recorder/metrics.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/reference.md'), 'utf8');

/** Rooms whose reasons reach a Canary's conditions and Events. */
const TELLING = ['api', 'decision', 'reconcilers', 'routers', 'workloads', 'metrics'];
/** Reasons that never leave the process: errors of ours, and why there is no sample. */
const INTERNAL = ['Unreachable'];

function textOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');
}

function untold(names: Iterable<string>): readonly string[] {
  return [...new Set(names)].filter((name) => !PAGE.includes(`\`${name}`)).toSorted();
}

function found(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

test('tells every reason', () => {
  const source = TELLING.map((room) => textOf(join(ROOT, 'src', room))).join('\n');
  const reasons = [
    ...found(source, /\breason:\s*'([A-Z][A-Za-z]+)'/g),
    ...found(source, /\btold\(\s*'[a-z]+',\s*'([A-Z][A-Za-z]+)'/g),
  ];
  expect(reasons.length).toBeGreaterThan(50);
  expect(untold(reasons.filter((reason) => !INTERNAL.includes(reason)))).toEqual([]);
});

test('tells every annotation, label and finalizer', () => {
  const keys = found(textOf(join(ROOT, 'src')), /'(serin\.dev\/[a-z-]+)'/g);
  expect(untold(keys.filter((key) => !key.startsWith('serin.dev/v1')))).toEqual([]);
});

test('tells every metric', () => {
  const metrics = new Metrics({
    version: '',
    meshProvider: '',
    eventLoopDelay: { count: 0, mean: 0, max: 0, percentile: () => 0, reset: () => undefined },
    usage: () => ({ cpuSeconds: 0, residentBytes: 0, heapUsedBytes: 0 }),
  });
  expect(untold(metrics.registry.getMetricsAsArray().map(({ name }) => name))).toEqual([]);
});

test('tells every flag of the operator', () => {
  expect(untold(Object.keys(controller.flags).map((flag) => `--${flag}`))).toEqual([]);
});
