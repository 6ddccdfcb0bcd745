// One calm Canary and Deployment that the tests of this room spread from.
import { asWeight } from '../../../src/api/canary.ts';
import type { Canary, ServiceSpec } from '../../../src/api/canary.ts';
import type { Deployment, Pod, PodTemplate } from '../../../src/api/kubernetes.ts';
import { asInstant } from '../../../src/clock/clock.ts';

const nothing = { labels: {}, annotations: {} };

export const calmService: ServiceSpec = {
  name: 'podinfo',
  port: 80,
  targetPort: 'http',
  portName: 'http',
  appProtocol: null,
  trafficDistribution: null,
  portDiscovery: false,
  headless: false,
  timeout: null,
  backendTimeout: null,
  hosts: [],
  gatewayRefs: [],
  match: [],
  rewrite: null,
  headers: null,
  mirror: [],
  corsPolicy: null,
  apex: nothing,
  primary: nothing,
  canary: nothing,
  unmanagedMetadata: { labels: [], annotations: [] },
};

export const calmCanary: Canary = {
  namespace: 'test',
  name: 'podinfo',
  uid: 'canary-uid',
  resourceVersion: '7',
  generation: 1,
  createdAt: asInstant(1_750_000_000_000),
  deleting: false,
  finalizers: [],
  annotations: {},
  intents: [],
  spec: {
    provider: 'kubernetes',
    metricsServer: null,
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
    autoscalerRef: null,
    ingressRef: null,
    service: calmService,
    analysis: {
      intervalMs: 60_000,
      threshold: 5,
      strategy: { kind: 'weighted', weights: [asWeight(10), asWeight(50)], promotionStep: null },
      primaryReadyThreshold: 100,
      canaryReadyThreshold: 100,
      metrics: [],
      webhooks: [],
      alerts: [],
      unknown: { limitMs: 600_000, then: 'pause' },
    },
    progressDeadlineMs: 600_000,
    skipAnalysis: false,
    revertOnDeletion: true,
    suspend: false,
  },
  status: {
    phase: 'Progressing',
    observedGeneration: 1,
    canaryWeight: asWeight(0),
    failedChecks: 0,
    iterations: 0,
    lastAppliedSpec: '',
    lastPromotedSpec: '',
    trackedConfigs: {},
    configVersions: {},
    lastTransitionTime: '2026-01-01T00:00:00Z',
    target: { generation: 1, revision: '', template: '', turn: '' },
    rollout: null,
    parking: null,
    repairs: { rounds: 0, seen: '' },
    owed: [],
    measurements: [],
    lastFailure: null,
    history: [],
    intents: [],
    conditions: [],
  },
};

export const calmTemplate: PodTemplate = {
  metadata: { labels: { app: 'podinfo', tier: 'web' } },
  spec: {
    containers: [
      {
        name: 'podinfod',
        image: 'podinfo:1',
        ports: [{ name: 'http', containerPort: 9898, protocol: 'TCP' }],
      },
    ],
  },
};

export const calmDeployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'podinfo', namespace: 'test', generation: 3 },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: 'podinfo', tier: 'web' } },
    minReadySeconds: 3,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } },
    template: calmTemplate,
  },
  status: {
    observedGeneration: 3,
    replicas: 4,
    updatedReplicas: 4,
    readyReplicas: 4,
    availableReplicas: 4,
    conditions: [],
  },
};

/** The calm Deployment with another template. */
export function deploymentOf(template: PodTemplate): Deployment {
  return { ...calmDeployment, spec: { ...calmDeployment.spec, template } };
}

/** A pod with one container that has crashed once, at the time given. */
export function crashed(finishedAt: string, over: Partial<Pod> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'podinfo-7d4b9c6f5d-x2k8p' },
    status: {
      containerStatuses: [
        {
          name: 'podinfod',
          restartCount: 1,
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled', finishedAt } },
        },
      ],
    },
    ...over,
  };
}
