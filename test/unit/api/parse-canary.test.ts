// What a Canary means: defaults, what is refused and in which words, what is only warned about.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canaryOf, parseCanary } from '../../../src/api/parse-canary.ts';
import { specSchema } from '../../../src/api/schema/canary-spec.ts';
import { nearly } from './arbitrary.ts';
import {
  calmSpec,
  canary,
  parse,
  problems,
  specOf,
  warnings,
  withAnalysis,
  withService,
} from './canary-fixture.ts';

const long = 'a'.repeat(56);

const withHook = (fields: Readonly<Record<string, unknown>>) => {
  const good = { name: 'a', type: 'exec', exec: { command: ['check'] } };
  return withAnalysis({ webhooks: [{ ...good, ...fields }] });
};

describe('defaults', () => {
  test('a short manifest means what Flagger would make of it, and gives traffic back on deletion', () => {
    const spec = specOf({
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
      service: { port: 9898 },
      analysis: { stepWeight: 50 },
    });
    expect(spec).toMatchObject({
      provider: 'gatewayapi:v1',
      metricsServer: null,
      autoscalerRef: null,
      progressDeadlineMs: 600_000,
      skipAnalysis: false,
      revertOnDeletion: true,
      suspend: false,
      service: { name: 'podinfo', port: 9898, targetPort: 9898, portName: 'http', headless: false },
      analysis: {
        intervalMs: 60_000,
        threshold: 1,
        strategy: { kind: 'weighted', weights: [50, 100], promotionStep: null },
        primaryReadyThreshold: 100,
        canaryReadyThreshold: 100,
        unknown: { limitMs: 600_000, then: 'pause' },
      },
    });
  });

  test('revertOnDeletion false is obeyed', () => {
    expect(specOf({ ...calmSpec, revertOnDeletion: false }).revertOnDeletion).toBe(false);
  });

  test.each([0, -3])('a threshold of %i means 1', (threshold) => {
    expect(specOf(withAnalysis({ threshold })).analysis.threshold).toBe(1);
  });

  test('metrics, webhooks and alerts have their defaults', () => {
    const { analysis } = specOf(
      withAnalysis({
        metrics: [{ name: 'errors', templateRef: { name: 't' }, thresholdRange: { max: 1 } }],
        webhooks: [
          { name: 'load', url: 'http://load.test/' },
          { name: 'gate', url: 'http://x', type: '' },
        ],
        alerts: [{ name: 'a', severity: '', providerRef: { name: 'slack', namespace: 'ops' } }],
      }),
    );
    expect(analysis.metrics).toEqual([
      {
        name: 'errors',
        intervalMs: 60_000,
        range: { min: null, max: 1 },
        origin: { kind: 'template', ref: { namespace: 'test', name: 't' } },
        variables: {},
      },
    ]);
    expect(
      analysis.webhooks.map(({ type, timeoutMs, retries }) => [type, timeoutMs, retries]),
    ).toEqual([
      ['rollout', 10_000, 0],
      ['rollout', 10_000, 0],
    ]);
    expect(analysis.alerts).toEqual([
      { name: 'a', severity: 'info', providerRef: { namespace: 'ops', name: 'slack' } },
    ]);
  });

  test('a number in quotes is a port number', () => {
    expect(specOf(withService({ targetPort: '8080' })).service.targetPort).toBe(8080);
    expect(specOf(withService({ targetPort: 'http' })).service.targetPort).toBe('http');
  });
});

describe('strategy', () => {
  test.each([
    [{ stepWeight: 20, maxWeight: 50 }, [20, 40, 50]],
    [{ stepWeight: 25, maxWeight: 50 }, [25, 50]],
    [{ stepWeight: 80, maxWeight: 50 }, [50]],
    [{ stepWeight: 33 }, [33, 66, 99, 100]],
    [{ stepWeights: [1, 10, 80] }, [1, 10, 80]],
  ])('%j goes through %j', (fields, weights) => {
    const spec = specOf({ ...calmSpec, analysis: fields });
    expect(spec.analysis.strategy).toMatchObject({ kind: 'weighted', weights });
  });

  test('linear weights always grow, and end at maxWeight exactly', () => {
    const percent = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(percent, percent, (stepWeight, maxWeight) => {
        const { strategy } = specOf(withAnalysis({ stepWeight, maxWeight })).analysis;
        if (strategy.kind !== 'weighted') throw new Error('not weighted');
        expect(strategy.weights.at(-1)).toBe(maxWeight);
        expect(strategy.weights).toEqual([...new Set(strategy.weights)].sort((a, b) => a - b));
      }),
    );
  });

  test('iterations are blue/green', () => {
    const spec = specOf({ ...calmSpec, analysis: { iterations: 3 } });
    expect(spec.analysis.strategy).toEqual({ kind: 'blue-green', iterations: 3 });
  });

  test('without a strategy only a Canary that skips the analysis is taken', () => {
    expect(problems(parse({ ...calmSpec, analysis: {} }))).toEqual(['InvalidSpec spec.analysis']);
    expect(parse({ ...calmSpec, analysis: undefined, skipAnalysis: true }).problems).toEqual([]);
  });

  test('two strategies at once are refused', () => {
    expect(problems(parse(withAnalysis({ iterations: 3 })))).toEqual(['InvalidSpec spec.analysis']);
  });

  test.each([[[10, 10]], [[10, 50, 20]]])(
    'stepWeights %j are refused at the entry',
    (stepWeights) => {
      const parsed = parse({ ...calmSpec, analysis: { stepWeights } });
      expect(problems(parsed)).toEqual([
        `InvalidSpec spec.analysis.stepWeights[${stepWeights.length - 1}]`,
      ]);
      expect(parsed.spec).toBeNull();
    },
  );

  test('canaryAnalysis is read where analysis is not given', () => {
    const parsed = parse({ ...calmSpec, analysis: undefined, canaryAnalysis: { stepWeight: 50 } });
    expect(parsed.spec?.analysis.strategy).toMatchObject({ weights: [50, 100] });
    expect(warnings(parsed)).toEqual(['Deprecated spec.canaryAnalysis']);
    const wrong = parse({ ...calmSpec, analysis: undefined, canaryAnalysis: { stepWeight: 'x' } });
    expect(problems(wrong)).toEqual(['InvalidSpec spec.canaryAnalysis.stepWeight']);
  });
});

describe('metrics', () => {
  const metric = (fields: object) => parse(withAnalysis({ metrics: [fields] }));

  test('a bare threshold is the least for the success rate, and the most for all others', () => {
    const bare = (fields: object) => metric({ threshold: 99, ...fields }).spec?.analysis.metrics[0];
    expect(bare({ name: 'request-success-rate' })?.range).toEqual({ min: 99, max: null });
    expect(bare({ name: 'request-duration' })?.range).toEqual({ min: null, max: 99 });
    expect(bare({ name: 'x', query: 'vector(1)' })?.range).toEqual({ min: null, max: 99 });
  });

  test('thresholdRange wins over threshold', () => {
    const parsed = metric({ name: 'request-duration', threshold: 1, thresholdRange: { min: 0 } });
    expect(parsed.spec?.analysis.metrics[0]?.range).toEqual({ min: 0, max: null });
  });

  const at = 'spec.analysis.metrics[0]';
  test.each([
    [{ name: 'x', templateRef: { name: 't' } }, `${at}.thresholdRange`],
    [{ name: 'request-duration', thresholdRange: {} }, `${at}.thresholdRange`],
    [{ name: 'request-duration', thresholdRange: { min: 2, max: 1 } }, `${at}.thresholdRange`],
    [{ name: 'latency', threshold: 1 }, `${at}.name`],
    [{ name: 'request-duration', threshold: 1, interval: '1d' }, `${at}.interval`],
    [{ name: 'request-duration', threshold: 'x' }, `${at}.threshold`],
  ])('%j is refused', (fields, path) => {
    expect(problems(metric(fields))).toEqual([`InvalidSpec ${path}`]);
  });
});

describe('refusals', () => {
  test.each([
    [withAnalysis({ match: [{ headers: { a: { exact: 'b' } } }] }), 'spec.analysis.match'],
    [withAnalysis({ mirror: true }), 'spec.analysis.mirror'],
    [withAnalysis({ sessionAffinity: { cookieName: 'c' } }), 'spec.analysis.sessionAffinity'],
    [
      { ...calmSpec, targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'a' } },
      'spec.targetRef.kind',
    ],
    [
      {
        ...calmSpec,
        autoscalerRef: { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'a' },
      },
      'spec.autoscalerRef.kind',
    ],
    [
      { ...calmSpec, upstreamRef: { apiVersion: 'g/v1', kind: 'Upstream', name: 'a' } },
      'spec.upstreamRef',
    ],
    [
      { ...calmSpec, routeRef: { apiVersion: 'a/v2', kind: 'ApisixRoute', name: 'a' } },
      'spec.routeRef',
    ],
  ])('what is not built yet is refused by name: case %#', (spec, path) => {
    expect(problems(parse(spec))).toEqual([`NotSupported ${path}`]);
  });

  test.each([
    [withAnalysis({ interval: '999ms' }), 'spec.analysis.interval'],
    [withAnalysis({ interval: '25h' }), 'spec.analysis.interval'],
    [withAnalysis({ unknown: { limit: '0s' } }), 'spec.analysis.unknown.limit'],
    [withAnalysis({ webhooks: [{ name: 'a', url: 'http://' }] }), 'spec.analysis.webhooks[0].url'],
    [withAnalysis({ webhooks: [{ name: 'a' }] }), 'spec.analysis.webhooks[0].url'],
    [withAnalysis({ webhooks: [{ name: 'a', type: 'exec' }] }), 'spec.analysis.webhooks[0].exec'],
    [withHook({ exec: { command: [] } }), 'spec.analysis.webhooks[0].exec.command'],
    [withHook({ exec: { command: [''] } }), 'spec.analysis.webhooks[0].exec.command[0]'],
    [withHook({ exec: {} }), 'spec.analysis.webhooks[0].exec'],
    [withHook({ exec: { command: 'sh' } }), 'spec.analysis.webhooks[0].exec.command'],
    [withHook({ url: 'http://hook.test/' }), 'spec.analysis.webhooks[0].url'],
    [withHook({ type: 'rollout', url: 'http://hook.test/' }), 'spec.analysis.webhooks[0].exec'],
    [withAnalysis({ maxWeight: 0 }), 'spec.analysis.maxWeight'],
    [withAnalysis({ stepWeight: 1.5 }), 'spec.analysis.stepWeight'],
    [withService({ targetPort: 0 }), 'spec.service.targetPort'],
    [withService({ targetPort: 'Not A Port' }), 'spec.service.targetPort'],
    [withService({ timeout: 'soon' }), 'spec.service.timeout'],
    [withService({ match: [{ uri: { exact: '/', prefix: '/' } }] }), 'spec.service.match[0].uri'],
    [withService({ name: long }), 'spec.service.name'],
    [withService({ name: '1st' }), 'spec.service.name'],
    [{ ...calmSpec, service: undefined }, 'spec.service'],
    [{ ...calmSpec, provider: 'haproxy' }, 'spec.provider'],
    [
      { ...calmSpec, targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: long } },
      'spec.targetRef.name',
    ],
    [
      { ...calmSpec, targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: '1st.web' } },
      'spec.service.name',
    ],
    [
      { ...calmSpec, targetRef: { apiVersion: 'batch/v1', kind: 'Deployment', name: 'web' } },
      'spec.targetRef.apiVersion',
    ],
    [null, 'spec'],
  ])('a wrong field is named by its path: case %#', (spec, path) => {
    const parsed = parse(spec);
    expect(problems(parsed)).toEqual([`InvalidSpec ${path}`]);
    expect(parsed.spec).toBeNull();
    expect(canaryOf(parsed)).toBeNull();
  });

  test('a name of 55 characters leaves just enough room', () => {
    expect(parse(withService({ name: 'a'.repeat(55) })).problems).toEqual([]);
  });
});

describe('warnings', () => {
  test.each([
    [withService({ meshName: 'global' }), 'NoEffect spec.service.meshName'],
    [withService({ gateways: ['mesh'] }), 'NoEffect spec.service.gateways'],
    [withService({ retries: { attempts: 3 } }), 'NoEffect spec.service.retries'],
    [withService({ trafficPolicy: { tls: {} } }), 'NoEffect spec.service.trafficPolicy'],
    [
      withService({ match: [{ uri: { prefix: '/' }, ignoreUriCase: true }] }),
      'NoEffect spec.service.match[0].ignoreUriCase',
    ],
    [
      withService({ corsPolicy: { allowOrigins: [{ exact: 'a' }, { regex: 'b' }] } }),
      'NoEffect spec.service.corsPolicy.allowOrigins[1]',
    ],
    [withAnalysis({ mirrorWeight: 10 }), 'NoEffect spec.analysis.mirrorWeight'],
    [
      withAnalysis({ alerts: [{ name: 'a', providerRef: { name: 'b' } }] }),
      'NoEffect spec.analysis.alerts',
    ],
    [
      {
        ...calmSpec,
        autoscalerRef: {
          apiVersion: 'autoscaling/v2beta2',
          kind: 'HorizontalPodAutoscaler',
          name: 'a',
        },
      },
      'ReadAs spec.autoscalerRef.apiVersion',
    ],
  ])('what has no effect is told, and the Canary is taken: case %#', (spec, warning) => {
    const parsed = parse(spec);
    expect(warnings(parsed)).toEqual([warning]);
    expect(parsed.spec).not.toBeNull();
  });

  test.each([{ backends: [] }, { delegation: false }, { meshName: '' }])(
    'what asks for nothing is not worth a warning: %j',
    (fields) => {
      expect(parse(withService(fields)).warnings).toEqual([]);
    },
  );
});

describe('any JSON', () => {
  test('never throws, and gives either a spec or problems', () => {
    const metadata = fc.oneof(fc.jsonValue(), fc.constant({ name: 'a', namespace: 'b' }));
    const raw = fc.record({ metadata, spec: nearly(specSchema, 1), status: fc.jsonValue() });
    const any = fc.oneof(raw, fc.jsonValue());
    fc.assert(
      fc.property(any, (value) => {
        const parsed = parseCanary(JSON.parse(JSON.stringify(value)), { defaultProvider: 'x' });
        expect(parsed.spec === null).toBe(parsed.problems.length > 0);
        for (const problem of parsed.problems) expect(problem.message).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  test('the structure alone is enough not to throw: values of the right shape, wrong in themselves', () => {
    fc.assert(
      fc.property(nearly(specSchema, 0), (spec) => {
        const parsed = parseCanary(canary(spec), { defaultProvider: 'x' });
        expect(parsed.spec === null).toBe(parsed.problems.length > 0);
      }),
      { numRuns: 1000 },
    );
  });

  test('keys of prototypes are ordinary keys', () => {
    const spec = JSON.parse(
      '{"__proto__":{"suspend":true},"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"},"service":{"port":1,"apex":{"labels":{"__proto__":"x","constructor":"y"}}},"analysis":{"stepWeight":5}}',
    );
    const parsed = parse(spec);
    expect(parsed.spec?.suspend).toBe(false);
    expect(Object.keys(parsed.spec?.service.apex.labels ?? {})).toEqual([
      '__proto__',
      'constructor',
    ]);
  });
});
