// Metrics of each Canary, named as Flagger names them so that its dashboards and alerts fit; they vanish with the Canary.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Phase } from '../api/canary.ts';
import { BoundedLabel } from './bounded-label.ts';

/** Which Canary; `target` is what Flagger puts into the label `name`, and the same as `name` for most. */
export interface CanaryLabels {
  readonly namespace: string;
  readonly name: string;
  readonly target: string;
}

export interface CanaryFinish {
  readonly succeeded: boolean;
  /** `canary`, `blue-green`, `ab-testing`, ... */
  readonly strategy: string;
  readonly analysis: 'completed' | 'skipped';
}

/** What one Canary has put into the registry, so that it can be taken out again. */
interface Traces {
  readonly target: string;
  readonly metrics: BoundedLabel;
  /** By series: how it is taken out. */
  readonly removals: Map<string, () => void>;
  /** What `stands` told last. */
  stood: string;
}

const METRICS_PER_CANARY_MAX = 32;
const STRATEGIES_MAX = 16;

type Definitions = ReturnType<typeof define>;

/** To be told of accepted Canaries only: two that claim one target would share its series. */
export class CanaryMetrics {
  readonly #metrics: Definitions;
  /** By namespace/name of the Canary. */
  readonly #traces = new Map<string, Traces>();
  readonly #perNamespace = new Map<string, number>();
  readonly #strategies = new BoundedLabel(STRATEGIES_MAX);

  constructor(registry: Registry) {
    this.#metrics = define(registry);
  }

  /** Where a Canary stands; to be told after each change of phase or weight (whole percent). */
  stands(labels: CanaryLabels, phase: Phase, canaryWeight: number): void {
    const { namespace, target } = labels;
    const traces = this.#tracesOf(labels);
    const stands = `${statusOf(phase)}/${canaryWeight}`;
    if (traces.stood === stands) return;
    traces.stood = stands;
    const primary = `${target}-primary`;
    this.#set(labels, 'status', { name: target, namespace }, statusOf(phase));
    this.#set(labels, 'weight', { workload: target, namespace }, canaryWeight);
    this.#set(labels, 'weight', { workload: primary, namespace }, 100 - canaryWeight);
  }

  /** One look at a Canary took so long. */
  reconciled(labels: CanaryLabels, seconds: number): void {
    const own = { name: labels.target, namespace: labels.namespace };
    this.#metrics.duration.observe(own, seconds);
    this.#note(labels, 'duration', own);
  }

  /** The number that was judged last. Beyond 32 metrics of one Canary the rest shares the label `other`. */
  measured(labels: CanaryLabels, metric: string, value: number): void {
    const { namespace, target } = labels;
    const bounded = this.#tracesOf(labels).metrics.value(metric);
    this.#set(labels, 'analysis', { name: target, namespace, metric: bounded }, value);
  }

  /** A rollout ended; to be told once, after it is stored. */
  finished(labels: CanaryLabels, finish: CanaryFinish): void {
    const counter = finish.succeeded ? 'successes' : 'failures';
    const own = {
      name: labels.target,
      namespace: labels.namespace,
      deployment_strategy: this.#strategies.value(finish.strategy),
      analysis_status: finish.analysis,
    };
    this.#metrics[counter].inc(own);
    this.#note(labels, counter, own);
  }

  /** Takes out all series of a Canary that is gone. */
  forgetCanary(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const traces = this.#traces.get(key);
    if (traces === undefined) return;
    for (const remove of traces.removals.values()) remove();
    this.#traces.delete(key);
    this.#countIn(namespace, -1);
  }

  /** A Canary that got another target starts anew under that name. */
  #tracesOf({ namespace, name, target }: CanaryLabels): Traces {
    const key = `${namespace}/${name}`;
    const known = this.#traces.get(key);
    if (known?.target === target) return known;
    this.forgetCanary(namespace, name);
    const metrics = new BoundedLabel(METRICS_PER_CANARY_MAX);
    const traces: Traces = { target, metrics, removals: new Map(), stood: '' };
    this.#traces.set(key, traces);
    this.#countIn(namespace, 1);
    return traces;
  }

  #countIn(namespace: string, change: number): void {
    const { total } = this.#metrics;
    const count = (this.#perNamespace.get(namespace) ?? 0) + change;
    if (count > 0) {
      this.#perNamespace.set(namespace, count);
      total.set({ namespace }, count);
    } else {
      this.#perNamespace.delete(namespace);
      total.remove({ namespace });
    }
  }

  #set(
    labels: CanaryLabels,
    metric: 'status' | 'weight' | 'analysis',
    own: Readonly<Record<string, string>>,
    value: number,
  ): void {
    this.#note(labels, metric, own);
    this.#metrics[metric].set(own, value);
  }

  #note(
    labels: CanaryLabels,
    metric: keyof Definitions,
    own: Readonly<Record<string, string>>,
  ): void {
    const { removals } = this.#tracesOf(labels);
    const series = JSON.stringify([metric, own]);
    if (removals.has(series)) return;
    removals.set(series, () => this.#metrics[metric].remove(own));
  }
}

/** As Flagger counts: 0 while it progresses, 2 when it failed, 1 otherwise. */
function statusOf(phase: Phase): number {
  if (phase === 'Progressing') return 0;
  return phase === 'Failed' ? 2 : 1;
}

function define(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[]) =>
    new Gauge({ name: `serin_canary_${name}`, help, registers, labelNames });
  const counter = (name: string, help: string) =>
    new Counter({
      name: `serin_canary_${name}`,
      help,
      registers,
      labelNames: ['name', 'namespace', 'deployment_strategy', 'analysis_status'],
    });
  return {
    total: gauge('total', 'Canaries in a namespace.', ['namespace']),
    status: gauge('status', 'Last known state: 0 progressing, 1 settled, 2 failed.', [
      'name',
      'namespace',
    ]),
    weight: gauge('weight', 'Share of the requests in percent.', ['workload', 'namespace']),
    analysis: gauge('metric_analysis', 'The number that was judged last.', [
      'name',
      'namespace',
      'metric',
    ]),
    duration: new Histogram({
      name: 'serin_canary_duration_seconds',
      help: 'How long one look at a Canary took.',
      registers,
      labelNames: ['name', 'namespace'],
    }),
    successes: counter('successes_total', 'Rollouts that were promoted.'),
    failures: counter('failures_total', 'Rollouts that were rolled back.'),
  };
}
