// What a line about a Canary says: where it is, and in a few words why.
import type { CanarySpec, CanaryStatus, Measurement, ParsedCanary } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { parseCanary } from '../api/parse-canary.ts';
import { parseTime } from '../api/time.ts';
import type { Instant } from '../clock/clock.ts';
import { short } from '../decision/record.ts';

export interface Row {
  readonly namespace: string;
  readonly name: string;
  readonly status: string;
  readonly weight: string;
  readonly step: string;
  readonly ready: string;
  /** When it came to be so; null = not known. */
  readonly since: Instant | null;
  readonly reason: string;
  readonly provider: string;
  readonly target: string;
  readonly judged: string;
  readonly promoted: string;
  readonly failed: string;
}

const NONE = '-';
const ROLLING: readonly string[] = ['Progressing', 'WaitingPromotion', 'Promoting'];

export function rowOf(object: KubeObject): Row {
  const parsed = parseCanary(object, { defaultProvider: '' });
  const { identity, status, spec } = parsed;
  const rolling = ROLLING.includes(status.phase) && status.rollout !== null;
  return {
    namespace: identity.namespace,
    name: identity.name,
    status: statusOf(parsed),
    weight: String(status.canaryWeight),
    step: rolling ? stepOf(spec, status) : NONE,
    ready: status.conditions.find(({ type }) => type === 'Ready')?.status ?? NONE,
    since: sinceOf(status, rolling) ?? identity.createdAt,
    reason: storyOf(parsed),
    provider: spec?.provider || NONE,
    target: spec === null ? NONE : `${spec.targetRef.kind}/${spec.targetRef.name}`,
    judged: short(status.lastAppliedSpec) || NONE,
    promoted: short(status.lastPromotedSpec) || NONE,
    failed: failedOf(spec, status),
  };
}

function statusOf({ identity, status }: ParsedCanary): string {
  if (status.phase !== '') return status.phase;
  if (identity.deleting) return 'Terminating';
  return refusal(status) === null ? 'Pending' : 'Refused';
}

function refusal(status: CanaryStatus): string | null {
  const accepted = status.conditions.find(({ type }) => type === 'Accepted');
  return accepted?.status === 'False' ? accepted.message : null;
}

function sinceOf(status: CanaryStatus, rolling: boolean): Instant | null {
  if (rolling && status.rollout !== null && status.rollout.step > 0)
    return status.rollout.stepSince;
  return parseTime(status.lastTransitionTime);
}

/** `2/5`: the second of five weights, or of five iterations. */
function stepOf(
  spec: CanarySpec | null,
  { canaryWeight, iterations, rollout }: CanaryStatus,
): string {
  if (spec === null || rollout === null) return NONE;
  const { strategy } = spec.analysis;
  if (strategy.kind === 'blue-green') return `${iterations}/${strategy.iterations}`;
  const at = rollout.resumeWeight ?? canaryWeight;
  const reached = strategy.weights.filter((weight) => weight <= at).length;
  return `${reached}/${strategy.weights.length}`;
}

function failedOf(spec: CanarySpec | null, { failedChecks }: CanaryStatus): string {
  return spec === null ? String(failedChecks) : `${failedChecks}/${spec.analysis.threshold}`;
}

/** The one thing that a person wants to know next. */
export function storyOf({ identity, status, spec }: ParsedCanary): string {
  const refused = refusal(status);
  if (refused !== null) return refused;
  if (identity.deleting) return 'handing the traffic back to the target';
  if (spec?.suspend === true) return 'suspended by its spec';
  switch (status.phase) {
    case '':
      return 'no operator has looked at it yet';
    case 'Failed':
      return status.lastFailure === null
        ? 'rolled back'
        : `${status.lastFailure.reason}: ${status.lastFailure.message}`;
    case 'Waiting':
      return 'a new revision waits for approval';
    case 'Initialized':
    case 'Succeeded':
      return troubleOf(status) ?? `revision ${short(status.lastPromotedSpec)} is promoted`;
    case 'Progressing':
    case 'WaitingPromotion':
      return rollingStory(status);
    default:
      return troubleOf(status) ?? `revision ${short(status.lastAppliedSpec)}`;
  }
}

function rollingStory(status: CanaryStatus): string {
  const { rollout, measurements, phase } = status;
  const paused = rollout?.paused ?? null;
  if (paused !== null) return paused;
  const trouble = troubleOf(status);
  if (trouble !== null) return trouble;
  const verdict = telling(measurements);
  if (phase === 'WaitingPromotion')
    return `promotion waits for approval${verdict && `; ${verdict}`}`;
  return verdict || `revision ${short(status.lastAppliedSpec)}`;
}

/** A condition that is not as it should be. */
function troubleOf({ conditions }: CanaryStatus): string | null {
  const stalled = conditions.find(({ type }) => type === 'Stalled');
  if (stalled?.status === 'True') return stalled.message;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' ? ready.message : null;
}

/** The last verdict, with its value: a bad one before good ones. */
function telling(measurements: readonly Measurement[]): string {
  const of = (verdict: Measurement['verdict']): Measurement | undefined =>
    measurements.find((each) => each.verdict === verdict);
  const told = of('fail') ?? of('unknown') ?? of('pass');
  if (told === undefined) return '';
  const words = told.message === '' ? `${told.name} ${told.value ?? ''}`.trim() : told.message;
  return `${told.verdict}: ${words}`;
}

/** `45s`, `3m20s`, `5h`, `12d`: as much as a person reads. */
export function age(since: Instant | null, now: Instant): string {
  if (since === null || since === 0) return NONE;
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
