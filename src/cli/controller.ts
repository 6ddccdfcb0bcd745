// `serin controller`: the operator in the foreground.
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../clock/system-clock.ts';
import { loadConfig } from '../client/config.ts';
import { httpClient } from '../client/http-client.ts';
import { userAgent } from '../client/user-agent.ts';
import { ofThisProcess, runLifecycle } from '../controller/lifecycle.ts';
import { createEgress } from '../egress/egress.ts';
import {
  createOperator,
  type OperatorParts,
  type OperatorSettings,
} from '../reconcilers/operator.ts';
import { ApiEventSink, type DropReason } from '../recorder/api-event-sink.ts';
import { EventBroadcaster, logSink } from '../recorder/events.ts';
import { LOG_ENCODINGS, LOG_LEVELS } from '../recorder/log.ts';
import { Metrics } from '../recorder/metrics.ts';
import { type Command, CONNECTION_FLAGS, type Invocation, number, text } from './command.ts';
import { LEASE_FLAGS, leaseOf } from './controller-lease.ts';
import { eventsPart, healthPart, leasePart, operatorPart } from './controller-parts.ts';
import { egressPolicy, logOf, settingsOf } from './controller-settings.ts';
import { VERSION } from './version.ts';

export const controller: Command = {
  name: 'controller',
  usage: '[flags]',
  summary: 'run the operator in the foreground',
  flags: {
    ...CONNECTION_FLAGS,
    namespace: {
      type: 'string',
      multiple: true,
      value: 'NAME,...',
      help: 'namespaces to watch (default: all)',
    },
    'mesh-provider': {
      type: 'string',
      default: 'gatewayapi:v1',
      value: 'NAME',
      help: 'provider of Canaries that name none',
    },
    'metrics-server': {
      type: 'string',
      default: 'http://prometheus:9090',
      value: 'URL',
      help: 'Prometheus for builtin and inline metrics',
    },
    'selector-labels': {
      type: 'string',
      default: 'app,name,app.kubernetes.io/name',
      value: 'KEY,...',
      help: 'labels that may tell target and primary apart',
    },
    'include-label-prefix': {
      type: 'string',
      default: '',
      value: 'PREFIX,...',
      help: "labels and annotations that the primary gets from its target; '*' = all",
    },
    'enable-config-tracking': {
      type: 'string',
      default: 'true',
      value: 'true|false|configmaps',
      help: 'track the ConfigMaps and Secrets of targets, or ConfigMaps alone',
    },
    'allow-cross-namespace-refs': {
      type: 'boolean',
      default: false,
      help: 'follow references into other namespaces without a grant',
    },
    'egress-allow': {
      type: 'string',
      multiple: true,
      value: 'CIDR|HOST,...',
      help: 'call nothing but these addresses',
    },
    'egress-deny': {
      type: 'string',
      multiple: true,
      value: 'CIDR|HOST,...',
      help: 'never call these addresses',
    },
    'egress-allow-loopback': {
      type: 'boolean',
      default: false,
      help: 'call loopback addresses even inside a cluster',
    },
    'enable-exec': {
      type: 'boolean',
      default: false,
      help: 'let webhooks of type exec run commands in canary pods',
    },
    threadiness: {
      type: 'string',
      default: '8',
      value: 'N',
      help: 'how many Canaries are worked on at once',
    },
    ...LEASE_FLAGS,
    port: {
      type: 'string',
      default: '8080',
      value: 'PORT',
      help: 'of /metrics, /healthz and /readyz; 0 = any free one',
    },
    'log-level': {
      type: 'string',
      default: 'info',
      value: LOG_LEVELS.join('|'),
      help: 'least severe lines to log',
    },
    'log-encoding': {
      type: 'string',
      default: 'json',
      value: LOG_ENCODINGS.join('|'),
      help: 'form of the log lines',
    },
  },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const clock = systemClock();
  const settings = settingsOf(invocation);
  const policy = egressPolicy(invocation);
  const log = logOf(invocation, clock);
  const port = number(invocation, 'port', { min: 0, max: 65_535 });
  const { kubeconfig, master, context } = connection(invocation);
  const config = await loadConfig(
    { ...given({ kubeconfig, master, context }), environment: invocation.environment, clock },
    invocation.signal,
  );
  const metrics = createMetrics(settings);
  const agent = userAgent(VERSION);
  const onRequest = metrics.runtime.onRequest.bind(metrics.runtime);
  const connected = { config, clock, userAgent: agent, onRequest };
  await using leaseClient = httpClient(connected);
  const lease = leaseOf(invocation, { client: leaseClient, config, clock, log, metrics });
  // What a replica that does not lead must not do, its Events and what is repeated included.
  const fenced = lease === null ? {} : { beforeWrite: () => lease.assertMayWrite() };
  await using client = httpClient({ ...connected, ...fenced });
  await using eventClient = httpClient({ ...connected, ...fenced });
  await using egress = createEgress({ clock, policy });
  const events = eventsOf({ client: eventClient, clock, log, metrics });
  const operator = createOperator({
    client,
    clock,
    log,
    metrics,
    recorder: events.recorder(),
    egress,
    settings,
    leadership: lease,
  });
  // They stop in the reverse order: workers finish and Events are written while the lease is still held.
  const parts = [
    healthPart({ operator, lease }, { port, metrics, log }),
    ...(lease === null ? [] : [leasePart(lease, operator)]),
    eventsPart(events),
    operatorPart(operator),
  ];
  log.info(
    { version: VERSION, server: config.server.href, namespaces: settings.namespaces },
    'serin starts',
  );
  const exit = await runLifecycle({
    parts,
    clock,
    log,
    interruptions: ofThisProcess(process),
    exitNow: ({ code }) => process.exit(code),
  });
  return exit.code;
}

function createMetrics(settings: OperatorSettings): Metrics {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return new Metrics({
    version: VERSION,
    meshProvider: settings.defaultProvider,
    eventLoopDelay: delay,
    usage: () => {
      const { user, system } = process.cpuUsage();
      const { rss, heapUsed } = process.memoryUsage();
      return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapUsedBytes: heapUsed };
    },
  });
}

function eventsOf({
  client,
  clock,
  log,
  metrics,
}: Pick<OperatorParts, 'client' | 'clock' | 'log' | 'metrics'>): EventBroadcaster {
  const dropped = (reason: DropReason): void => metrics.eventDropped(reason);
  const sink = new ApiEventSink({ client, clock, log, random: Math.random, dropped });
  return new EventBroadcaster({ clock, instance: hostname(), sinks: [logSink(log), sink], log });
}

function connection(invocation: Invocation): {
  readonly kubeconfig?: string | undefined;
  readonly master?: string | undefined;
  readonly context?: string | undefined;
} {
  return {
    kubeconfig: text(invocation, 'kubeconfig'),
    master: text(invocation, 'master'),
    context: text(invocation, 'context'),
  };
}

function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
