// MetricTemplate, AlertProvider, and who may refer to them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAlertProvider } from '../../../src/api/alert-provider.ts';
import { refusedReference } from '../../../src/api/grants.ts';
import { parseMetricTemplate } from '../../../src/api/metric-template.ts';
import { alertProviderSchema } from '../../../src/api/schema/alert-provider.ts';
import { metricTemplateSchema } from '../../../src/api/schema/metric-template.ts';
import { nearly } from './arbitrary.ts';

const object = (kind: string, spec: unknown) => ({
  apiVersion: 'serin.dev/v1beta1',
  kind,
  metadata: { name: 'a', namespace: 'ops', resourceVersion: '7', annotations: { k: 'v' } },
  spec,
});
const template = (spec: unknown) => parseMetricTemplate(object('MetricTemplate', spec));
const provider = (spec: unknown) => parseAlertProvider(object('AlertProvider', spec));

test('a MetricTemplate is read with its defaults', () => {
  expect(template({ provider: { type: 'prometheus' }, query: 'up' })).toEqual({
    ok: true,
    value: {
      namespace: 'ops',
      name: 'a',
      resourceVersion: '7',
      annotations: { k: 'v' },
      provider: {
        type: 'prometheus',
        address: '',
        headers: {},
        secretName: null,
        region: null,
        insecureSkipVerify: false,
      },
      query: 'up',
    },
  });
});

test.each([
  [{ provider: { type: 'prometheus' }, query: '{{ oops }}' }, 'spec.query'],
  [{ provider: { type: 'prometheus', address: 'x:9090' }, query: 'up' }, 'spec.provider.address'],
  [{ provider: { type: 'abacus' }, query: 'up' }, 'spec.provider.type'],
  [{ provider: { type: 'prometheus' } }, 'spec'],
])('a MetricTemplate that cannot work is refused early: %j', (spec, path) => {
  expect(template(spec)).toMatchObject({ ok: false, problems: [{ path }] });
});

test('an AlertProvider takes its address from one place', () => {
  expect(provider({ type: 'slack', address: 'https://x' })).toMatchObject({
    ok: true,
    value: {
      channel: 'general',
      username: 'serin',
      target: { kind: 'address', address: 'https://x' },
    },
  });
  expect(provider({ type: 'slack', secretRef: { name: 's' } })).toMatchObject({
    value: { target: { kind: 'secret', name: 's' } },
  });
  expect(provider({ type: 'slack' })).toMatchObject({ ok: false });
  expect(provider({ type: 'slack', address: 'https://x', secretRef: { name: 's' } }).ok).toBe(
    false,
  );
  expect(provider({ type: 'slack', address: 'file:///x' }).ok).toBe(false);
});

test('no JSON makes them throw', () => {
  fc.assert(
    fc.property(nearly(metricTemplateSchema, 1), nearly(alertProviderSchema, 1), (one, other) => {
      template(one);
      provider(other);
    }),
  );
});

describe('grants', () => {
  const ask = (annotations: Record<string, string>, from = 'shop', allowCrossNamespace = false) =>
    refusedReference(
      {
        from,
        path: 'p',
        to: {
          namespace: 'ops',
          name: 'errors',
          kind: 'MetricTemplate',
          resource: 'metrictemplates.serin.dev',
          annotations,
        },
      },
      { allowCrossNamespace },
    );

  test.each(['shop', ' x , shop ', '*', 'x,*'])('%j lets shop in', (allow) => {
    expect(ask({ 'serin.dev/allow-from': allow })).toBeNull();
  });

  test('the own namespace needs no grant, and the flag opens all', () => {
    expect(ask({}, 'ops')).toBeNull();
    expect(ask({}, 'shop', true)).toBeNull();
  });

  test.each(['', 'shopping', 'sho', 'x y', 'Shop'])('%j does not let shop in', (allow) => {
    expect(ask({ 'serin.dev/allow-from': allow })?.reason).toBe('NotGranted');
  });

  test('the refusal prints the command that grants, and does not tell whom else it is open to', () => {
    expect(ask({})?.message).toBe(
      "MetricTemplate ops/errors is not open to namespace shop; its owner can open it: kubectl annotate -n ops metrictemplates.serin.dev errors --overwrite 'serin.dev/allow-from=shop'",
    );
    expect(ask({ 'serin.dev/allow-from': 'secret-project' })?.message).not.toContain(
      'secret-project',
    );
  });
});
