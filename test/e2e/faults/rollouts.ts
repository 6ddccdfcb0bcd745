// The rollouts that the operator is killed in: each walks by itself to an end that does not depend on time.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { until } from '../cluster/until.ts';
import {
  canariesPath,
  type CanaryOptions,
  initialized,
  type Journey,
  setImage,
  untilCanary,
  untilPhase,
} from '../journeys/journey.ts';

export interface Rollout {
  readonly name: string;
  /** From an empty namespace to the end. */
  readonly walk: (walk: Journey) => Promise<void>;
}

/** A death costs a start of the operator, and there may be one for each write. */
const LIMIT = { limitMs: 150_000 };

const WEIGHTED_PROMOTED: Rollout = {
  name: 'weighted, promoted',
  walk: async (walk) => {
    walk.prometheus.answer(() => 100);
    await install(walk, { analysis: { metrics: [SUCCESS_RATE] } });
    await setImage(walk, 'web:2');
    await untilPhase(walk, 'Succeeded', LIMIT);
  },
};

const WEIGHTED_FAILED: Rollout = {
  name: 'weighted, failed by a metric',
  walk: async (walk) => {
    walk.prometheus.answer(() => 50);
    await install(walk, { analysis: { metrics: [SUCCESS_RATE] } });
    await setImage(walk, 'web:2');
    await untilParked(walk, 'Failed');
  },
};

const OTHERS: readonly Rollout[] = [
  {
    name: 'weighted, promoted in steps',
    walk: async (walk) => {
      await install(walk, { analysis: { stepWeights: [50], stepWeightPromotion: 50 } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'weighted, by gates',
    walk: async (walk) => {
      const webhooks = ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'].map(
        (type) => gate(walk, type),
      );
      await install(walk, { analysis: { stepWeights: [50], webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Waiting', LIMIT);
      walk.hooks.open('/confirm-rollout');
      await untilPhase(walk, 'Progressing', LIMIT);
      walk.hooks.open('/confirm-traffic-increase');
      await untilPhase(walk, 'WaitingPromotion', LIMIT);
      walk.hooks.open('/confirm-promotion');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'weighted, deleted in the middle',
    walk: async (walk) => {
      await install(walk, { analysis: { webhooks: [gate(walk, 'confirm-promotion')] } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion', LIMIT);
      await remove(walk);
    },
  },
  {
    name: 'weighted, deleted after success',
    walk: async (walk) => {
      await install(walk, { analysis: { stepWeights: [50] } });
      await setImage(walk, 'web:2');
      await untilParked(walk, 'Succeeded');
      await remove(walk);
    },
  },
  {
    name: 'weighted, a new revision in the middle',
    walk: async (walk) => {
      const webhooks = [gate(walk, 'confirm-promotion')];
      await install(walk, { analysis: { stepWeights: [50], webhooks } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'WaitingPromotion', LIMIT);
      await setImage(walk, 'web:3');
      await untilCanary(
        walk,
        'the newer revision to wait',
        ({ status }) => status.phase === 'WaitingPromotion' && status.history.length === 2,
        LIMIT,
      );
      walk.hooks.open('/confirm-promotion');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'weighted, with an autoscaler',
    walk: async (walk) => {
      const scaled = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: 'web' };
      const { apiVersion, kind, name } = scaled;
      await walk.api.post(
        `/apis/${apiVersion}/namespaces/${walk.namespace}/horizontalpodautoscalers`,
        {
          apiVersion,
          kind,
          metadata: { name },
          spec: {
            scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
            minReplicas: 2,
            maxReplicas: 4,
          },
        },
      );
      const spec = { autoscalerRef: scaled };
      await install(walk, { spec, analysis: { stepWeights: [50] } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'weighted, a tracked config changes',
    walk: async (walk) => {
      const configs = `/api/v1/namespaces/${walk.namespace}/configmaps`;
      await walk.api.post(configs, config({ a: '1' }));
      const container = { envFrom: [{ configMapRef: { name: 'settings' } }] };
      await initialized(walk, { container }, { analysis: { stepWeights: [50] } }, LIMIT);
      await walk.api.patch(`${configs}/settings`, { data: { a: '2' } });
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'blue/green, promoted',
    walk: async (walk) => {
      walk.prometheus.answer(() => 100);
      await install(walk, blueGreen());
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'blue/green, rolled back',
    walk: async (walk) => {
      walk.prometheus.answer(() => 50);
      await install(walk, blueGreen());
      await setImage(walk, 'web:2');
      await untilParked(walk, 'Failed');
    },
  },
  {
    name: 'blue/green by a route, promoted',
    walk: async (walk) => {
      await install(walk, { analysis: { iterations: 2 } });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
  {
    name: 'weighted by ingress-nginx, promoted',
    walk: async (walk) => {
      await walk.api.post(
        `/apis/networking.k8s.io/v1/namespaces/${walk.namespace}/ingresses`,
        ingress(),
      );
      const ingressRef = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web' };
      await install(walk, {
        spec: { provider: 'nginx', ingressRef },
        service: { gatewayRefs: undefined },
        analysis: { stepWeights: [50] },
      });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', LIMIT);
    },
  },
];

/** The first two are the main ones. */
export const ROLLOUTS = [WEIGHTED_PROMOTED, WEIGHTED_FAILED, ...OTHERS] as const;

const SUCCESS_RATE = {
  name: 'request-success-rate',
  interval: '1s',
  thresholdRange: { min: 99 },
};

function blueGreen(): CanaryOptions {
  return {
    spec: { provider: 'kubernetes' },
    service: { gatewayRefs: undefined },
    analysis: { iterations: 2, metrics: [SUCCESS_RATE] },
  };
}

async function install(walk: Journey, canary: CanaryOptions): Promise<void> {
  await initialized(walk, {}, canary, LIMIT);
}

/** Closed until it is opened by its type. */
function gate(walk: Journey, type: string): object {
  walk.hooks.close(`/${type}`);
  return { name: type, type, url: `${walk.hooks.url}/${type}`, timeout: '5s' };
}

async function untilParked(walk: Journey, phase: 'Failed' | 'Succeeded'): Promise<void> {
  await untilCanary(
    walk,
    `phase ${phase}, without pods`,
    ({ status }) => status.phase === phase && status.parking === null,
    LIMIT,
  );
}

async function remove(walk: Journey): Promise<void> {
  const path = `${canariesPath(walk)}/web`;
  await walk.api.delete(path);
  await until('the Canary to go', async () => (await walk.api.find(path)) === null, LIMIT);
}

function config(values: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: values };
}

function ingress(): KubeObject {
  const service = { name: 'web', port: { number: 80 } };
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service } }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web' },
    spec: { ingressClassName: 'nginx', rules: [{ host: 'web.example', http: { paths } }] },
  };
}
