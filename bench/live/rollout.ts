// One rollout under load, and what it was like for its users and by its status.
import type { CanaryStatus } from '../../src/api/canary.ts';
import { until } from '../../test/e2e/cluster/until.ts';
import type { LoadSummary } from '../../test/e2e/node/node.ts';
import { comeUsers, failed, lastSeen, story } from '../../test/e2e/node/users.ts';
import { release, statusOf, untilNoPods, untilOver, type Walk } from '../../test/e2e/node/walk.ts';
import type { Ground } from './ground.ts';
import { type Journal, watchStatus, whenPhase, whenWeighted } from './journal.ts';
import type { Figures } from './scenario.ts';

export interface RolloutOptions {
  /** Of the new version. */
  readonly env?: Readonly<Record<string, string>>;
  /** Before the release, when the users are there. */
  readonly before?: () => Promise<void>;
  /** What happens meanwhile; begins with the release, and the rollout is not over before it is. */
  readonly meanwhile?: (seen: () => Journal) => Promise<void>;
  /** Default 4 minutes. */
  readonly limitMs?: number;
}

export interface RolloutStory {
  readonly status: CanaryStatus;
  readonly journal: Journal;
  readonly summary: LoadSummary;
  /** Since 1970. */
  readonly releasedMs: number;
  /** From the release to the phase at the end. */
  readonly tookMs: number;
}

/** Releases v2 to users who are there already, and stays until its pods are gone and nobody can fail because of them. */
export async function rollOut(
  ground: Ground,
  on: Walk,
  options: RolloutOptions = {},
): Promise<RolloutStory> {
  const { env = {}, before, meanwhile, limitMs = 240_000 } = options;
  await using users = await comeUsers({ host: on.host });
  await before?.();
  const releasedMs = await release(on, 'v2', env);
  await using watching = watchStatus(on, ({ atMs, phase, weight, failedChecks }) =>
    ground.tell(
      `${on.namespace} +${seconds(atMs - releasedMs)} ${phase}, weight ${weight}, failed checks ${failedChecks}`,
    ),
  );
  const over = async (): Promise<void> => {
    await until('the start of the rollout', () => began(watching.entries), { limitMs: 60_000 });
    await untilOver(on, limitMs);
    await untilNoPods(on);
  };
  await Promise.all([over(), meanwhile?.(() => watching.entries)]);
  const summary = await users.leave();
  const status = await statusOf(on);
  const journal = [...watching.entries];
  const endedMs = whenPhase(journal, status.phase, releasedMs) ?? Number.NaN;
  return { status, journal, summary, releasedMs, tookMs: endedMs - releasedMs };
}

function began(journal: Journal): boolean {
  return journal.some(({ phase }) => phase === 'Progressing');
}

/** The same figures of every rollout; times in seconds since the release where nothing else is said. */
export function figuresOf({ status, journal, summary, releasedMs, tookMs }: RolloutStory): Figures {
  const since = (atMs: number | null | undefined): number | null =>
    atMs === null || atMs === undefined ? null : inSeconds(atMs - releasedMs);
  const first = summary.spans?.find((span) => span.answers['v2'] !== undefined);
  return {
    phase: status.phase,
    tookSeconds: inSeconds(tookMs),
    requests: summary.requests,
    failedRequests: failed(summary),
    unansweredRequests: Object.values(summary.failures).reduce((sum, count) => sum + count, 0),
    /** From the first weight to the promotion: five intervals, and not the pods' own start. */
    analysisSeconds: inSeconds(analysisMs(journal)),
    firstWeightSeconds: since(whenWeighted(journal)),
    firstCanaryAnswerSeconds: since(first?.atMs),
    lastCanaryAnswerSeconds: since(lastSeen(summary, 'v2')?.atMs),
    p99Ms: summary.latencyMs.p99 ?? null,
    failedChecks: Math.max(0, ...journal.map(({ failedChecks }) => failedChecks)),
    failures: story(summary),
    failure: status.phase === 'Failed' ? (status.lastFailure?.message ?? null) : null,
  };
}

/** From the first weight to the choice to promote; NaN where there was none. */
export function analysisMs(journal: Journal): number {
  const first = whenWeighted(journal);
  const promoting = whenPhase(journal, 'Promoting');
  return first === null || promoting === null ? Number.NaN : promoting - first;
}

/** How long users met v2, by their own answers; for versions that are rolled back. */
export function atUsersMs({ summary }: RolloutStory): number {
  const first = summary.spans?.find((span) => span.answers['v2'] !== undefined);
  return (lastSeen(summary, 'v2')?.atMs ?? 0) - (first?.atMs ?? 0);
}

export function inSeconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

export function seconds(ms: number): string {
  return `${inSeconds(ms).toFixed(1)} s`;
}

export function promotedUnharmed({ status, summary }: RolloutStory): boolean {
  return status.phase === 'Succeeded' && failed(summary) === 0;
}

/** How it ended, when, and at what price. */
export function toldShort(rollout: RolloutStory): string {
  return `${promotedIn(rollout)}, ${failed(rollout.summary)} failed`;
}

export function promotedIn({ status, tookMs }: RolloutStory): string {
  return status.phase === 'Succeeded'
    ? `promoted in ${seconds(tookMs)}`
    : `${status.phase} after ${seconds(tookMs)} (${status.lastFailure?.message ?? 'no reason'})`;
}
