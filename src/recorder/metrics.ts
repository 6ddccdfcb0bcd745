// What Prometheus may know of Serin: every Canary under the names that Flagger's dashboards use, and the machinery.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BoundedLabel } from './bounded-label.ts';
import { CanaryMetrics } from './canary-metrics.ts';
import { RuntimeMetrics } from './runtime-metrics.ts';

export interface MetricsOptions {
  readonly version: string;
  readonly meshProvider: string;
  /** From `monitorEventLoopDelay`, enabled by the caller; it is reset at each scrape. */
  readonly eventLoopDelay?: LoopDelay;
  /** Read at each scrape. */
  readonly usage?: () => ResourceUse;
}

/** In nanoseconds, as `monitorEventLoopDelay` of node:perf_hooks gives them. */
export interface LoopDelay {
  readonly count: number;
  readonly mean: number;
  readonly max: number;
  percentile(percent: number): number;
  reset(): void;
}

export interface ResourceUse {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
}

export interface OutsideCall {
  /** Kind of source or hook: from a fixed set. */
  readonly type: string;
  /** How it ended: from a fixed set. */
  readonly outcome: string;
  readonly seconds: number;
}

const WORDS_MAX = 64;

export class Metrics {
  readonly registry = new Registry();
  readonly canaries: CanaryMetrics;
  readonly runtime: RuntimeMetrics;
  readonly #own: ReturnType<typeof ownMetrics>;
  readonly #words = new BoundedLabel(WORDS_MAX);

  constructor(options: MetricsOptions) {
    const { version, meshProvider, eventLoopDelay, usage } = options;
    this.canaries = new CanaryMetrics(this.registry);
    this.runtime = new RuntimeMetrics(this.registry);
    this.#own = ownMetrics(this.registry);
    this.#own.build.set({ version, mesh_provider: meshProvider }, 1);
    if (eventLoopDelay !== undefined) loopMetrics(this.registry, eventLoopDelay);
    if (usage !== undefined) usageMetrics(this.registry, usage);
  }

  /** The text for `/metrics`. */
  render(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  metricQueried(call: OutsideCall): void {
    this.#own.queries.observe(this.#outside(call), call.seconds);
  }

  webhookCalled(call: OutsideCall): void {
    this.#own.webhooks.observe(this.#outside(call), call.seconds);
  }

  eventDropped(reason: string): void {
    this.#own.eventsDropped.inc({ reason: this.#words.value(reason) });
  }

  invariantViolated(invariant: string): void {
    this.#own.violations.inc({ invariant: this.#words.value(invariant) });
  }

  #outside({ type, outcome }: OutsideCall): { type: string; outcome: string } {
    return { type: this.#words.value(type), outcome: this.#words.value(outcome) };
  }
}

function ownMetrics(registry: Registry) {
  const registers = [registry];
  const outside = (name: string, help: string) =>
    new Histogram({
      name,
      help,
      registers,
      labelNames: ['type', 'outcome'] as const,
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    });
  return {
    build: new Gauge({
      name: 'serin_info',
      help: 'Always 1; what runs here is in the labels.',
      registers,
      labelNames: ['version', 'mesh_provider'] as const,
    }),
    queries: outside('serin_metric_query_duration_seconds', 'How long a metric source took.'),
    webhooks: outside('serin_webhook_duration_seconds', 'How long a gate or hook took.'),
    eventsDropped: new Counter({
      name: 'serin_events_dropped_total',
      help: 'Events that did not reach the API server.',
      registers,
      labelNames: ['reason'] as const,
    }),
    violations: new Counter({
      name: 'serin_invariant_violations_total',
      help: 'Decisions that were refused because they broke an invariant.',
      registers,
      labelNames: ['invariant'] as const,
    }),
  };
}

function loopMetrics(registry: Registry, delay: LoopDelay): void {
  registry.registerMetric(
    new Gauge({
      name: 'serin_event_loop_delay_seconds',
      help: 'How late the event loop was since the last scrape.',
      registers: [],
      labelNames: ['quantile'],
      collect() {
        // Without a sample the mean is not a number.
        const seconds = (nanoseconds: number) => (delay.count === 0 ? 0 : nanoseconds / 1e9);
        this.set({ quantile: 'mean' }, seconds(delay.mean));
        this.set({ quantile: '0.5' }, seconds(delay.percentile(50)));
        this.set({ quantile: '0.99' }, seconds(delay.percentile(99)));
        this.set({ quantile: '1' }, seconds(delay.max));
        delay.reset();
      },
    }),
  );
}

function usageMetrics(registry: Registry, usage: () => ResourceUse): void {
  const gauge = (name: string, help: string, read: (usage: ResourceUse) => number) =>
    new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read(usage()));
      },
    });
  registry.registerMetric(
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time used.',
      registers: [],
      collect() {
        this.reset();
        this.inc(usage().cpuSeconds);
      },
    }),
  );
  registry.registerMetric(
    gauge('process_resident_memory_bytes', 'Memory held.', (all) => all.residentBytes),
  );
  registry.registerMetric(
    gauge('nodejs_heap_size_used_bytes', 'JavaScript heap used.', (all) => all.heapUsedBytes),
  );
}
