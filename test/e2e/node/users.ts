// Users of an application on the real node: a steady stream of requests, and what became of them.
import { until } from '../cluster/until.ts';
import {
  type Load,
  type LoadOptions,
  type LoadSummary,
  load,
  type Span,
  startLoad,
} from './node.ts';

/** Requests a second. */
export const RATE = 100;
export const SPAN_MS = 100;

export interface Users extends AsyncDisposable {
  /** They stop asking; what was under way has been answered. */
  leave(): Promise<LoadSummary>;
}

/** Users who ask `RATE` times a second from the first good answer until they leave, at most ten minutes. */
export async function comeUsers(options: LoadOptions): Promise<Users> {
  await until('the first answer', async () => {
    const { answers } = await load({ ...options, requests: 1, limitMs: 5_000 });
    return Object.values(answers).some((byStatus) => byStatus['200'] === 1);
  });
  const asking: Load = startLoad({
    rate: RATE,
    concurrency: 300, // a second of slowness must not slow the users down
    limitMs: 600_000,
    everyMs: SPAN_MS,
    ...options,
  });
  // A failure shows when they leave; until then nobody waits for it.
  asking.summary.catch(() => undefined);
  const leave = (): Promise<LoadSummary> => {
    asking.stop();
    return asking.summary;
  };
  return {
    leave,
    [Symbol.asyncDispose]: async () => {
      await leave().catch(() => undefined);
    },
  };
}

/** Requests without an answer or with an error as the answer. */
export function failed({ spans = [] }: LoadSummary): number {
  return spans.reduce((sum, span) => sum + span.failed, 0);
}

/** Answers by each version in spans that lie wholly from `fromMs` to `toMs`. */
export function counted(
  { spans = [] }: LoadSummary,
  fromMs: number,
  toMs: number,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const span of spans) {
    if (span.atMs < fromMs || span.atMs + SPAN_MS > toMs) continue;
    for (const [version, byStatus] of Object.entries(span.answers))
      counts[version] = (counts[version] ?? 0) + total(byStatus);
  }
  return counts;
}

/** The last span in which a version answered; null when it never did. */
export function lastSeen({ spans = [] }: LoadSummary, version: string): Span | null {
  return spans.findLast((span) => total(span.answers[version] ?? {}) > 0) ?? null;
}

/** For people: what became of the requests, and when they failed. */
export function story(summary: LoadSummary): string {
  const bad = (summary.spans ?? []).filter((span) => span.failed > 0);
  const times = bad.map(
    (span) => `${new Date(span.atMs).toISOString().slice(11, 21)} ${span.failed}`,
  );
  const errors = Object.entries(summary.answers).filter(([, byStatus]) => !('200' in byStatus));
  const words = [...Object.keys(summary.failures), ...errors.map((error) => JSON.stringify(error))];
  const share = `${failed(summary)} of ${summary.requests} failed`;
  return bad.length === 0
    ? share
    : `${share} (${times.slice(0, 20).join(', ')}) ${words.slice(0, 4).join('; ')}`;
}

function total(byStatus: Readonly<Record<string, number>>): number {
  return Object.values(byStatus).reduce((sum, count) => sum + count, 0);
}
