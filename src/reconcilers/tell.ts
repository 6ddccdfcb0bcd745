// Tells what became true, after it is stored: Events, logs, metrics and event hooks.
import type { Canary, CanaryStatus } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../clock/clock.ts';
import type { Told } from '../decision/decision.ts';
import type { CanaryLabels } from '../recorder/canary-metrics.ts';
import type { EventRecorder } from '../recorder/event.ts';
import type { Metrics } from '../recorder/metrics.ts';
import type { HookCaller } from '../webhooks/caller.ts';
import { eventPayload } from '../webhooks/payload.ts';

export interface TellerParts {
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly metrics: Metrics;
  readonly callHook: HookCaller;
  readonly signal: AbortSignal;
}

/** Event hooks under way at once, for all Canaries; more are dropped: they must never hold a rollout up. */
const EVENT_HOOKS_MAX = 64;

export interface Telling {
  /** CamelCase: what was being done. */
  readonly action: string;
  /** What names the rollout that it was done for. */
  readonly occasion?: string;
}

export class Teller {
  readonly #parts: TellerParts;
  #eventHooks = 0;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  /** Each fact once, about the Canary as it is stored now. Like facts of two rollouts are told apart by `occasion`. */
  tell(object: KubeObject, tells: readonly Told[], { action, occasion = '' }: Telling): void {
    const { apiVersion, kind, metadata } = object;
    const { namespace, name, uid } = metadata;
    const regarding = {
      apiVersion,
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    };
    for (const { type, reason, message } of tells) {
      this.#parts.recorder.event({ regarding, type, reason, action, note: message, occasion });
    }
  }

  /** Gauges and counters for a change of status, and the user's own event hooks. */
  changed(canary: Canary, before: CanaryStatus, tells: readonly Told[]): void {
    const { metrics } = this.#parts;
    const { status, spec } = canary;
    const labels = labelsOf(canary);
    metrics.canaries.stands(labels, status.phase, status.canaryWeight);
    const ended =
      status.phase !== before.phase && (status.phase === 'Failed' || status.phase === 'Succeeded');
    // A target that went back to what the primary serves was neither promoted nor rolled back.
    const reverted = status.history[0]?.outcome === 'reverted';
    if (ended && !reverted && (before.phase === 'Finalising' || status.phase === 'Failed')) {
      metrics.canaries.finished(labels, {
        succeeded: status.phase === 'Succeeded',
        strategy: spec.analysis.strategy.kind === 'weighted' ? 'canary' : 'blue-green',
        analysis: spec.skipAnalysis ? 'skipped' : 'completed',
      });
    }
    for (const fact of tells) this.#callEventHooks(canary, fact);
  }

  #callEventHooks(canary: Canary, fact: Told): void {
    const { clock, callHook, signal } = this.#parts;
    for (const hook of canary.spec.analysis.webhooks) {
      if (hook.type !== 'event' || this.#eventHooks >= EVENT_HOOKS_MAX) continue;
      const event = { type: fact.type, message: fact.message, at: clock.now() };
      const subject = { canary, phase: canary.status.phase, status: canary.status };
      this.#eventHooks += 1;
      callHook({ hook, payload: eventPayload(hook, subject, event) }, signal)
        // An event hook's answer steers nothing; that it was called is in the metrics.
        .catch(() => undefined)
        .finally(() => {
          this.#eventHooks -= 1;
        });
    }
  }
}

export function labelsOf(canary: Canary): CanaryLabels {
  return { namespace: canary.namespace, name: canary.name, target: canary.spec.targetRef.name };
}
