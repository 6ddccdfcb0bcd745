// Worlds for the decision tests: one calm world, and literals spread from it.
import {
  asRevision,
  asWeight,
  type AnalysisSpec,
  type Canary,
  type CanarySpec,
  type CanaryStatus,
  type HookType,
  type Intent,
  type IntentVerb,
  type MetricSpec,
  type Revision,
  type Rollout,
  type Strategy,
  type WebhookSpec,
} from '../../../src/api/canary.ts';
import { EMPTY_STATUS } from '../../../src/api/status.ts';
import { asInstant, type Instant } from '../../../src/clock/clock.ts';
import { rfc3339 } from '../../../src/clock/time-format.ts';
import { conditionsOf } from '../../../src/decision/conditions.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { Decision, Write } from '../../../src/decision/decision.ts';
import { freshRollout } from '../../../src/decision/record.ts';
import type { Answer, PodCounts, Primary, Target, World } from '../../../src/decision/world.ts';

export const START = asInstant(1_750_000_000_000);
export const SECOND = 1_000;

export function at(seconds: number): Instant {
  return asInstant(START + seconds * SECOND);
}

/** A revision that is easy to tell apart from others: one byte, repeated. */
export function revision(number: number): Revision {
  return asRevision(number.toString(16).padStart(2, '0').repeat(32));
}

export const R1 = revision(1);
export const R2 = revision(2);
export const R3 = revision(3);

export const METRIC: MetricSpec = {
  name: 'success-rate',
  intervalMs: SECOND,
  range: { min: 99, max: null },
  origin: { kind: 'builtin' },
  variables: {},
};

export function weighted(
  weights: readonly number[],
  promotionStep: number | null = null,
): Strategy {
  return { kind: 'weighted', weights: weights.map(asWeight), promotionStep };
}

export function hook(type: HookType, name: string = type): WebhookSpec {
  return {
    name,
    type,
    url: type === 'exec' ? '' : 'http://hooks.test/',
    exec: type === 'exec' ? { command: ['check'], container: null } : null,
    timeoutMs: 10 * SECOND,
    retries: 0,
    disableTLS: false,
    muteAlert: false,
    metadata: {},
  };
}

const ANALYSIS: AnalysisSpec = {
  intervalMs: 5 * SECOND,
  threshold: 2,
  strategy: weighted([20, 50]),
  primaryReadyThreshold: 100,
  canaryReadyThreshold: 100,
  metrics: [METRIC],
  webhooks: [],
  alerts: [],
  unknown: { limitMs: 30 * SECOND, then: 'pause' },
};

const NO_METADATA = { labels: {}, annotations: {} };
const NO_CHANGE = { add: {}, set: {}, remove: [] };

const SPEC: CanarySpec = {
  provider: 'gatewayapi:v1',
  metricsServer: null,
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  autoscalerRef: null,
  ingressRef: null,
  service: {
    name: 'web',
    port: 80,
    targetPort: 80,
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
    headers: { request: NO_CHANGE, response: NO_CHANGE },
    mirror: [],
    corsPolicy: null,
    apex: NO_METADATA,
    primary: NO_METADATA,
    canary: NO_METADATA,
    unmanagedMetadata: { labels: [], annotations: [] },
  },
  analysis: ANALYSIS,
  progressDeadlineMs: 60 * SECOND,
  skipAnalysis: false,
  revertOnDeletion: true,
  suspend: false,
};

/** A spec with some of its fields, and some of its analysis, another. */
export function spec(
  change: Partial<CanarySpec> = {},
  analysis: Partial<AnalysisSpec> = {},
): CanarySpec {
  return { ...SPEC, ...change, analysis: { ...ANALYSIS, ...change.analysis, ...analysis } };
}

export function pods(replicas: number, ready = replicas): PodCounts {
  return {
    settled: true,
    replicas,
    updated: replicas,
    ready,
    available: ready,
    total: replicas,
    paused: false,
    stuck: null,
  };
}

const READY = { ready: true, why: 'enough pods are available' };
export const UNREADY = { ready: false, why: '1 of 2 pods are available' };

export function target(of: Revision, replicas: number, change: Partial<Target> = {}): Target {
  return {
    uid: 'target-uid',
    generation: 1,
    revision: of,
    template: `template-${of.slice(0, 4)}`,
    turn: of.slice(0, 2),
    standsSince: at(0),
    otherImages: false,
    pods: pods(replicas),
    readiness: replicas === 0 ? { ready: false, why: 'it is scaled to zero' } : READY,
    crashes: [],
    replaced: false,
    configStamp: '',
    replicasWriter: '',
    ...change,
  };
}

export function primary(of: Revision | '', change: Partial<Primary> = {}): Primary {
  return {
    owner: 'ours',
    revision: of,
    pods: pods(2),
    readiness: READY,
    trouble: '',
    sameTemplate: true,
    ...change,
  };
}

export function intent(verb: IntentVerb, of: string, step: number | null = null): Intent {
  const value = step === null ? of : `${of}/${step}`;
  return { verb, revision: of, step, value, manager: 'kubectl-annotate' };
}

const CALM_STATUS: CanaryStatus = {
  ...EMPTY_STATUS,
  phase: 'Succeeded',
  observedGeneration: 1,
  lastAppliedSpec: R1,
  lastPromotedSpec: R1,
  lastTransitionTime: rfc3339(START),
  target: { generation: 1, revision: R1, template: 'template-0101', turn: '01' },
};

const CALM_CANARY: Canary = {
  namespace: 'shop',
  name: 'web',
  uid: 'canary-uid',
  resourceVersion: '7',
  generation: 1,
  createdAt: START,
  deleting: false,
  finalizers: ['serin.dev/restore'],
  annotations: {},
  spec: SPEC,
  status: CALM_STATUS,
  intents: [],
};

/** Revision 1 is promoted, the primary serves, the target is at zero, and nobody wants anything. */
export const CALM: World = {
  clockSetMs: 0,
  now: at(100),
  canary: CALM_CANARY,
  problems: [],
  warnings: [],
  target: target(R1, 0),
  primary: primary(R1),
  services: {
    primary: 'right',
    canary: 'right',
    apex: 'right',
    apexSelects: 'primary',
    apexVersion: '5',
    apexSince: START,
    apexWriter: 'serin',
  },
  route: {
    canWeight: true,
    state: 'split',
    weight: asWeight(0),
    revision: R1,
    step: 0,
    intact: true,
    confirmed: { kind: 'yes', since: START },
  },
  scaler: null,
  configs: { digests: {}, versions: {}, copies: 'right', stamp: '' },
  answers: new Map(),
};

export function rollout(change: Partial<Rollout> = {}): Rollout {
  return { ...freshRollout(at(90)), ...change };
}

/** The world with another status, its conditions as they would have been written. */
export function standing(world: World, change: Partial<CanaryStatus>): World {
  const bare = {
    ...world,
    canary: { ...world.canary, status: { ...world.canary.status, ...change } },
  };
  const conditions = conditionsOf(bare, bare.canary.status);
  return { ...bare, canary: { ...bare.canary, status: { ...bare.canary.status, conditions } } };
}

/** Revision 2 under judgement at the given step and weight, the route in force since 95 s. */
export function rolling(step: number, weight: number, change: Partial<World> = {}): World {
  const world: World = {
    ...CALM,
    target: target(R2, 2),
    route: {
      ...CALM.route,
      weight: asWeight(weight),
      revision: R2,
      step,
      confirmed: { kind: 'yes', since: at(95) },
    },
    ...change,
  };
  return standing(world, {
    phase: 'Progressing',
    canaryWeight: asWeight(weight),
    lastAppliedSpec: R2,
    target: { generation: 1, revision: R2, template: 'template-0202', turn: '02' },
    rollout: rollout({ step, trafficSince: step === 0 ? null : at(95), stepSince: at(95) }),
    history: [{ revision: R2, outcome: 'current', reason: '', startedAt: at(90), endedAt: null }],
  });
}

export function withSpec(world: World, of: CanarySpec): World {
  return { ...world, canary: { ...world.canary, spec: of } };
}

export function withIntents(world: World, ...intents: readonly Intent[]): World {
  return { ...world, canary: { ...world.canary, intents } };
}

/** The world after every question that it asks has been answered so. */
export function answered(world: World, answer: Answer): World {
  const { asks } = decide(world);
  return {
    ...world,
    answers: new Map([...world.answers, ...asks.map(({ key }) => [key, answer] as const)]),
  };
}

export function sample(value: number): Answer {
  return { kind: 'sample', sample: { kind: 'number', value }, at: at(100) };
}

export const NO_DATA: Answer = {
  kind: 'sample',
  sample: { kind: 'none', reason: 'NoData', message: 'no data' },
  at: at(100),
};

export function said(ok: boolean, heard = true): Answer {
  return { kind: 'hook', ok, heard, message: ok ? 'HTTP 200' : 'HTTP 403', at: at(100) };
}

export function recorded(decision: Decision): CanaryStatus {
  if (decision.kind !== 'record')
    throw new Error(`not a record: ${decision.kind}, ${decision.why}`);
  return decision.status;
}

export function written(decision: Decision): readonly Write[] {
  if (decision.kind !== 'act') throw new Error(`not an act: ${decision.kind}, ${decision.why}`);
  return decision.writes;
}
