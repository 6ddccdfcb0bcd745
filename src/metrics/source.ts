// What a metric source is to Serin: one query to one number, or the reason why there is none.
import type { Sample } from '../analysis/sample.ts';
import type { Json } from '../api/kubernetes.ts';
import type { Clock } from '../clock/clock.ts';
import type { Egress } from '../egress/egress.ts';

export type { Sample } from '../analysis/sample.ts';

export interface Query {
  /** Rendered query text. */
  readonly text: string;
  /** Base address; absent = the source's default. */
  readonly address: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Content of the referenced Secret; never logged. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly insecureSkipVerify: boolean;
  /** PEM of an extra certificate authority; null = the system's. */
  readonly ca: string | null;
  readonly region: string | null;
  readonly extra: Readonly<Record<string, Json>>;
}

export interface MetricSource {
  /** As in MetricTemplate `spec.provider.type`. */
  readonly type: string;
  /** Asks once (with bounded retries inside the deadline). Never throws but for the signal's reason. */
  query(
    query: Query,
    options: { readonly signal: AbortSignal; readonly deadlineMs: number },
  ): Promise<Sample>;
}

/** What sources are made of. */
export interface MetricParts {
  readonly clock: Clock;
  readonly egress: Egress;
}
