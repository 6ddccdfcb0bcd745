// The shell around the core: observe, decide, check, and then one status write, or writes, or rest.
import { boundStatus } from '../api/bound-status.ts';
import type { Canary, CanaryStatus } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { canaryOf } from '../api/parse-canary.ts';
import { renderStatus } from '../api/status.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Result, Run } from '../controller/controller.ts';
import { LeaseLapsed } from '../controller/leadership.ts';
import { check } from '../decision/check.ts';
import { decide, decideUnreadable } from '../decision/decide.ts';
import type { Decision } from '../decision/decision.ts';
import { short } from '../decision/record.ts';
import { compareResourceVersions } from '../informers/resource-version.ts';
import { applyUnreadable, applyWrite } from './apply.ts';
import type { AskDesk } from './ask-desk.ts';
import { ClockSets } from './clock-sets.ts';
import type { Dependencies } from './dependencies.ts';
import { type ApplyParts, Hand } from './hand.ts';
import { observe, type Observed, type ObserverParts } from './observe.ts';
import type { MetricPlan } from './observe-metrics.ts';
import { labelsOf, type Teller } from './tell.ts';
import type { CanaryLabels } from '../recorder/canary-metrics.ts';
import type { Metrics } from '../recorder/metrics.ts';

export interface ReconcilerParts {
  readonly observer: ObserverParts;
  readonly apply: ApplyParts;
  readonly desk: AskDesk;
  readonly dependencies: Dependencies;
  readonly teller: Teller;
  readonly metrics: Metrics;
  /** Ends questions to the outside when the operator stops. */
  readonly signal: AbortSignal;
}

/** Status writes and re-decisions in one run; more would be a decision that never settles. */
const ROUNDS_MAX = 12;
const LOOK_AGAIN_MS = 30_000;
/** A store that is being filled is looked at again this soon. */
const FILLING_MS = 100;
/** A write whose answer was lost may have been obeyed: the stores get time to show it before it is made again. */
const ANSWER_LOST_MS = 500;
/** A write that nothing shows within this time is looked for again. */
const UNSEEN_MS = 5_000;

type Known = Exclude<Observed, { kind: 'gone' | 'filling' }>;

export class Reconciler {
  readonly #parts: ReconcilerParts;
  /** Canaries as we last wrote them, until the store has caught up. */
  readonly #latest = new Map<string, KubeObject>();
  readonly #plans = new Map<string, readonly MetricPlan[]>();
  readonly #known = new Map<string, Canary>();
  /** Accepted Canaries: two that claim one target would share their series. */
  readonly #counted = new Map<string, CanaryLabels>();
  /** What the last decision on a Canary would have broken. */
  readonly #violations = new Map<string, string>();
  readonly #clockSets: ClockSets;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#clockSets = new ClockSets(parts.observer.clock);
  }

  plansOf(key: string): readonly MetricPlan[] {
    return this.#plans.get(key) ?? [];
  }

  canaryOf(key: string): Canary | null {
    return this.#known.get(key) ?? null;
  }

  async reconcile(key: string, signal: AbortSignal, run: Run): Promise<Result> {
    const { clock } = this.#parts.observer;
    const startMs = clock.monotonicMs();
    try {
      return await this.#untilSettled(key, signal, run);
    } catch (error) {
      // No change may ever tell that it would succeed now: a CRD that is older than the operator, for one.
      if (!isApiError(error, 'invalid', 'not-found')) throw error;
      run.log.error({ error }, 'refused, and tried again later');
      return { kind: 'after', delayMs: LOOK_AGAIN_MS };
    } finally {
      const labels = this.#counted.get(key);
      if (labels !== undefined)
        this.#parts.metrics.canaries.reconciled(labels, clock.since(startMs) / 1000);
    }
  }

  async #untilSettled(key: string, signal: AbortSignal, run: Run): Promise<Result> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const result = await this.#once(key, signal, run);
      if (result !== 'again') return result;
    }
    run.log.error({}, 'decisions did not settle');
    return { kind: 'after', delayMs: LOOK_AGAIN_MS };
  }

  async #once(key: string, signal: AbortSignal, run: Run): Promise<Result | 'again'> {
    const { apply, desk, dependencies } = this.#parts;
    const pending = apply.seen.pending(key);
    if (pending.kind === 'waiting')
      return { kind: 'after', delayMs: Math.max(1, pending.remainingMs) };
    if (pending.kind === 'overdue') {
      run.log.warn({ unseen: pending.keys }, 'own writes have not been seen');
      apply.seen.forget(key);
    }
    const lastSpec = this.#known.get(key)?.spec;
    const violation = this.#violations.get(key);
    const answers = desk.answers(key);
    const clockSetMs = this.#clockSets.setMs(key);
    const object = this.#newest(key);
    const subject = { key, object, answers, clockSetMs, lastSpec, violation };
    const observed = await observe(this.#parts.observer, subject, signal);
    if (observed.kind === 'gone') return this.#gone(key);
    if (observed.kind === 'filling') return { kind: 'after', delayMs: FILLING_MS };
    dependencies.set(key, observed.subjects);
    const decision = this.#decide(key, observed);
    if (decision === 'told') return 'again';
    if (decision === null) return { kind: 'after', delayMs: LOOK_AGAIN_MS };
    if (decision.kind !== 'record') this.#clockSets.note(key);
    switch (decision.kind) {
      case 'record':
        await this.#record(observed, decision, signal, run);
        this.#clockSets.note(key);
        return 'again';
      case 'act':
        return this.#act(key, observed, decision, signal, run);
      case 'rest':
        return this.#rest(key, observed, decision);
    }
  }

  #decide(key: string, observed: Known): Decision | 'told' | null {
    const now = this.#parts.observer.clock.now();
    if (observed.kind === 'unreadable') {
      this.#known.delete(key);
      this.#counted.delete(key);
      return decideUnreadable(observed.scene.parsed, { now });
    }
    const { scene, plans } = observed;
    this.#plans.set(key, plans);
    this.#known.set(key, scene.world.canary);
    const { canary } = scene.world;
    if (scene.world.problems.length === 0) {
      const { phase, canaryWeight } = canary.status;
      this.#counted.set(key, labelsOf(canary));
      this.#parts.metrics.canaries.stands(labelsOf(canary), phase, canaryWeight);
    } else this.#counted.delete(key);
    const decision = decide(scene.world);
    const violations = check(scene.world, decision);
    if (violations.length === 0) {
      // A record may be what tells of the violation; only a decision to do or to rest shows that it is over.
      if (decision.kind !== 'record') this.#violations.delete(key);
      return decision;
    }
    const words = violations.map((one) => `${one.invariant}: ${one.message}`).join('; ');
    const known = this.#violations.get(key) === words;
    this.#violations.set(key, words);
    if (known) return null;
    for (const { invariant, message } of violations) {
      this.#parts.metrics.invariantViolated(invariant);
      const tells = [
        {
          type: 'Warning',
          reason: 'InvariantViolated',
          message: `${invariant}: ${message}`,
          severity: 'error',
        },
      ] as const;
      this.#parts.teller.tell(scene.canary, tells, { action: 'Refuse' });
    }
    return 'told';
  }

  async #record(
    observed: Known,
    decision: Extract<Decision, { kind: 'record' }>,
    signal: AbortSignal,
    run: Run,
  ): Promise<void> {
    const { canary, parsed, key } = observed.scene;
    const before = parsed.status;
    const status = boundStatus(decision.status);
    const { apiVersion, kind, metadata } = canary;
    const { name, namespace, uid, resourceVersion } = metadata;
    const identity = { name, ...defined({ namespace, uid, resourceVersion }) };
    const body = {
      apiVersion,
      kind,
      metadata: identity,
      status: renderStatus(status),
    };
    const stored = await this.#parts.apply.client.updateStatus(RESOURCES.canaries, body, {
      signal,
    });
    this.#latest.set(key, stored);
    run.log.info(fieldsOf(status, decision.why), 'recorded');
    this.#parts.teller.tell(canary, decision.tells, {
      action: status.phase === '' ? 'Check' : status.phase,
      occasion: String(status.history[0]?.startedAt ?? ''),
    });
    const known = canaryOf(parsed);
    if (known !== null) this.#parts.teller.changed({ ...known, status }, before, decision.tells);
  }

  async #act(
    key: string,
    observed: Known,
    decision: Extract<Decision, { kind: 'act' }>,
    signal: AbortSignal,
    run: Run,
  ): Promise<Result> {
    const { apply, desk } = this.#parts;
    desk.want(key, decision.asks, this.#parts.signal);
    const hand = new Hand(apply, key, signal);
    for (const write of decision.writes) {
      try {
        if (observed.kind === 'seen') await applyWrite(hand, observed.scene, write);
        else await applyUnreadable(hand, observed.scene, write);
      } catch (error) {
        if (isApiError(error, 'conflict', 'already-exists')) return { kind: 'retry', error };
        // Nothing to tell the user: another replica goes on with it.
        if (error instanceof LeaseLapsed) throw error;
        // Taken away meanwhile; should no change tell of it, it is looked at again all the same.
        if (isApiError(error, 'not-found')) return { kind: 'after', delayMs: UNSEEN_MS };
        this.#tellRefusal(observed.scene.canary, decision.why, error);
        return isApiError(error, 'invalid')
          ? { kind: 'after', delayMs: LOOK_AGAIN_MS }
          : { kind: 'retry', error, atLeastMs: ANSWER_LOST_MS };
      }
    }
    run.log.info(
      { ...fieldsOf(observed.scene.parsed.status, decision.why), writes: hand.writes },
      'applied',
    );
    return { kind: 'after', delayMs: UNSEEN_MS };
  }

  /** A write that was refused is told: nobody else would know why a rollout stands. */
  #tellRefusal(canary: KubeObject, why: string, error: unknown): void {
    const message = `${why}: ${error instanceof Error ? error.message : String(error)}`;
    const told = { type: 'Warning', reason: 'WriteRefused', message, severity: 'error' } as const;
    this.#parts.teller.tell(canary, [told], { action: 'Write' });
  }

  #rest(key: string, observed: Known, decision: Extract<Decision, { kind: 'rest' }>): Result {
    const { desk, observer } = this.#parts;
    desk.want(key, decision.asks, this.#parts.signal);
    const delays: number[] = [];
    if (decision.wakeAt !== null) delays.push(Math.max(1, decision.wakeAt - observer.clock.now()));
    if (observed.kind === 'seen' && observed.lookAgain) delays.push(LOOK_AGAIN_MS);
    return delays.length === 0 ? { kind: 'done' } : { kind: 'after', delayMs: Math.min(...delays) };
  }

  #gone(key: string): Result {
    const { apply, desk, dependencies, observer, metrics } = this.#parts;
    desk.forget(key);
    dependencies.forget(key);
    apply.seen.forget(key);
    observer.memory.forget(key);
    observer.view.releasePods(key);
    this.#latest.delete(key);
    this.#plans.delete(key);
    this.#known.delete(key);
    this.#counted.delete(key);
    this.#violations.delete(key);
    this.#clockSets.forget(key);
    const [namespace = '', name = ''] = key.split('/');
    metrics.canaries.forgetCanary(namespace, name);
    return { kind: 'done' };
  }

  /** The Canary as we last wrote it, as long as the store is behind that. */
  #newest(key: string): KubeObject | undefined {
    const latest = this.#latest.get(key);
    if (latest === undefined) return undefined;
    const stored = this.#parts.observer.view.canaries.store.get(key);
    const same = stored?.metadata.uid === latest.metadata.uid;
    const order = compareResourceVersions(
      stored?.metadata.resourceVersion ?? '',
      latest.metadata.resourceVersion ?? '',
    );
    if (same && order !== null && order < 0) return latest;
    this.#latest.delete(key);
    return undefined;
  }
}

function fieldsOf(status: CanaryStatus, why: string): Readonly<Record<string, unknown>> {
  const { phase, lastAppliedSpec, canaryWeight, rollout } = status;
  return {
    why,
    phase,
    revision: short(lastAppliedSpec),
    weight: canaryWeight,
    step: rollout?.step ?? 0,
  };
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
