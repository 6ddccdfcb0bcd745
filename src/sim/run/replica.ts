// One replica of the shipped operator on a model cluster; it may die at any moment, and leaves nothing running.
import type { VirtualClock } from '../../clock/virtual-clock.ts';
import { createOperator, type OperatorSettings } from '../../reconcilers/operator.ts';
import { ApiEventSink } from '../../recorder/api-event-sink.ts';
import { EventBroadcaster } from '../../recorder/events.ts';
import { type Log, SILENT } from '../../recorder/log.ts';
import { Metrics } from '../../recorder/metrics.ts';
import type { Call, Gate } from '../store/model-client.ts';
import { ModelClient } from '../store/model-client.ts';
import type { ModelCluster } from './model-cluster.ts';

/** The operator's name among the writers. */
export const OPERATOR = 'operator';

const SETTINGS: OperatorSettings = {
  namespaces: [],
  workers: 8,
  execEnabled: false,
  defaultProvider: 'gatewayapi:v1',
  metricsServer: 'http://prometheus.monitoring:9090',
  selectorLabels: ['app', 'name', 'app.kubernetes.io/name'],
  includePrefixes: [],
  configTracking: 'all',
  allowCrossNamespace: true,
};

export interface ReplicaOptions {
  readonly cluster: ModelCluster;
  /** Stands between this replica and the API server. */
  readonly gate?: Gate;
  readonly settings?: Partial<OperatorSettings>;
  readonly log?: Log;
}

export class Replica {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #dead = false;

  constructor({ cluster, gate, settings = {}, log = SILENT }: ReplicaOptions) {
    const { clock, store, random } = cluster;
    const client = new ModelClient({ store, clock, user: OPERATOR, gate: this.#mortal(gate) });
    const all = { ...SETTINGS, ...settings };
    const metrics = new Metrics({ version: 'sim', meshProvider: all.defaultProvider });
    const sink = new ApiEventSink({ client, clock, log, random });
    const events = new EventBroadcaster({ clock, instance: 'sim', sinks: [sink], log });
    const operator = createOperator({
      client,
      clock,
      log,
      metrics,
      recorder: events.recorder(),
      egress: cluster.egress,
      settings: all,
      leadership: null,
    });
    this.#ended = operator.run(this.#stop.signal).catch(() => undefined);
  }

  /** At once, in the middle of anything: no call of it reaches the API server or is answered any more. */
  kill(): void {
    this.#dead = true;
    this.#stop.abort(new Error('the replica was killed'));
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** As by SIGTERM: what is under way is finished. */
  async stop(clock: VirtualClock): Promise<void> {
    this.#stop.abort(new Error('the replica was asked to stop'));
    const over = { yet: false };
    void this.#ended.then(() => {
      over.yet = true;
    });
    while (!over.yet && (await clock.advanceToNext(60_000)));
  }

  /** A dead replica's calls never get through, and never come back. */
  #mortal(gate: Gate | undefined): Gate {
    const never = new Promise<void>(() => {});
    const pass = (side: 'before' | 'after', call: Call): void | Promise<void> => {
      if (this.#dead) return never;
      const passed = gate?.[side](call);
      return this.#dead ? never : passed;
    };
    return {
      before: (call) => pass('before', call),
      after: (call) => pass('after', call),
    };
  }
}
