// A spec that is wrong in any field is refused with that field's path, writes nothing, asks nothing again, and holds up nobody.
import { expect, test } from 'vitest';
import { RefusedByApi } from '../cluster/api.ts';
import { apiAs, describeE2E, newNamespace } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { requestsOf, untilQuiet } from './chronicle.ts';
import {
  canariesPath,
  canaryObject,
  condition,
  createCanary,
  deployment,
  deployTarget,
  events,
  imageOf,
  initialized,
  journey,
  type Journey,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A change to a good spec (null takes a field away), and the path that its refusal names. */
type Row = readonly [change: Fields, path: string];

const metric = (change: Fields): Fields => ({
  analysis: { metrics: [{ name: 'm', thresholdRange: { max: 1 }, query: 'up', ...change }] },
});
const hook = (change: Fields): Fields => ({
  analysis: { webhooks: [{ name: 'h', url: 'http://hook.test/', ...change }] },
});
const command = (change: Fields): Fields => ({
  analysis: { webhooks: [{ name: 'h', type: 'exec', exec: { command: ['check'] }, ...change }] },
});
const scaler = (change: Fields): Fields => ({
  autoscalerRef: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    name: 'web',
    ...change,
  },
});
const ingress = (change: Fields): Fields => ({
  provider: 'nginx',
  ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web', ...change },
});
const match = (change: Fields): Fields => ({ service: { match: [change] } });

/** What the API server itself refuses. */
const BY_SCHEMA: readonly Row[] = [
  [{ targetRef: null }, 'spec.targetRef'],
  [{ targetRef: { kind: 'StatefulSet' } }, 'spec.targetRef.kind'],
  [{ targetRef: { name: '' } }, 'spec.targetRef.name'],
  [{ targetRef: { name: 'Not_A_Name' } }, 'spec.targetRef.name'],
  [{ targetRef: { apiVersion: null } }, 'spec.targetRef.apiVersion'],
  [{ provider: 'nonsense' }, 'spec.provider'],
  [{ metricsServer: 'h'.repeat(3000) }, 'spec.metricsServer'],
  [scaler({ kind: 'Robot' }), 'spec.autoscalerRef.kind'],
  [scaler({ name: null }), 'spec.autoscalerRef.name'],
  [scaler({ primaryScalerReplicas: { minReplicas: 3, maxReplicas: 2 } }), 'spec.autoscalerRef'],
  [scaler({ primaryScalerReplicas: { minReplicas: 0 } }), 'primaryScalerReplicas.minReplicas'],
  [ingress({ kind: 'Gateway' }), 'spec.ingressRef.kind'],
  [{ service: null }, 'spec'],
  [{ service: { port: null } }, 'spec.service.port'],
  [{ service: { port: 0 } }, 'spec.service.port'],
  [{ service: { port: 70_000 } }, 'spec.service.port'],
  [{ service: { port: 'http' } }, 'spec.service.port'],
  [{ service: { targetPort: 0 } }, 'spec.service.targetPort'],
  [{ service: { targetPort: 'a-name-that-is-far-too-long' } }, 'spec.service.targetPort'],
  [{ service: { name: 'UPPER' } }, 'spec.service.name'],
  [{ service: { portName: 'Bad_Name' } }, 'spec.service.portName'],
  [{ service: { trafficDistribution: 'Random' } }, 'spec.service.trafficDistribution'],
  [{ service: { portDiscovery: 'yes' } }, 'spec.service.portDiscovery'],
  [{ service: { gatewayRefs: [{ namespace: 'infra' }] } }, 'spec.service.gatewayRefs[0].name'],
  [match({ uri: { exact: '/a', prefix: '/b' } }), 'spec.service.match[0].uri'],
  [{ service: { mirror: [{}] } }, 'spec.service.mirror[0].backendRef'],
  [{ service: { hosts: 'all' } }, 'spec.service.hosts'],
  [{ analysis: null }, 'spec'],
  [{ analysis: { interval: '0s' } }, 'spec.analysis.interval'],
  [{ analysis: { interval: '500ms' } }, 'spec.analysis.interval'],
  [{ analysis: { interval: 'often' } }, 'spec.analysis.interval'],
  [{ analysis: { threshold: 20_000 } }, 'spec.analysis.threshold'],
  [{ analysis: { stepWeight: null, maxWeight: null } }, 'spec'],
  [{ analysis: { stepWeights: [10] } }, 'spec.analysis'],
  [{ analysis: { stepWeight: 0 } }, 'spec.analysis.stepWeight'],
  [{ analysis: { stepWeight: 101 } }, 'spec.analysis.stepWeight'],
  [{ analysis: { stepWeight: null, stepWeights: [] } }, 'spec.analysis.stepWeights'],
  [{ analysis: { stepWeight: null, stepWeights: [10, 110] } }, 'spec.analysis.stepWeights[1]'],
  [{ analysis: { stepWeight: null, stepWeights: [50, 20] } }, 'spec.analysis.stepWeights'],
  [{ analysis: { stepWeight: null, iterations: 0 } }, 'spec.analysis.iterations'],
  [{ analysis: { maxWeight: 101 } }, 'spec.analysis.maxWeight'],
  [{ analysis: { stepWeightPromotion: 101 } }, 'spec.analysis.stepWeightPromotion'],
  [{ analysis: { canaryReadyThreshold: 101 } }, 'spec.analysis.canaryReadyThreshold'],
  [metric({ thresholdRange: null }), 'spec.analysis.metrics[0]'],
  [metric({ thresholdRange: {} }), 'spec.analysis.metrics[0].thresholdRange'],
  [metric({ thresholdRange: { min: 2, max: 1 } }), 'spec.analysis.metrics[0].thresholdRange'],
  [metric({ interval: '0s' }), 'spec.analysis.metrics[0].interval'],
  [metric({ name: '' }), 'spec.analysis.metrics[0].name'],
  [hook({ url: 'ftp://hook.test/' }), 'spec.analysis.webhooks[0].url'],
  [hook({ type: 'perhaps' }), 'spec.analysis.webhooks[0].type'],
  [hook({ timeout: '2h' }), 'spec.analysis.webhooks[0].timeout'],
  [hook({ retries: -1 }), 'spec.analysis.webhooks[0].retries'],
  [hook({ url: null }), 'spec.analysis.webhooks[0]'],
  [hook({ exec: { command: ['check'] } }), 'spec.analysis.webhooks[0]'],
  [hook({ type: 'exec' }), 'spec.analysis.webhooks[0]'],
  [command({ url: 'http://hook.test/' }), 'spec.analysis.webhooks[0]'],
  [command({ exec: {} }), 'spec.analysis.webhooks[0].exec.command'],
  [command({ exec: { command: [] } }), 'spec.analysis.webhooks[0].exec.command'],
  [command({ exec: { command: [''] } }), 'spec.analysis.webhooks[0].exec.command'],
  [{ analysis: { unknown: { limit: '0s' } } }, 'spec.analysis.unknown.limit'],
  [{ analysis: { unknown: { then: 'promote' } } }, 'spec.analysis.unknown.then'],
  [{ progressDeadlineSeconds: 0 }, 'spec.progressDeadlineSeconds'],
  [{ skipAnalysis: 'yes' }, 'spec.skipAnalysis'],
  [{ suspend: 1 }, 'spec.suspend'],
];

/** What only the operator can know: the reason and the path of its condition. */
const BY_OPERATOR: readonly (readonly [change: Fields, reason: string, path: string])[] = [
  [{ targetRef: { kind: 'DaemonSet' } }, 'NotSupported', 'spec.targetRef.kind'],
  [{ targetRef: { apiVersion: 'batch/v1' } }, 'InvalidSpec', 'spec.targetRef.apiVersion'],
  [{ targetRef: { name: 'nobody' } }, 'TargetNotFound', 'spec.targetRef'],
  [{ provider: 'istio' }, 'UnsupportedProvider', 'spec.provider'],
  [{ provider: 'kubernetes' }, 'InvalidSpec', 'spec.analysis'],
  [{ provider: 'nginx' }, 'InvalidSpec', 'spec.ingressRef'],
  [ingress({}), 'IngressNotFound', 'spec.ingressRef'],
  [scaler({}), 'AutoscalerNotFound', 'spec.autoscalerRef'],
  [scaler({ kind: 'ScaledObject' }), 'NotSupported', 'spec.autoscalerRef.kind'],
  [upstream(), 'NotSupported', 'spec.upstreamRef'],
  [{ service: { targetPort: 'Bad Port' } }, 'InvalidSpec', 'spec.service.targetPort'],
  [{ service: { gatewayRefs: [] } }, 'InvalidSpec', 'spec.service.gatewayRefs'],
  [match({ uri: { prefix: 'no-slash' } }), 'InvalidSpec', 'spec.service.match[0].uri'],
  [match({ method: { regex: 'G.*' } }), 'InvalidSpec', 'spec.service.match[0].method'],
  [{ service: { rewrite: {} } }, 'InvalidSpec', 'spec.service.rewrite'],
  [{ service: { timeout: 'soon' } }, 'InvalidSpec', 'spec.service.timeout'],
  [
    { service: { timeout: '1s', backendTimeout: '2s' } },
    'InvalidSpec',
    'spec.service.backendTimeout',
  ],
  [metric({ query: null }), 'InvalidSpec', 'spec.analysis.metrics[0].name'],
  [metric({ query: 'up{{ nonsense' }), 'InvalidQuery', 'spec.analysis.metrics[0].query'],
  [metric({ templateRef: { name: 'none' } }), 'MetricTemplateNotFound', 'metrics[0].templateRef'],
  [hook({ url: 'http://' }), 'InvalidSpec', 'spec.analysis.webhooks[0].url'],
  [command({}), 'ExecNotEnabled', 'spec.analysis.webhooks[0].type'],
  [{ analysis: { match: [{ headers: {} }] } }, 'NotSupported', 'spec.analysis.match'],
  [{ analysis: { mirror: true } }, 'NotSupported', 'spec.analysis.mirror'],
  [
    { analysis: { sessionAffinity: { cookieName: 'c' } } },
    'NotSupported',
    'spec.analysis.sessionAffinity',
  ],
];

describeE2E('a wrong spec', () => {
  test.concurrent('that would leave its target, router or Service behind is refused', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      await createCanary(walk);
      await untilCanary(walk, 'the beginning', ({ status }) => status.phase !== '');
      const path = `${canariesPath(walk)}/web`;
      const changes = [
        [{ targetRef: { name: 'other' } }, 'targetRef cannot be changed'],
        [{ provider: 'nginx' }, 'provider cannot be changed'],
        [{ service: { name: 'other' } }, 'service.name cannot be changed'],
      ] as const;
      for (const [spec, words] of changes) {
        await expect(walk.api.patch(path, { spec })).rejects.toThrow(words);
      }
      await walk.api.patch(path, { spec: { analysis: { threshold: 5 } } });
    });
  });

  test.concurrent('is refused by the API server wherever it can know, with words', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      for (const [change, path] of BY_SCHEMA) {
        const refusal = await refusalOf(walk, change);
        expect(refusal, JSON.stringify(change)).toContain(path);
      }
      expect(writesOf(walk)).toEqual([]);
    });
  });

  test.concurrent('is refused by the operator else, once, while another Canary goes on', async () => {
    await journey(async (walk) => {
      await initialized(walk, { name: 'good' });
      await deployTarget(walk);
      await setImage(walk, 'good:2', 'good');
      for (const [change, reason, path] of BY_OPERATOR) {
        const told = requestsOf(walk).length;
        await walk.api.post(canariesPath(walk), wrong(change));
        const { object, status } = await untilCanary(
          walk,
          `${reason} for ${JSON.stringify(change)}`,
          (seen) => condition(seen.status, 'Accepted')?.status === 'False',
        );
        const accepted = condition(status, 'Accepted');
        expect(accepted, JSON.stringify(change)).toMatchObject({ reason });
        expect(accepted?.message, JSON.stringify(change)).toContain(path);
        expect(status.phase).toBe('');
        expect(object.metadata.finalizers ?? []).toEqual([]);
        await until(`an Event ${reason}`, async () =>
          (await events(walk)).some(
            (event) => event.reason === reason && event.note.includes(path),
          ),
        );
        expect(
          writesOf(walk, told).filter((write) => !write.includes('/good')).length,
        ).toBeLessThanOrEqual(1);
        await walk.api.delete(`${canariesPath(walk)}/web`);
        await until(
          'it to go',
          async () => (await walk.api.find(`${canariesPath(walk)}/web`)) === null,
        );
      }
      expect((await deployment(walk, 'web')).spec.replicas).toBe(2);
      expect(
        await walk.api.find(`/apis/apps/v1/namespaces/${walk.namespace}/deployments/web-primary`),
      ).toBeNull();
      await untilPhase(walk, 'Succeeded', { name: 'good' });
      expect(await imageOf(walk, 'good-primary')).toBe('good:2');
      await walk.api.post(canariesPath(walk), wrong({ provider: 'istio' }));
      await untilQuiet(walk, 4000);
    });
  });

  test.concurrent('in a target heals as soon as the target is there and right', async () => {
    await journey(async (walk) => {
      await createCanary(walk);
      await untilAccepted(walk, 'TargetNotFound');
      await deployTarget(walk);
      await untilPhase(walk, 'Initialized');
    });
  });

  test.concurrent('in a template or its grant heals when the owner mends it', async () => {
    const api = apiAs();
    await using other = await newNamespace(api, 'templates');
    await journey((walk) => healTemplate(walk, other.name), {
      flags: ['--namespace', other.name],
    });
  });

  test.concurrent('in a query with no number or several holds, says which, and heals', async () => {
    await journey(async (walk) => {
      const metrics = [{ name: 'm', interval: '1s', thresholdRange: { max: 1 }, query: 'up' }];
      await initialized(walk, {}, { analysis: { metrics } });
      await setImage(walk, 'web:2');
      await untilMeasured(walk, 'no series');
      walk.prometheus.answer(() => [
        { labels: { pod: 'a' }, value: 1 },
        { labels: { pod: 'b' }, value: 1 },
      ]);
      const { status } = await untilMeasured(walk, '2 series');
      expect(status.measurements[0]?.verdict).toBe('unknown');
      expect(status.failedChecks).toBe(0);
      expect(status.canaryWeight).toBe(25);
      walk.prometheus.answer(() => 1);
      await untilPhase(walk, 'Succeeded');
    });
  });
});

async function healTemplate(walk: Journey, namespace: string): Promise<void> {
  const path = `/apis/serin.dev/v1beta1/namespaces/${namespace}/metrictemplates`;
  const provider = { type: 'prometheus', address: walk.prometheus.url };
  await walk.api.post(path, {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'MetricTemplate',
    metadata: { name: 'm' },
    spec: { provider, query: 'up{{ nonsense' },
  });
  const templateRef = { name: 'm', namespace };
  const metrics = [{ name: 'm', interval: '1s', thresholdRange: { max: 1 }, templateRef }];
  await deployTarget(walk);
  await createCanary(walk, { analysis: { metrics } });
  const refused = await untilAccepted(walk, 'NotGranted');
  expect(refused).toContain('kubectl annotate');
  const annotations = { 'serin.dev/allow-from': walk.namespace };
  await walk.api.patch(`${path}/m`, { metadata: { annotations } });
  expect(await untilAccepted(walk, 'InvalidMetricTemplate')).toContain('metrics[0].templateRef');
  await walk.api.patch(`${path}/m`, { spec: { query: 'up' } });
  await untilPhase(walk, 'Initialized');
}

function upstream(): Fields {
  return { upstreamRef: { apiVersion: 'gloo.solo.io/v1', kind: 'Upstream', name: 'u' } };
}

function wrong(change: Fields): object {
  const good = canaryObject();
  return { ...good, spec: merged(good['spec'], change) };
}

/** As a JSON merge patch. */
function merged(value: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const base = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  const fields: Record<string, unknown> = { ...base };
  for (const [key, field] of Object.entries(change)) {
    if (field === null) delete fields[key];
    else fields[key] = merged(fields[key], field);
  }
  return fields;
}

async function refusalOf(walk: Journey, change: Fields): Promise<string> {
  try {
    await walk.api.post(canariesPath(walk), wrong(change));
  } catch (error) {
    if (error instanceof RefusedByApi && error.code === 422) return error.message;
    throw error;
  }
  throw new Error(`the API server took ${JSON.stringify(change)}`);
}

async function untilAccepted(walk: Journey, reason: string): Promise<string> {
  const { status } = await untilCanary(
    walk,
    `a refusal for ${reason}`,
    (seen) => condition(seen.status, 'Accepted')?.reason === reason,
  );
  expect(status.phase).toBe('');
  return condition(status, 'Accepted')?.message ?? '';
}

function untilMeasured(walk: Journey, words: string): ReturnType<typeof untilCanary> {
  return untilCanary(walk, `a measurement with ${words}`, ({ status }) =>
    status.measurements.some(({ message }) => message.includes(words)),
  );
}

/** Writes of the operator but for Events, from the given request on. */
function writesOf(walk: Journey, from = 0): readonly string[] {
  return requestsOf(walk)
    .slice(from)
    .filter(({ verb, uri }) => !['get', 'list'].includes(verb) && !uri.includes('/events'))
    .map(({ verb, uri }) => `${verb} ${uri}`);
}
