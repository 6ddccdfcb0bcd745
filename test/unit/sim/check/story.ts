// A cluster of one Canary in plain maps: a test says what is true and what is written, the checker looks on.
import type { KubeObject, ObjectMeta } from '../../../../src/api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../../../src/client/client.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Checker } from '../../../../src/sim/check/checker.ts';
import {
  type DataPlane,
  imagesOf,
  type ReadyPod,
  type Truth,
} from '../../../../src/sim/check/truth.ts';

type Fields = Readonly<Record<string, unknown>>;
export const UID = 'uid-canary';
export const OWNED = {
  annotations: { 'serin.dev/canary-uid': UID },
  ownerReferences: [
    { apiVersion: 'serin.dev/v1beta1', kind: 'Canary', name: 'web', uid: UID, controller: true },
  ],
};
const { deployments, services, httpRoutes, canaries } = RESOURCES;

/** What is true; a test sets it. Old versions are `app=v1`, new ones `app=v2`. */
export class FakeTruth implements Truth {
  now = 1_000_000;
  healed: number | null = 0;
  weights: Record<string, number> = { 'web-primary': 100, 'web-canary': 0 };
  weightsSince = 0;
  share: Record<string, number> = { 'web-primary': 100 };
  idle: Record<string, number | null> = { web: 0, 'web-primary': null };
  pods: Record<string, readonly ReadyPod[]> = {
    web: podsOf('v2', 4),
    'web-primary': podsOf('v1', 4),
  };
  passes: Record<string, number> = {};
  failed: Record<string, number> = {};
  readonly objects = new Map<string, KubeObject>();
  readonly defaultProvider = 'gatewayapi:v1';
  readonly bounds = { graceMs: 100, rollbackMs: 5_000, convergeMs: 60_000, slackMs: 10_000 };
  readonly versionOf = imagesOf;
  readonly store = {
    get: ({ plural }: Resource, key: ObjectKey) => this.objects.get(keyOf(plural, key)) ?? null,
    list: ({ plural }: Resource) =>
      [...this.objects].filter(([key]) => key.startsWith(`${plural}/`)).map(([, one]) => one),
  };
  readonly dataPlane: DataPlane = {
    shares: () => new Map(Object.entries(this.share)),
    inForce: () => ({ weights: new Map(Object.entries(this.weights)), sinceMs: this.weightsSince }),
    idleSinceMs: (_namespace, name) => this.idle[name] ?? null,
  };
  readonly nowMs = () => this.now;
  readonly healedSinceMs = () => this.healed;
  readonly readyPods = (_namespace: string, name: string) => this.pods[name] ?? [];
  readonly podsLostMs = () => -Infinity;
  readonly drainMs = () => 2_000;
  readonly passed = (_uid: string, version: string) => this.passes[version] ?? 0;
  readonly failedAtMs = (_uid: string, version: string) => this.failed[version] ?? null;
}

export class Story {
  readonly truth = new FakeTruth();
  readonly checker: Checker;
  #revision = 0;

  /** A Canary whose target got version v2 while its primary serves v1; everybody has been still for a while. */
  constructor(spec: Fields = {}) {
    this.checker = new Checker(this.truth);
    this.write(canaries, canary(spec), 'user');
    this.write(deployments, workload('web', 'v2', 4), 'user');
    this.write(deployments, workload('web-primary', 'v1', 4, OWNED), 'user');
    for (const [name, app] of [
      ['web', 'web-primary'],
      ['web-primary', 'web-primary'],
      ['web-canary', 'web'],
    ] as const)
      this.write(services, service(name, app, name === 'web' ? {} : OWNED), 'user');
    this.write(httpRoutes, route(0), 'user');
    this.truth.now += 10_000;
  }

  write(resource: Resource, object: KubeObject, user = 'operator'): this {
    const key = keyOf(resource.plural, object.metadata);
    const before = this.truth.objects.get(key) ?? null;
    this.#revision += 1;
    this.truth.objects.set(key, object);
    const type = before === null ? 'ADDED' : 'MODIFIED';
    const by = { user, manager: user === 'operator' ? 'serin' : user };
    this.checker.commit({ type, revision: this.#revision, resource, object, before, by });
    return this;
  }

  delete(resource: Resource, name: string, user = 'operator'): this {
    const object = this.object(resource, name);
    this.#revision += 1;
    this.truth.objects.delete(keyOf(resource.plural, object.metadata));
    const by = { user, manager: user };
    const change = { resource, object, before: object, by, revision: this.#revision };
    this.checker.commit({ ...change, type: 'DELETED' });
    return this;
  }

  /** Writes the object with other fields. */
  change(resource: Resource, name: string, fields: Fields, user = 'operator'): this {
    return this.write(resource, { ...this.object(resource, name), ...fields }, user);
  }

  after(ms: number): this {
    this.truth.now += ms;
    return this;
  }

  object(resource: Resource, name: string): KubeObject {
    const found = this.truth.store.get(resource, { namespace: 'shop', name });
    if (found === null) throw new Error(`no ${resource.kind} ${name}`);
    return found;
  }

  messages(id: string): readonly string[] {
    const { violations } = this.checker;
    return violations.filter(({ invariant }) => invariant === id).map(({ message }) => message);
  }
}

export function podsOf(version: string, count: number): readonly ReadyPod[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${version}-${index}`,
    version: `app=${version}`,
  }));
}

export function canary(
  spec: Fields = {},
  fields: Fields = {},
  metadata: Partial<ObjectMeta> = {},
): KubeObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: UID,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['serin.dev/restore'],
      ...metadata,
    },
    spec: {
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      service: { port: 80, gatewayRefs: [{ name: 'gate', namespace: 'infra' }] },
      analysis: { interval: '10s', threshold: 2, stepWeights: [20, 50] },
      ...spec,
    },
    ...fields,
  };
}

export function workload(
  name: string,
  version: string,
  replicas: number,
  metadata: Partial<ObjectMeta> = {},
): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, generation: 1, ...metadata },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: version }] } },
    },
  };
}

export function service(name: string, app: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', uid: `uid-svc-${name}`, ...metadata },
    spec: { selector: { app }, ports: [{ port: 80 }] },
  };
}

export function route(
  weight: number,
  rest = 100 - weight,
  metadata: Partial<ObjectMeta> = OWNED,
): KubeObject {
  const backendRefs = [
    { name: 'web-primary', weight: rest },
    { name: 'web-canary', weight },
  ];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'web', namespace: 'shop', uid: 'uid-route', ...metadata },
    spec: { rules: [{ backendRefs }] },
  };
}

/** A status that says so. */
export function status(phase: string, fields: Fields = {}): { readonly status: Fields } {
  return { status: { phase, observedGeneration: 1, ...fields } };
}

function keyOf(plural: string, { namespace = '', name }: ObjectKey): string {
  return `${plural}/${namespace}/${name}`;
}
