// The HorizontalPodAutoscaler controller: a Deployment's size by its load, between bounds, slowly down. Nothing polls.
import { type HorizontalPodAutoscaler, keyOf } from '../../api/kubernetes.ts';
import type { Scale } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import { Agenda } from './agenda.ts';
import { same, type WorkloadCondition } from './kinds.ts';
import { isOf } from './shelves.ts';
import { CONTROLLERS, type Seen, timeIn, type World, writeStatus } from './world.ts';

/** A load this near to what the pods carry changes nothing. */
const TOLERANCE = 0.1;

/** What was recommended from a moment until the next one. */
interface Advice {
  readonly fromMs: number;
  readonly replicas: number;
}

interface Verdict {
  readonly replicas: number;
  readonly againMs: number | null;
  readonly conditions: readonly Said[];
}

type Said = Pick<WorkloadCondition, 'type' | 'status' | 'reason' | 'message'>;

interface ScalerStatus {
  readonly currentReplicas?: number;
  readonly desiredReplicas?: number;
  readonly lastScaleTime?: string;
  readonly conditions?: readonly WorkloadCondition[];
}

export class Scalers {
  readonly #world: World;
  readonly #agenda: Agenda;
  /** By the scaler's key, oldest first; only as far back as the window reaches. */
  readonly #advice = new Map<string, readonly Advice[]>();
  readonly #raisedAtMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    const { clock, random, nature } = world;
    const look = (key: string) => this.#look(key);
    this.#agenda = new Agenda({ clock, random, delay: nature.scalerDelay, look });
  }

  see(seen: Seen): void {
    const { object } = seen;
    if (isOf(seen, RESOURCES.horizontalPodAutoscalers)) {
      if (seen.type === 'DELETED') this.#forget(keyOf(object));
      else this.#agenda.wake(keyOf(object));
    } else if (isOf(seen, RESOURCES.deployments)) {
      for (const scaler of this.#world.shelves.scalers.in(object.metadata.namespace ?? '')) {
        const { kind, name } = scaler.spec.scaleTargetRef;
        if (kind === object.kind && name === object.metadata.name) this.#agenda.wake(keyOf(scaler));
      }
    }
  }

  stop(): void {
    this.#agenda.stop();
  }

  /** `Nature.load` may say something else now. */
  loadChanged(): void {
    for (const scaler of this.#world.shelves.scalers.all()) this.#agenda.wake(keyOf(scaler));
  }

  #look(key: string): number | null {
    const { shelves, store } = this.#world;
    const scaler = shelves.scalers.get(key);
    if (scaler === null || scaler.metadata.deletionTimestamp !== undefined) return null;
    const target = this.#target(scaler);
    if (target === null) {
      const { kind, name } = scaler.spec.scaleTargetRef;
      const message = `the HPA controller was unable to get the target's current scale: ${kind} "${name}" not found`;
      const said = condition('AbleToScale', 'False', ['FailedGetScale', message]);
      this.#tell(scaler, { conditions: [said], counts: {}, scaled: false });
      return null;
    }
    const now = target.replicas;
    const { replicas, againMs, conditions } = this.#judge(scaler, now);
    if (replicas !== now) {
      const { namespace = '' } = scaler.metadata;
      const { name } = scaler.spec.scaleTargetRef;
      const scale = { ...target, replicas };
      store.updateScale(RESOURCES.deployments, { namespace, name }, scale, CONTROLLERS);
      if (replicas > now) this.#raisedAtMs.set(key, this.#world.clock.monotonicMs());
    }
    const counts = {
      currentReplicas: this.#made(scaler),
      desiredReplicas: replicas,
    };
    this.#tell(scaler, { conditions, counts, scaled: replicas !== now });
    return againMs;
  }

  #made(scaler: HorizontalPodAutoscaler): number {
    return this.#deployment(scaler)?.status?.replicas ?? 0;
  }

  #deployment({ metadata: { namespace = '' }, spec }: HorizontalPodAutoscaler) {
    const { kind, name } = spec.scaleTargetRef;
    if (kind !== 'Deployment') return null;
    return this.#world.shelves.deployments.get(keyOf({ metadata: { namespace, name } }));
  }

  #target(scaler: HorizontalPodAutoscaler): Scale | null {
    const deployment = this.#deployment(scaler);
    if (deployment === null) return null;
    const { namespace = '', name } = deployment.metadata;
    return this.#world.store.getScale(RESOURCES.deployments, { namespace, name });
  }

  #judge(scaler: HorizontalPodAutoscaler, now: number): Verdict {
    const { minReplicas = 1, maxReplicas } = scaler.spec;
    if (now === 0 && minReplicas !== 0) {
      this.#advice.delete(keyOf(scaler));
      const message = 'scaling is disabled since the replica count of the target is zero';
      const said = condition('ScalingActive', 'False', ['ScalingDisabled', message]);
      return { replicas: 0, againMs: null, conditions: [ABLE, said] };
    }
    const bounded = Math.min(maxReplicas, Math.max(minReplicas, now));
    if (bounded !== now) return { replicas: bounded, againMs: null, conditions: [ABLE] };
    const load = this.#world.nature.load(scaler);
    if (load === null) {
      const message = 'the HPA was unable to compute the replica count: no metrics returned';
      const said = condition('ScalingActive', 'False', ['FailedGetResourceMetric', message]);
      return { replicas: now, againMs: null, conditions: [ABLE, said] };
    }
    const asked = Math.abs(load / now - 1) <= TOLERANCE ? now : Math.ceil(load);
    const advised = this.#steadied(scaler, { now, asked });
    const limit = this.#raisedTo(keyOf(scaler), { now, replicas: advised.replicas });
    const replicas = Math.min(maxReplicas, Math.max(minReplicas, limit.replicas));
    const againMs = least(advised.againMs, limit.againMs);
    return { replicas, againMs, conditions: [ABLE, METRIC, limited(advised.replicas, scaler)] };
  }

  /** The most that was recommended within the window, so that a short lull takes no pods away. */
  #steadied(
    scaler: HorizontalPodAutoscaler,
    { now, asked }: { readonly now: number; readonly asked: number },
  ): { readonly replicas: number; readonly againMs: number | null } {
    const key = keyOf(scaler);
    const atMs = this.#world.clock.monotonicMs();
    const windowMs = downWindowMs(scaler) ?? this.#world.nature.scaleDownWindowMs;
    // A scaler that is new here takes the size that it finds for its first recommendation.
    const before = this.#advice.get(key) ?? [{ fromMs: atMs, replicas: now }];
    const told = [...before, { fromMs: atMs, replicas: asked }];
    const advice = told
      .filter((each, index) => index === 0 || each.replicas !== told[index - 1]?.replicas)
      .filter((_, index, all) => (all[index + 1]?.fromMs ?? Infinity) > atMs - windowMs);
    this.#advice.set(key, advice);
    const most = advice.reduce((top, each) => Math.max(top, each.replicas), 0);
    if (most <= asked) return { replicas: asked, againMs: null };
    const endMs = advice[1]?.fromMs ?? atMs;
    return { replicas: Math.min(most, Math.max(now, asked)), againMs: endMs + windowMs - atMs };
  }

  /** At most double, or four more, in one period. */
  #raisedTo(
    key: string,
    { now, replicas }: { readonly now: number; readonly replicas: number },
  ): { readonly replicas: number; readonly againMs: number | null } {
    if (replicas <= now) return { replicas, againMs: null };
    const raisedAtMs = this.#raisedAtMs.get(key);
    const sinceMs = raisedAtMs === undefined ? Infinity : this.#world.clock.since(raisedAtMs);
    const waitMs = this.#world.nature.scalerPeriodMs - sinceMs;
    if (waitMs > 0) return { replicas: now, againMs: waitMs };
    return { replicas: Math.min(replicas, Math.max(now * 2, now + 4)), againMs: null };
  }

  #tell(
    scaler: HorizontalPodAutoscaler,
    told: {
      readonly conditions: readonly Said[];
      readonly counts: { readonly currentReplicas?: number; readonly desiredReplicas?: number };
      readonly scaled: boolean;
    },
  ): void {
    const before = (scaler['status'] ?? {}) as ScalerStatus;
    const time = timeIn(this.#world);
    const fresh = told.conditions.map((said) => {
      const old = before.conditions?.find(({ type }) => type === said.type);
      return {
        ...said,
        lastTransitionTime: old?.status === said.status ? old.lastTransitionTime : time,
      };
    });
    const kept = (before.conditions ?? []).filter(
      ({ type }) => !fresh.some((each) => each.type === type),
    );
    const status = {
      ...before,
      ...told.counts,
      ...(told.scaled && { lastScaleTime: time }),
      conditions: [...kept, ...fresh].sort((a, b) => (a.type < b.type ? -1 : 1)),
    };
    if (same(status, before)) return;
    writeStatus(this.#world, RESOURCES.horizontalPodAutoscalers, { ...scaler, status });
  }

  #forget(key: string): void {
    this.#agenda.forget(key);
    this.#advice.delete(key);
    this.#raisedAtMs.delete(key);
  }
}

const ABLE = condition('AbleToScale', 'True', [
  'ReadyForNewScale',
  'recommended size matches current size',
]);
const METRIC = condition('ScalingActive', 'True', [
  'ValidMetricFound',
  'the HPA was able to successfully calculate a replica count',
]);

function limited(asked: number, { spec }: HorizontalPodAutoscaler): Said {
  const { minReplicas = 1, maxReplicas } = spec;
  const say = (status: Said['status'], reason: string, message: string) =>
    condition('ScalingLimited', status, [reason, message]);
  if (asked > maxReplicas) {
    const message = 'the desired replica count is more than the maximum replica count';
    return say('True', 'TooManyReplicas', message);
  }
  if (asked < minReplicas) {
    const message = 'the desired replica count is less than the minimum replica count';
    return say('True', 'TooFewReplicas', message);
  }
  const message = 'the desired count is within the acceptable range';
  return say('False', 'DesiredWithinRange', message);
}

function condition(
  type: string,
  status: Said['status'],
  [reason, message]: readonly [string, string],
): Said {
  return { type, status, reason, message };
}

function downWindowMs({ spec }: HorizontalPodAutoscaler): number | null {
  const behavior = spec['behavior'] as
    | { readonly scaleDown?: { readonly stabilizationWindowSeconds?: number } }
    | undefined;
  const seconds = behavior?.scaleDown?.stabilizationWindowSeconds;
  return seconds === undefined ? null : seconds * 1000;
}

function least(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
