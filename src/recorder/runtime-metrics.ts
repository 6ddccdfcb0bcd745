// Metrics of the machinery, named as controller-runtime and client-go name them so that their dashboards and alerts fit.
import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import { BoundedLabel } from './bounded-label.ts';

/** Fits the observer of a work queue. */
export interface QueueMetrics {
  attached(read: () => { readonly unfinishedMs: number; readonly longestMs: number }): void;
  depth(priority: string, count: number): void;
  added(): void;
  taken(readyMs: number): void;
  finished(workMs: number): void;
  retried(): void;
}

/** Fits the observer of a controller. */
export interface ControllerMetrics {
  attached(workers: number): void;
  started(): void;
  ended(report: {
    readonly result: 'success' | 'error' | 'requeue' | 'requeue_after';
    readonly tookMs: number;
    readonly terminal: boolean;
    readonly unforeseen: boolean;
    readonly timedOut: boolean;
  }): void;
}

/** Fits the observer of a lease. */
export interface LeaseMetrics {
  leads(leading: boolean): void;
  slowPath(): void;
}

/** One call of the client, all its tries together. */
export interface ApiRequest {
  /** `get`, `list`, `watch`, `create`, ... */
  readonly verb: string;
  /** HTTP method. */
  readonly method: string;
  readonly host: string;
  /** HTTP status of the last try; 0 when no answer came. */
  readonly code: number;
  readonly seconds: number;
  /** Size of the answer's body. */
  readonly bytes: number;
  /** Tries after the first. */
  readonly retries: number;
}

const RUN_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const CALL_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const BODY_BYTES = [
  64, 256, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
];
const HOSTS_MAX = 16;

export class RuntimeMetrics {
  readonly #queue: ReturnType<typeof queueMetrics>;
  readonly #controller: ReturnType<typeof controllerMetrics>;
  readonly #client: ReturnType<typeof clientMetrics>;
  readonly #lease: ReturnType<typeof leaseMetrics>;
  readonly #queues = new Map<string, () => { unfinishedMs: number; longestMs: number }>();
  readonly #hosts = new BoundedLabel(HOSTS_MAX);

  constructor(registry: Registry) {
    this.#queue = queueMetrics(registry, this.#queues);
    this.#controller = controllerMetrics(registry);
    this.#client = clientMetrics(registry);
    this.#lease = leaseMetrics(registry);
  }

  /** The observer for the queue of the controller of this name; queue and controller share it. */
  queueObserver(name: string): QueueMetrics {
    const labels = { name, controller: name };
    const { depth, adds, retries, queueSeconds, workSeconds } = this.#queue;
    adds.inc(labels, 0);
    retries.inc(labels, 0);
    queueSeconds.zero(labels);
    workSeconds.zero(labels);
    return {
      attached: (read) => {
        this.#queues.set(name, read);
      },
      depth: (priority, count) => depth.set({ ...labels, priority }, count),
      added: () => adds.inc(labels),
      taken: (readyMs) => queueSeconds.observe(labels, readyMs / 1000),
      finished: (workMs) => workSeconds.observe(labels, workMs / 1000),
      retried: () => retries.inc(labels),
    };
  }

  controllerObserver(name: string): ControllerMetrics {
    const labels = { controller: name };
    const { total, errors, terminal, panics, timeouts, seconds, most, active } = this.#controller;
    for (const result of ['success', 'error', 'requeue', 'requeue_after']) {
      total.inc({ ...labels, result }, 0);
    }
    for (const counter of [errors, terminal, panics, timeouts]) counter.inc(labels, 0);
    active.set(labels, 0);
    seconds.zero(labels);
    return {
      attached: (workers) => most.set(labels, workers),
      started: () => active.inc(labels),
      ended: (report) => {
        active.dec(labels);
        total.inc({ ...labels, result: report.result });
        seconds.observe(labels, report.tookMs / 1000);
        if (report.result === 'error') errors.inc(labels);
        if (report.terminal) terminal.inc(labels);
        if (report.unforeseen) panics.inc(labels);
        if (report.timedOut) timeouts.inc(labels);
      },
    };
  }

  /** The observer of the lease of this name. */
  leaseObserver(name: string): LeaseMetrics {
    const { status, slowPaths } = this.#lease;
    status.set({ name }, 0);
    slowPaths.inc({ name }, 0);
    return {
      leads: (leading) => status.set({ name }, leading ? 1 : 0),
      slowPath: () => slowPaths.inc({ name }),
    };
  }

  /** Fits `onRequest` of the client. */
  onRequest(request: ApiRequest): void {
    const { method, seconds, bytes, retries } = request;
    const host = this.#hosts.value(request.host);
    const code = request.code === 0 ? '<error>' : String(request.code);
    const verb = request.verb.toUpperCase();
    this.#client.total.inc({ code, method, host });
    this.#client.seconds.observe({ verb, host }, seconds);
    this.#client.bytes.observe({ verb, host }, bytes);
    if (retries > 0) this.#client.retries.inc({ code, verb, host }, retries);
  }
}

function queueMetrics(
  registry: Registry,
  queues: ReadonlyMap<string, () => { unfinishedMs: number; longestMs: number }>,
) {
  const registers = [registry];
  const labelNames = ['name', 'controller'] as const;
  const seconds = { registers, labelNames, buckets: exponentialBuckets(1e-8, 10, 12) };
  /** Read when scraped: what runs now has no moment of its own at which to report. */
  const running = (name: string, help: string, read: (queue: string) => number) =>
    new Gauge({
      name,
      help,
      registers,
      labelNames,
      collect() {
        for (const queue of queues.keys())
          this.set({ name: queue, controller: queue }, read(queue));
      },
    });
  running(
    'workqueue_unfinished_work_seconds',
    'Work under way that no work_duration has told of yet; large values point at stuck workers.',
    (queue) => (queues.get(queue)?.().unfinishedMs ?? 0) / 1000,
  );
  running(
    'workqueue_longest_running_processor_seconds',
    'How long the worker that has been busy longest has been so.',
    (queue) => (queues.get(queue)?.().longestMs ?? 0) / 1000,
  );
  return {
    depth: new Gauge({
      name: 'workqueue_depth',
      help: 'Keys that are ready for a worker, by priority.',
      registers,
      labelNames: [...labelNames, 'priority'] as const,
    }),
    adds: new Counter({
      name: 'workqueue_adds_total',
      help: 'Keys that became ready.',
      registers,
      labelNames,
    }),
    retries: new Counter({
      name: 'workqueue_retries_total',
      help: 'Keys put off after a failure.',
      registers,
      labelNames,
    }),
    queueSeconds: new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key was ready before a worker took it.',
      ...seconds,
    }),
    workSeconds: new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long a worker held a key.',
      ...seconds,
    }),
  };
}

function controllerMetrics(registry: Registry) {
  const counter = (name: string, help: string) =>
    new Counter({
      name: `controller_runtime_${name}`,
      help,
      registers: [registry],
      labelNames: ['controller'] as const,
    });
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `controller_runtime_${name}`,
      help,
      registers: [registry],
      labelNames: ['controller'] as const,
    });
  return {
    total: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by result.',
      registers: [registry],
      labelNames: ['controller', 'result'] as const,
    }),
    errors: counter('reconcile_errors_total', 'Reconciles that failed.'),
    terminal: counter('terminal_reconcile_errors_total', 'Failures that wait for a change.'),
    panics: counter('reconcile_panics_total', 'Reconciles that failed in a way nobody foresaw.'),
    timeouts: counter('reconcile_timeouts_total', 'Reconciles that exceeded their deadline.'),
    seconds: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long a reconcile took.',
      registers: [registry],
      labelNames: ['controller'] as const,
      buckets: RUN_SECONDS,
    }),
    most: gauge('max_concurrent_reconciles', 'Workers.'),
    active: gauge('active_workers', 'Workers that are busy.'),
  };
}

function leaseMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['name'] as const;
  return {
    status: new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this replica leads, by the name of the lease.',
      registers,
      labelNames,
    }),
    slowPaths: new Counter({
      name: 'leader_election_slowpath_total',
      help: 'Renewals for which the lease had to be read first.',
      registers,
      labelNames,
    }),
  };
}

function clientMetrics(registry: Registry) {
  const registers = [registry];
  return {
    total: new Counter({
      name: 'rest_client_requests_total',
      help: 'Calls to the API server by status code.',
      registers,
      labelNames: ['code', 'method', 'host'] as const,
    }),
    retries: new Counter({
      name: 'rest_client_request_retries_total',
      help: 'Calls to the API server that were repeated.',
      registers,
      labelNames: ['code', 'verb', 'host'] as const,
    }),
    seconds: new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'How long a call to the API server took, retries included.',
      registers,
      labelNames: ['verb', 'host'] as const,
      buckets: CALL_SECONDS,
    }),
    bytes: new Histogram({
      name: 'rest_client_response_size_bytes',
      help: 'Size of what the API server answered.',
      registers,
      labelNames: ['verb', 'host'] as const,
      buckets: BODY_BYTES,
    }),
  };
}
