// What each journey starts from: a namespace with pods, gateway, hooks and metrics standing in, and the operator for it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { CanaryStatus } from '../../../src/api/canary.ts';
import type {
  Condition,
  Deployment,
  KubeObject,
  Pod,
  Service,
} from '../../../src/api/kubernetes.ts';
import { parseStatus } from '../../../src/api/status.ts';
import { Api } from '../cluster/api.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { apiAs, cluster, newNamespace } from '../cluster/e2e.ts';
import { type Gateway, startGateway } from '../cluster/gateway.ts';
import {
  type PrometheusServer,
  startPrometheus,
  startWebhookServer,
  type WebhookServer,
} from '../cluster/http-servers.ts';
import { type Kubelet, startKubelet } from '../cluster/kubelet.ts';
import { until } from '../cluster/until.ts';

export interface OperatorOptions {
  readonly flags?: readonly string[];
  /** Default: the run's own cluster. The caller ends it. */
  readonly plane?: Pick<ControlPlane, 'connection' | 'kubeconfig'>;
  /** Path of the kubeconfig that it runs with. Default: of the user `operator`. */
  readonly kubeconfig?: string;
  /** More variables for its process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** It works on all namespaces, not on the journey's alone: for a plane of the test's own. */
  readonly everywhere?: boolean;
  /** Path of what is run. Default: the one file that is shipped. */
  readonly program?: string;
}

/** The shipped operator as its own process, for one namespace. */
export class OperatorProcess {
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-operator-'));
  readonly #child;
  readonly port: Promise<number>;

  constructor(namespace: string, prometheus: string, options: OperatorOptions = {}) {
    const { flags = [], plane, environment = {} } = options;
    const shipped = inject('operator');
    const program = options.program ?? shipped.program;
    const log = createWriteStream(this.logFile);
    this.#child = spawn(
      program,
      [
        'controller',
        '--kubeconfig',
        options.kubeconfig ?? plane?.kubeconfig('operator') ?? cluster().kubeconfigs.operator,
        ...(options.everywhere === true ? [] : ['--namespace', namespace]),
        '--port',
        '0',
        '--metrics-server',
        prometheus,
        '--log-level',
        'debug',
        ...flags,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...shipped.environment, ...environment },
      },
    );
    this.#child.stdout.pipe(log);
    this.#child.stderr.pipe(log, { end: false });
    this.port = this.#portFromLog();
    this.port.catch(() => undefined);
  }

  get logFile(): string {
    return join(this.#dir, 'log');
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${await this.port}/metrics`)).text();
  }

  /** A signal that it lives through: SIGSTOP, SIGCONT, SIGUSR2. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it by a signal and waits; gives the exit code, null when the signal killed it. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return this.#child.exitCode;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  /** Null while it runs; its exit code once it has ended by itself. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #portFromLog(): Promise<number> {
    return until('the operator to serve its metrics', () => {
      const line = this.log
        .split('\n')
        .find((each) => each.includes('health and metrics are served'));
      return line === undefined ? null : (JSON.parse(line) as { readonly port: number }).port;
    });
  }
}

export interface Journey extends AsyncDisposable {
  readonly api: Api;
  readonly namespace: string;
  readonly kubelet: Kubelet;
  readonly gateway: Gateway;
  readonly hooks: WebhookServer;
  readonly prometheus: PrometheusServer;
  /** The one that was started last. */
  readonly operator: OperatorProcess;
  /** Another operator for the namespace, once the last one has ended. */
  startOperator(): void;
  /** The words of all operators so far, the last one's last. */
  readonly log: string;
}

/** Everything is gone when it is disposed; on failure the operator's log is printed. */
export async function startJourney(options: OperatorOptions = {}): Promise<Journey> {
  const stack = new AsyncDisposableStack();
  const { plane } = options;
  const api = plane === undefined ? apiAs() : new Api(plane.connection('admin'));
  stack.defer(() => api.close());
  const { name: namespace } = stack.use(await newNamespace(api, 'journey'));
  const kubelet = stack.use(startKubelet(api, { namespace }));
  const gateway = stack.use(startGateway(api, { namespace }));
  const hooks = stack.use(await startWebhookServer());
  const prometheus = stack.use(await startPrometheus());
  const start = (): OperatorProcess =>
    stack.use(new OperatorProcess(namespace, prometheus.url, options));
  const operators = [start()];
  return {
    api,
    namespace,
    kubelet,
    gateway,
    hooks,
    prometheus,
    get operator() {
      return operators.at(-1) ?? start();
    },
    startOperator: () => void operators.push(start()),
    get log() {
      return operators.map(({ log }) => log).join('');
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Runs a journey; when it fails, the operator's last words come with the failure. */
export async function journey(
  walk: (journey: Journey) => Promise<void>,
  options: OperatorOptions = {},
): Promise<void> {
  await using started = await startJourney(options);
  try {
    await walk(started);
  } catch (error) {
    const canaries = await started.api
      .get<{ items: unknown }>(canariesPath(started))
      .catch(() => null);
    process.stderr.write(
      `--- canaries: ${JSON.stringify(canaries?.items, null, 1)?.slice(0, 6000)}\n`,
    );
    process.stderr.write(
      `--- operator (${started.namespace}):\n${started.log.split('\n').slice(-60).join('\n')}\n`,
    );
    throw error;
  }
}

export function canariesPath({ namespace }: Pick<Journey, 'namespace'>): string {
  return `/apis/serin.dev/v1beta1/namespaces/${namespace}/canaries`;
}

export function deploymentPath({ namespace }: Pick<Journey, 'namespace'>, name: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
}

export function servicePath({ namespace }: Pick<Journey, 'namespace'>, name: string): string {
  return `/api/v1/namespaces/${namespace}/services/${name}`;
}

export function routePath({ namespace }: Pick<Journey, 'namespace'>, name: string): string {
  return `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}`;
}

export interface TargetOptions {
  readonly name?: string;
  readonly image?: string;
  readonly replicas?: number;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly pod?: Readonly<Record<string, unknown>>;
}

/** A Deployment such as users have. */
export async function deployTarget(
  walk: Journey,
  options: TargetOptions = {},
): Promise<KubeObject> {
  const { name = 'web', image = 'web:1', replicas = 2, container = {}, pod = {} } = options;
  return walk.api.post(`/apis/apps/v1/namespaces/${walk.namespace}/deployments`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            { name: 'main', image, ports: [{ containerPort: 8080, name: 'http' }], ...container },
          ],
          ...pod,
        },
      },
    },
  });
}

export interface CanaryOptions {
  readonly name?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly service?: Readonly<Record<string, unknown>>;
  readonly analysis?: Readonly<Record<string, unknown>>;
}

/** A weighted Gateway API Canary with 1 s steps, unless told otherwise. */
export function canaryObject(options: CanaryOptions = {}): KubeObject {
  const { name = 'web', spec = {}, service: exposed = {}, analysis = {} } = options;
  const steps =
    'iterations' in analysis || 'stepWeights' in analysis ? {} : { stepWeight: 25, maxWeight: 50 };
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name },
    spec: {
      provider: 'gatewayapi:v1',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      service: {
        port: 80,
        targetPort: 8080,
        gatewayRefs: [{ name: 'gateway', namespace: 'infra' }],
        ...exposed,
      },
      analysis: { interval: '1s', threshold: 2, ...steps, ...analysis },
      ...spec,
    },
  };
}

export async function createCanary(
  walk: Journey,
  options: CanaryOptions = {},
): Promise<KubeObject> {
  return walk.api.post(canariesPath(walk), canaryObject(options));
}

export interface SeenCanary {
  readonly object: KubeObject;
  readonly status: CanaryStatus;
}

export async function canaryOf(walk: Journey, name = 'web'): Promise<SeenCanary> {
  const object = await walk.api.get(`${canariesPath(walk)}/${name}`);
  return { object, status: parseStatus(object['status']) };
}

export function condition(status: CanaryStatus, type: string): Condition | undefined {
  return status.conditions.find((each) => each.type === type);
}

/** Waits until the Canary is as asked. */
export async function untilCanary(
  walk: Journey,
  what: string,
  so: (seen: SeenCanary) => boolean,
  { name = 'web', limitMs = 60_000 }: { readonly name?: string; readonly limitMs?: number } = {},
): Promise<SeenCanary> {
  return until(
    what,
    async () => {
      const seen = await canaryOf(walk, name);
      return so(seen) ? seen : null;
    },
    { limitMs },
  );
}

/** Of Succeeded the end: also the canary's pods are down. */
export function untilPhase(
  walk: Journey,
  phase: CanaryStatus['phase'],
  options: { readonly name?: string; readonly limitMs?: number } = {},
): Promise<SeenCanary> {
  const over = ({ status }: SeenCanary): boolean =>
    status.phase === phase && (phase !== 'Succeeded' || status.parking === null);
  return untilCanary(walk, `phase ${phase}`, over, options);
}

/** A Canary that is initialized, with its target parked. */
export async function initialized(
  walk: Journey,
  target: TargetOptions = {},
  canary: CanaryOptions = {},
  limit: { readonly limitMs?: number } = {},
): Promise<SeenCanary> {
  await deployTarget(walk, target);
  const name = target.name ?? 'web';
  await createCanary(walk, {
    name,
    ...canary,
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, ...canary.spec },
  });
  return untilPhase(walk, 'Initialized', { name, ...limit });
}

export async function setImage(walk: Journey, image: string, name = 'web'): Promise<void> {
  const template = { spec: { containers: [{ name: 'main', image }] } };
  await walk.api.patch(
    deploymentPath(walk, name),
    { spec: { template } },
    { contentType: 'application/strategic-merge-patch+json' },
  );
}

export async function annotate(
  walk: Journey,
  annotations: Readonly<Record<string, string>>,
  name = 'web',
): Promise<void> {
  await walk.api.patch(`${canariesPath(walk)}/${name}`, { metadata: { annotations } });
}

export async function deployment(walk: Journey, name: string): Promise<Deployment> {
  return walk.api.get<Deployment>(deploymentPath(walk, name));
}

export async function imageOf(walk: Journey, name: string): Promise<string> {
  return (await deployment(walk, name)).spec.template.spec.containers[0]?.image ?? '';
}

export async function service(walk: Journey, name: string): Promise<Service> {
  return walk.api.get<Service>(servicePath(walk, name));
}

/** The canary's weight in the HTTPRoute; 100 minus the primary's. */
export async function routedWeight(walk: Journey, name = 'web'): Promise<number> {
  const route = await walk.api.get<{
    spec: { rules: { backendRefs: { name: string; weight: number }[] }[] };
  }>(routePath(walk, name));
  const backends = route.spec.rules[0]?.backendRefs ?? [];
  const share = (backend: string): number =>
    backends.find((each) => each.name === backend)?.weight ?? 0;
  if (share(`${name}-primary`) + share(`${name}-canary`) !== 100)
    throw new Error(`weights do not sum to 100: ${JSON.stringify(backends)}`);
  return share(`${name}-canary`);
}

/** Waits until a canary has failed and is out of service: no traffic, no pods, the primary as it was. */
export async function untilRolledBack(
  walk: Journey,
  {
    image = 'web:1',
    limitMs = 60_000,
  }: { readonly image?: string; readonly limitMs?: number } = {},
): Promise<SeenCanary> {
  const out = ({ status }: SeenCanary): boolean =>
    status.phase === 'Failed' && status.parking === null;
  const seen = await untilCanary(walk, 'the rollback', out, { limitMs });
  const [weight, target, primary, apex] = await Promise.all([
    routedWeight(walk),
    deployment(walk, 'web'),
    imageOf(walk, 'web-primary'),
    service(walk, 'web'),
  ]);
  const found = [weight, target.spec.replicas, primary, apex.spec.selector?.['app']];
  const wanted = [0, 0, image, 'web-primary'];
  if (found.join() !== wanted.join())
    throw new Error(`rolled back to ${found.join()}, not to ${wanted.join()}`);
  return seen;
}

/** Pods of the target itself that run an image: the canary's. */
export function podsWith(image: string): (pod: Pod) => boolean {
  return (pod) => {
    const containers = (pod.spec?.['containers'] ?? []) as readonly { readonly image: string }[];
    return containers[0]?.image === image && pod.metadata.labels?.['app'] === 'web';
  };
}

export interface SeenEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** Events about Canaries in the journey's namespace. */
export async function events(walk: Journey): Promise<readonly SeenEvent[]> {
  const { items } = await walk.api.get<{ items: readonly SeenEvent[] }>(
    `/apis/events.k8s.io/v1/namespaces/${walk.namespace}/events?limit=500`,
  );
  return items.filter(({ regarding }) => regarding.kind === 'Canary');
}

export async function untilEvent(walk: Journey, reason: string): Promise<SeenEvent> {
  return until(`an Event ${reason}`, async () =>
    (await events(walk)).find((event) => event.reason === reason),
  );
}
