// The operator in one piece: stores, queue, workers and the outside, wired to one cluster.
import { type KubeObject, keyOf } from '../api/kubernetes.ts';
import type { Client } from '../client/client.ts';
import type { Clock } from '../clock/clock.ts';
import { orAborted } from '../clock/or-aborted.ts';
import { runController } from '../controller/controller.ts';
import type { Leadership } from '../controller/leadership.ts';
import { WorkQueue } from '../controller/work-queue.ts';
import type { Egress } from '../egress/egress.ts';
import { SeenWrites } from '../informers/seen-writes.ts';
import { createMetricSources } from '../metrics/registry.ts';
import type { EventRecorder } from '../recorder/event.ts';
import type { Log } from '../recorder/log.ts';
import type { Metrics } from '../recorder/metrics.ts';
import { routerFor } from '../routers/registry.ts';
import { createHookCaller } from '../webhooks/caller.ts';
import { createAsker } from './asker.ts';
import { choosePod, podsOf } from './canary-pod.ts';
import { AskDesk } from './ask-desk.ts';
import { claimsOf } from './claims.ts';
import { ClusterView, type ConfigTracking, scaledBy } from './cluster-view.ts';
import { ConfigBook } from './config-book.ts';
import { Dependencies } from './dependencies.ts';
import { RouteMemory } from './observe-traffic.ts';
import { Reconciler } from './reconcile.ts';
import { labelsOf, Teller } from './tell.ts';

export interface OperatorParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly recorder: EventRecorder;
  readonly egress: Egress;
  readonly settings: OperatorSettings;
  /** Null: there is no other replica, and this one acts at once. */
  readonly leadership: Leadership | null;
}

export interface OperatorSettings {
  /** Empty = all. */
  readonly namespaces: readonly string[];
  readonly workers: number;
  /** Hooks of type `exec` may run commands in pods. */
  readonly execEnabled: boolean;
  readonly defaultProvider: string;
  readonly metricsServer: string;
  readonly selectorLabels: readonly string[];
  readonly includePrefixes: readonly string[];
  readonly configTracking: ConfigTracking;
  readonly allowCrossNamespace: boolean;
}

/** One look at one Canary takes at most this long. */
const RECONCILE_MS = 60_000;
/** A Canary that keeps failing is still looked at this often. */
const BACKOFF_MAX_MS = 60_000;

export interface Operator {
  /**
   * Fills the caches, waits to lead, works until the signal ends, and finishes what is under way. When the lead is lost,
   * what is under way is called off, and nothing happens until the signal ends.
   */
  run(signal: AbortSignal): Promise<void>;
  /** The caches are filled: this replica could act, or does. */
  ready(): boolean;
  /** Resolves when ready. */
  warm(signal: AbortSignal): Promise<void>;
}

export function createOperator(parts: OperatorParts): Operator {
  let ready = false;
  const warm = Promise.withResolvers<void>();
  return {
    ready: () => ready,
    warm: (signal) => orAborted(warm.promise, signal),
    run: (signal) =>
      run(parts, signal, () => {
        ready = true;
        warm.resolve();
      }),
  };
}

async function run(parts: OperatorParts, signal: AbortSignal, started: () => void): Promise<void> {
  const { clock, log, metrics, settings, leadership } = parts;
  // Watches end after the workers: who finishes a write must still see it.
  const watching = new AbortController();
  const queueObserver = metrics.runtime.queueObserver('canary');
  const queue = new WorkQueue({ clock, maxDelayMs: BACKOFF_MAX_MS, observer: queueObserver });
  const dependencies = new Dependencies();
  const stage = { acts: false };
  const view = viewOf(parts, { queue, dependencies, stage }, watching.signal);
  const lost = leadership?.lost ?? new AbortController().signal;
  try {
    await view.settled(signal);
    started();
    log.info(
      { canaries: view.canaries.store.size, workers: settings.workers },
      'operator is ready',
    );
    await leadership?.won(signal);
    const either = AbortSignal.any([signal, lost]);
    const reconciler = createReconciler(parts, { view, queue, dependencies }, either);
    stage.acts = true;
    for (const canary of view.canaries.store.list()) queue.add(keyOf(canary), 'initial');
    either.addEventListener('abort', () => queue.shutDown(), { once: true });
    // Workers end with the queue, not with the signal: what they hold is finished, within the deadline.
    await runController(
      {
        name: 'canary',
        queue,
        workers: settings.workers,
        reconcile: (key, until, job) => reconciler.reconcile(key, until, job),
        clock,
        deadlineMs: RECONCILE_MS,
        observer: metrics.runtime.controllerObserver('canary'),
        log,
      },
      AbortSignal.any([watching.signal, lost]),
    );
    // Whoever saw the lead being lost ends the operator, and says why.
    if (lost.aborted) await orAborted(new Promise(() => {}), signal);
  } finally {
    queue.shutDown();
    watching.abort(new Error('the operator stops'));
    await view.stopped();
  }
}

interface Wakes {
  readonly queue: WorkQueue;
  readonly dependencies: Dependencies;
  /** A replica that stands by keeps its stores and does nothing else; all Canaries are looked at when it begins to act. */
  readonly stage: { readonly acts: boolean };
}

function viewOf(
  { client, clock, log, settings }: OperatorParts,
  { queue, dependencies, stage }: Wakes,
  signal: AbortSignal,
): ClusterView {
  const { namespaces, configTracking, defaultProvider } = settings;
  const view: ClusterView = new ClusterView(
    {
      client,
      clock,
      log,
      namespaces,
      configTracking,
      onChange: (subject, initial, object, old) => {
        if (subject.startsWith('canaries/')) watchRoutes(view, object, defaultProvider);
        if (!stage.acts) return;
        wake(queue, dependencies, {
          subject,
          initial,
          states: old === undefined ? [object] : [old, object],
        });
      },
    },
    signal,
  );
  return view;
}

/** So that whoever takes over has the routes in its stores already. */
function watchRoutes(view: ClusterView, canary: KubeObject, defaultProvider: string): void {
  const { provider } = (canary['spec'] ?? {}) as { readonly provider?: unknown };
  const name = typeof provider === 'string' ? provider : defaultProvider;
  for (const { apiVersion, kind, plural } of routerFor(name)?.kinds ?? [])
    view.routes(apiVersion, kind, plural);
}

interface Machinery {
  readonly view: ClusterView;
  readonly queue: WorkQueue;
  readonly dependencies: Dependencies;
}

function createReconciler(
  parts: OperatorParts,
  machinery: Machinery,
  signal: AbortSignal,
): Reconciler {
  const { client, clock, log, metrics, recorder, egress, settings } = parts;
  const { view, queue, dependencies } = machinery;
  const book = new ConfigBook(client, {
    ConfigMap: view.configMaps?.store ?? null,
    Secret: view.secrets?.store ?? null,
  });
  const memory = new RouteMemory();
  const callHook = createHookCaller({ clock, egress });
  const asker = createAsker({
    client,
    clock,
    sources: createMetricSources({ clock, egress }),
    callHook,
    metricsServer: settings.metricsServer,
    plans: (key) => reconciler.plansOf(key),
    canary: (key) => reconciler.canaryOf(key),
    choosePod: (canary, container) => choosePod(podsOf(view, canary), container),
    observeQuery: (type, outcome, seconds) => metrics.metricQueried({ type, outcome, seconds }),
    observeHook: (type, outcome, seconds) => metrics.webhookCalled({ type, outcome, seconds }),
    measured: (canary, metric, value) => metrics.canaries.measured(labelsOf(canary), metric, value),
  });
  const desk = new AskDesk(asker, {
    clock,
    answered: (key) => queue.add(key),
    failed: (key, ask, error) => log.error({ canary: key, ask: ask.key, error }, 'question failed'),
  });
  const reconciler: Reconciler = new Reconciler({
    observer: {
      view,
      book,
      memory,
      clock,
      defaultProvider: settings.defaultProvider,
      execEnabled: settings.execEnabled,
      selectorLabels: settings.selectorLabels,
      allowCrossNamespace: settings.allowCrossNamespace,
    },
    apply: {
      client,
      clock,
      view,
      book,
      seen: new SeenWrites(clock),
      includePrefixes: settings.includePrefixes,
    },
    desk,
    dependencies,
    teller: new Teller({ clock, recorder, metrics, callHook, signal }),
    metrics,
    signal,
  });
  return reconciler;
}

interface Change {
  readonly subject: string;
  readonly initial: boolean;
  /** The object as it is, and before that as it was: who waits for what it let go wants to know too. */
  readonly states: readonly KubeObject[];
}

/** The Canary itself, whoever looks at the object, and whoever claims the same. */
function wake(
  queue: WorkQueue,
  dependencies: Dependencies,
  { subject, initial, states }: Change,
): void {
  const priority = initial ? 'initial' : 'user';
  const subjects = new Set([subject]);
  if (subject.startsWith('canaries/')) queue.add(subject.slice('canaries/'.length), priority);
  for (const object of states) {
    if (subject.startsWith('canaries/'))
      for (const { mark } of claimsOf(object)) subjects.add(mark);
    if (object.kind === 'HorizontalPodAutoscaler' && 'spec' in object)
      subjects.add(`scaler-of/${scaledBy(object as Parameters<typeof scaledBy>[0])}`);
  }
  for (const each of subjects)
    for (const key of dependencies.readersOf(each)) queue.add(key, priority);
}
