// The list of metric sources: what is served, and what is refused by name.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createEgress } from '../../../src/egress/egress.ts';
import {
  createMetricSources,
  judgeSourceType,
  METRIC_SOURCES,
  NOT_YET,
} from '../../../src/metrics/registry.ts';
import { atHome } from '../egress/calls.ts';

test('every entry makes the source of its name', async () => {
  const clock = new VirtualClock();
  await using egress = createEgress({ clock, policy: atHome });
  const sources = createMetricSources({ clock, egress });
  expect([...sources.keys()]).toEqual(METRIC_SOURCES.map(({ type }) => type));
  for (const [type, source] of sources) expect(source.type).toBe(type);
});

test('a type that is not served is refused with the ones that are', () => {
  const path = 'spec.provider.type';
  expect(judgeSourceType('prometheus', path)).toBeNull();
  expect(judgeSourceType('datadog', path)).toEqual({
    reason: 'UnsupportedMetricSource',
    path,
    message: 'metric source datadog is not supported yet; supported: prometheus',
  });
  for (const type of ['', 'Prometheus', 'constructor', 'prometheus ']) {
    expect(judgeSourceType(type, path)?.message).toContain('is not a metric source');
  }
});

test('no type is both served and not yet served', () => {
  for (const { type } of METRIC_SOURCES) expect(NOT_YET).not.toContain(type);
});
