// Puts a question of the core to the outside: a metric to its source, a hook to its address or into a pod.
import type { Canary, HookType } from '../api/canary.ts';
import type { ConfigObject } from '../api/kubernetes.ts';
import type { Client } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Clock } from '../clock/clock.ts';
import type { Ask } from '../decision/decision.ts';
import type { Answer } from '../decision/world.ts';
import type { MetricSource, Sample } from '../metrics/source.ts';
import type { HookCaller } from '../webhooks/caller.ts';
import type { GateOutcome } from '../webhooks/exec-gate.ts';
import { hookPayload } from '../webhooks/payload.ts';
import { askExec } from './ask-exec.ts';
import type { Asker } from './ask-desk.ts';
import type { PodChoice } from './canary-pod.ts';
import type { MetricPlan } from './observe-metrics.ts';

/** Longest time for one query, retries included. */
const QUERY_DEADLINE_MS = 10_000;

export interface AskerParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly sources: ReadonlyMap<string, MetricSource>;
  readonly callHook: HookCaller;
  /** Address of the operator's own Prometheus, for builtin and inline metrics. */
  readonly metricsServer: string;
  readonly plans: (canary: string) => readonly MetricPlan[];
  readonly canary: (key: string) => Canary | null;
  /** Where a command for this Canary is run. */
  readonly choosePod: (canary: Canary, container: string | null) => PodChoice;
  readonly observeQuery: (type: string, outcome: string, seconds: number) => void;
  readonly observeHook: (type: string, outcome: string, seconds: number) => void;
  /** A number that came back, for the gauges. */
  readonly measured: (canary: Canary, metric: string, value: number) => void;
}

export function createAsker(parts: AskerParts): Asker {
  return (key, ask, signal) => {
    switch (ask.kind) {
      case 'metric':
        return askMetric(parts, key, ask, signal);
      case 'hook':
        return askHook(parts, key, ask, signal);
    }
  };
}

async function askMetric(
  parts: AskerParts,
  key: string,
  ask: Extract<Ask, { kind: 'metric' }>,
  signal: AbortSignal,
): Promise<Answer> {
  const { clock } = parts;
  const startMs = clock.monotonicMs();
  const plan = parts.plans(key).find((each) => each.metric.name === ask.metric.name);
  const sample =
    plan === undefined
      ? none('BadQuery', 'the metric is gone')
      : await sampleOf(parts, plan, signal);
  const outcome = sample.kind === 'number' ? 'number' : sample.reason;
  parts.observeQuery(plan?.type ?? 'unknown', outcome, clock.since(startMs) / 1000);
  const canary = parts.canary(key);
  if (sample.kind === 'number' && canary !== null)
    parts.measured(canary, ask.metric.name, sample.value);
  return { kind: 'sample', sample, at: clock.now() };
}

async function sampleOf(parts: AskerParts, plan: MetricPlan, signal: AbortSignal): Promise<Sample> {
  const source = parts.sources.get(plan.type);
  if (source === undefined) return none('BadQuery', `there is no source of type ${plan.type}`);
  const credentials = await credentialsOf(parts, plan, signal);
  if (credentials === null)
    return none('Refused', `Secret ${plan.secret?.name ?? ''} cannot be read`);
  const query = {
    text: plan.text,
    address: plan.address === '' ? parts.metricsServer : plan.address,
    headers: plan.headers,
    credentials,
    insecureSkipVerify: plan.insecureSkipVerify,
    ca: credentials['ca.crt'] ?? null,
    region: plan.region,
    extra: {},
  };
  return source.query(query, { signal, deadlineMs: QUERY_DEADLINE_MS });
}

function none(reason: Extract<Sample, { kind: 'none' }>['reason'], message: string): Sample {
  return { kind: 'none', reason, message };
}

/** Read for this one query, and not kept. */
async function credentialsOf(
  parts: AskerParts,
  plan: MetricPlan,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | null> {
  if (plan.secret === null) return {};
  try {
    const secret = (await parts.client.get(RESOURCES.secrets, plan.secret, {
      signal,
    })) as ConfigObject;
    const entries = Object.entries(secret.data ?? {});
    return Object.fromEntries(
      entries.map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
    );
  } catch (error) {
    if (isApiError(error)) return null;
    throw error;
  }
}

type HookAsk = Extract<Ask, { kind: 'hook' }>;
type CalledType = Exclude<HookType, 'event'>;

async function askHook(
  parts: AskerParts,
  key: string,
  ask: HookAsk,
  signal: AbortSignal,
): Promise<Answer> {
  const { clock } = parts;
  const { hook } = ask;
  const canary = parts.canary(key);
  if (canary === null || hook.type === 'event') {
    return {
      kind: 'hook',
      ok: false,
      heard: false,
      message: 'the Canary is gone',
      at: clock.now(),
    };
  }
  const startMs = clock.monotonicMs();
  const { exec } = hook;
  const outcome =
    exec === null
      ? await called(parts, { canary, ask, type: hook.type }, signal)
      : await askExec(
          { ...parts, choosePod: (container) => parts.choosePod(canary, container) },
          { hook, exec },
          signal,
        );
  const word = outcome.ok ? 'yes' : outcome.heard ? 'no' : 'no-answer';
  parts.observeHook(hook.type, word, clock.since(startMs) / 1000);
  return { kind: 'hook', ...outcome, at: clock.now() };
}

async function called(
  { callHook }: AskerParts,
  {
    canary,
    ask,
    type,
  }: { readonly canary: Canary; readonly ask: HookAsk; readonly type: CalledType },
  signal: AbortSignal,
): Promise<GateOutcome> {
  const { hook } = ask;
  const subject = { canary, phase: ask.phase, status: canary.status };
  const payload = hookPayload({ metadata: hook.metadata, type }, subject);
  const { ok, status, message } = await callHook({ hook, payload }, signal);
  return { ok, heard: status !== null, message };
}
