// What is remembered of an object must never outlive it, nor be told for other configs.
import { expect, test } from 'vitest';
import type { KubeObject, PodTemplate } from '../../../src/api/kubernetes.ts';
import { asInstant, type Instant } from '../../../src/clock/clock.ts';
import { parseCanary } from '../../../src/api/parse-canary.ts';
import { Recall } from '../../../src/reconcilers/recall.ts';
import { revisionOf, templateDigest } from '../../../src/workloads/revision.ts';

const canary = (interval: string, generation = 1): KubeObject => ({
  apiVersion: 'serin.dev/v1beta1',
  kind: 'Canary',
  metadata: { namespace: 'shop', name: 'web', uid: 'u', resourceVersion: '1', generation },
  spec: {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    service: { port: 80 },
    analysis: { interval, threshold: 3, maxWeight: 50, stepWeight: 10 },
  },
});

const template = (image: string): PodTemplate => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
});

test('reads an object once, and the one in its place anew', () => {
  const recall = new Recall();
  const first = canary('10s');
  const parsed = recall.canary(first, 'nginx');
  expect(recall.canary(first, 'nginx')).toBe(parsed);
  const next = canary('20s', 2);
  expect(recall.canary(next, 'nginx')).toEqual(parseCanary(next, { defaultProvider: 'nginx' }));
  expect(recall.canary(next, 'nginx').spec?.analysis.intervalMs).toBe(20_000);
});

test('keeps what a spec said when only the status was written', () => {
  const recall = new Recall();
  const before = recall.canary(canary('10s'), 'nginx');
  const written = { ...canary('10s'), status: { phase: 'Progressing' } };
  const after = recall.canary(written, 'nginx');
  expect(after.spec).toBe(before.spec);
  expect(after.status.phase).toBe('Progressing');
});

test('reads a Canary anew for another default provider', () => {
  const recall = new Recall();
  const object = canary('10s');
  expect(recall.canary(object, 'nginx').spec?.provider).toBe('nginx');
  expect(recall.canary(object, 'kubernetes').spec?.provider).toBe('kubernetes');
});

test('names a template as it would be named without remembering, whatever its configs were before', () => {
  const recall = new Recall();
  const one = template('app:1');
  for (const configs of [{}, { 'configmap/a': '1' }, { 'configmap/a': '2' }, {}]) {
    const named = recall.template(one, configs, { uid: 'u', generation: 1 });
    expect(named.revision).toBe(revisionOf(one, configs));
    expect(named.digest).toBe(templateDigest(one));
    expect(recall.template(one, { ...configs }, { uid: 'u', generation: 1 })).toBe(named);
  }
  const two = template('app:2');
  const next = { uid: 'u', generation: 2 };
  expect(recall.template(two, {}, next).revision).toBe(revisionOf(two, {}));
});

test('names a workload anew with its generation, and not for its status', () => {
  const recall = new Recall();
  const first = recall.template(template('app:1'), {}, { uid: 'u', generation: 1 });
  expect(recall.template(template('app:1'), {}, { uid: 'u', generation: 1 })).toBe(first);
  const next = recall.template(template('app:2'), {}, { uid: 'u', generation: 2 });
  expect(next.revision).toBe(revisionOf(template('app:2'), {}));
  const other = recall.template(template('app:3'), {}, { uid: 'v', generation: 2 });
  expect(other.digest).toBe(templateDigest(template('app:3')));
  const tracked = recall.template(
    template('app:2'),
    { 'configmap/a': '1' },
    { uid: 'u', generation: 2 },
  );
  expect(tracked.revision).toBe(revisionOf(template('app:2'), { 'configmap/a': '1' }));
});

test('tells since when a workload stands, anew with each generation and count', () => {
  const recall = new Recall();
  const of = (generation: number): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', uid: 'u', generation },
  });
  const [one, two, three] = [1_000, 2_000, 3_000].map((ms) => asInstant(ms)) as [
    Instant,
    Instant,
    Instant,
  ];
  expect(recall.standsSince(of(1), '1', one)).toBe(one);
  expect(recall.standsSince(of(1), '1', two)).toBe(one);
  expect(recall.standsSince(of(2), '1', two)).toBe(two);
  expect(recall.standsSince(of(2), '2', three)).toBe(three);
});
