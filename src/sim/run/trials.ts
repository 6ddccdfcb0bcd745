// How each version did in truth: which of its analysis intervals could be passed, and when enough of them had failed.
import type { CanarySpec } from '../../api/canary.ts';
import { INTENT_VERBS } from '../../api/canary.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { readSpec } from '../../api/parse-canary.ts';
import { isOperators, same, templateOf } from '../check/readings.ts';
import type { Change } from '../store/change.ts';
import { type IntervalTruth, judged } from './interval-truth.ts';
import { versionOf } from './pod-book.ts';

export interface Standing {
  readonly namespace: string;
  readonly apex: string;
  readonly deployment: string;
  readonly version: string;
}

export interface TrialsOptions {
  readonly nowMs: () => number;
  readonly defaultProvider: string;
  readonly graceMs: number;
  /** Whether users' requests reach it. */
  readonly serves: (standing: Standing) => boolean;
  /** Whether it has a ready pod. */
  readonly ready: (standing: Standing) => boolean;
  readonly traffic: IntervalTruth;
  /** What a Deployment runs by its template; empty without one. */
  readonly versionNow: (namespace: string, deployment: string) => string;
}

/** One version under one analysis. */
interface Trial {
  readonly version: string;
  /** When there first was something to analyse. */
  fromMs: number;
  /** Intervals that passed under an analysis that has been changed since. */
  carried: number;
  readonly intervals: ('pass' | 'fail' | 'none')[];
  /** Failures before this were forgiven. */
  failuresFromMs: number;
  /** When the primary took the version: it is judged no more. */
  promotedMs: number;
}

interface Known {
  readonly namespace: string;
  raw: unknown;
  spec: CanarySpec;
  wanted: string;
  readonly trials: Map<string, Trial>;
  readonly leftMs: Map<string, number>;
}

/** A gateway may say that a route is in force before requests go by it: the check comes sooner, too. */
const EARLY_MS = 1000;
const RETRY = `serin.dev/${INTENT_VERBS[4]}`;

export class Trials {
  readonly #options: TrialsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: TrialsOptions) {
    this.#options = options;
  }

  /** For every commit to a Canary, a Deployment or a config. */
  learn(change: Change): void {
    const { resource, object, type } = change;
    const { namespace = '' } = object.metadata;
    if (resource.plural === 'canaries') this.#canary(change);
    if (resource.plural === 'deployments' && type !== 'DELETED') this.#deployment(change);
    const config = resource.plural === 'configmaps' || resource.plural === 'secrets';
    if (config && !isOperators(change))
      for (const known of this.#in(namespace)) this.#forgive(known);
  }

  /** Whatever waited for pods or requests may begin now. */
  look(namespace: string): void {
    for (const known of this.#in(namespace)) {
      const { wanted, spec } = known;
      if (wanted === '' || known.trials.has(wanted)) continue;
      const standing = {
        namespace,
        apex: spec.service.name,
        deployment: spec.targetRef.name,
        version: wanted,
      };
      const weighted = spec.analysis.strategy.kind === 'weighted';
      const begun = weighted ? this.#options.serves(standing) : this.#options.ready(standing);
      if (begun) known.trials.set(wanted, newTrial(wanted, this.#options.nowMs()));
    }
  }

  passed(uid: string, version: string): number {
    const known = this.#known.get(uid);
    const trial = known?.trials.get(version);
    if (known === undefined || trial === undefined) return 0;
    this.#catchUp(known, trial);
    const whole = trial.intervals.filter((each) => each === 'pass').length;
    return trial.carried + whole + (this.#passesEarly(known, trial) ? 1 : 0);
  }

  failedAtMs(uid: string, version: string): number | null {
    const known = this.#known.get(uid);
    const trial = known?.trials.get(version);
    if (known === undefined || trial === undefined || known.spec.skipAnalysis) return null;
    this.#catchUp(known, trial);
    const { intervalMs, threshold } = known.spec.analysis;
    let failures = 0;
    for (const [index, each] of trial.intervals.entries()) {
      const startMs = trial.fromMs + index * intervalMs;
      const endMs = startMs + intervalMs;
      if (each !== 'fail' || startMs < trial.failuresFromMs || endMs > trial.promotedMs) continue;
      failures += 1;
      if (failures >= threshold) return endMs;
    }
    return null;
  }

  #in(namespace: string): readonly Known[] {
    return [...this.#known.values()].filter((known) => known.namespace === namespace);
  }

  #catchUp(known: Known, trial: Trial): void {
    const { intervalMs } = known.spec.analysis;
    const nowMs = this.#options.nowMs();
    for (;;) {
      const startMs = trial.fromMs + trial.intervals.length * intervalMs;
      if (startMs + intervalMs > nowMs) return;
      trial.intervals.push(this.#judged(known, trial, startMs));
    }
  }

  #passesEarly(known: Known, trial: Trial): boolean {
    const { intervalMs } = known.spec.analysis;
    const startMs = trial.fromMs + trial.intervals.length * intervalMs;
    const leftMs = startMs + intervalMs - this.#options.nowMs();
    return leftMs <= EARLY_MS && this.#judged(known, trial, startMs) === 'pass';
  }

  #judged(
    { namespace, spec }: Known,
    { version }: Trial,
    startMs: number,
  ): Trial['intervals'][number] {
    const endMs = Math.min(startMs + spec.analysis.intervalMs, this.#options.nowMs());
    const span = { startMs, endMs };
    const of = { namespace, deployment: spec.targetRef.name, version };
    return judged(spec.analysis.metrics, span, (fromMs, toMs) =>
      this.#options.traffic(of, fromMs, toMs),
    );
  }

  #canary({ type, object, before }: Change): void {
    const { uid = '', namespace = '' } = object.metadata;
    if (type === 'DELETED') return;
    const known = this.#known.get(uid);
    if (known !== undefined && asksAgain(object, before)) this.#forgive(known);
    if (known !== undefined && same(known.raw, object['spec'])) return;
    const { spec } = readSpec(object, { defaultProvider: this.#options.defaultProvider });
    if (spec === null) return;
    if (known === undefined)
      this.#known.set(uid, {
        namespace,
        raw: object['spec'],
        spec,
        wanted: this.#options.versionNow(namespace, spec.targetRef.name),
        trials: new Map(),
        leftMs: new Map(),
      });
    else this.#respecified(known, object['spec'], spec);
  }

  /** What was passed stays so; the intervals of another analysis are counted anew. */
  #respecified(known: Known, raw: unknown, spec: CanarySpec): void {
    const nowMs = this.#options.nowMs();
    for (const trial of known.trials.values()) {
      this.#catchUp(known, trial);
      // One more may have been on its way.
      trial.carried += trial.intervals.filter((each) => each === 'pass').length + 1;
      trial.intervals.length = 0;
      trial.fromMs = nowMs;
    }
    known.raw = raw;
    known.spec = spec;
  }

  #deployment(change: Change): void {
    const { object, before } = change;
    const { namespace = '', name } = object.metadata;
    const template = templateOf(object);
    if (template === null || template === templateOf(before)) return;
    const version = versionOf(template);
    for (const known of this.#in(namespace)) {
      const { targetRef } = known.spec;
      if (name === targetRef.name) this.#wants(known, version, !isOperators(change));
      const trial = known.trials.get(version);
      if (name === `${targetRef.name}-primary` && trial !== undefined)
        trial.promotedMs = Math.min(trial.promotedMs, this.#options.nowMs());
    }
  }

  /** The target has that version; asked for by a person even if it had it before. */
  #wants(known: Known, version: string, byOthers: boolean): void {
    const nowMs = this.#options.nowMs();
    if (byOthers) this.#forgive(known);
    if (known.wanted === version) return;
    known.leftMs.set(known.wanted, nowMs);
    const left = known.leftMs.get(version) ?? Infinity;
    // Gone for so short a time that nobody need have seen it, it is still the same trial.
    if (nowMs - left > this.#options.graceMs) known.trials.delete(version);
    known.wanted = version;
  }

  #forgive(known: Known): void {
    for (const trial of known.trials.values()) trial.failuresFromMs = this.#options.nowMs();
  }
}

function newTrial(version: string, fromMs: number): Trial {
  return {
    version,
    fromMs,
    carried: 0,
    intervals: [],
    failuresFromMs: fromMs,
    promotedMs: Infinity,
  };
}

function asksAgain(object: KubeObject, before: KubeObject | null): boolean {
  const asked = object.metadata.annotations?.[RETRY];
  return asked !== undefined && asked !== before?.metadata.annotations?.[RETRY];
}
