// What a guarded call asks and what it comes to: an answer within limits, or a failure in words that may be shown.

export type EgressFailureKind =
  /** Not called: address, scheme, host or header is not allowed. */
  | 'Refused'
  /** No connection, or it broke before the answer was whole. TLS failures too. */
  | 'Unreachable'
  | 'Timeout'
  /** The answer's body or head is larger than allowed. */
  | 'TooLarge'
  /** An answer that sends us elsewhere; never followed. */
  | 'Redirected'
  /** Not HTTP. */
  | 'Garbled';

export interface EgressAnswer {
  readonly kind: 'answer';
  /** 200 to 599, never 3xx. */
  readonly status: number;
  /** Lower case, without parameters; empty when not given. For comparing, not for showing. */
  readonly contentType: string;
  /** Must not reach logs, Events, status or metric labels. */
  readonly body: Uint8Array;
  /** True if there was more than `bodyBytesMax`, which only `overflow: 'cut'` lets pass. */
  readonly cut: boolean;
  /** From a Retry-After in seconds; null when not given. */
  readonly retryAfterMs: number | null;
}

export interface EgressFailure {
  readonly kind: 'failure';
  readonly failure: EgressFailureKind;
  /** HTTP status if one came; null otherwise. */
  readonly status: number | null;
  /** In words that may be shown: class, host and code; no path, no query, no header, no byte of an answer. */
  readonly message: string;
}

export interface EgressCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Names and values are checked; those that steer the connection (Host, Content-Length, ...) are refused. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string | null;
  readonly bodyBytesMax: number;
  /** What becomes of an answer whose body is larger: a failure, or as much of it as is allowed. */
  readonly overflow: 'fail' | 'cut';
  /** For everything: resolving, connecting, TLS, sending, the whole answer. */
  readonly deadlineMs: number;
  readonly insecureSkipVerify: boolean;
  /** PEM of certificate authorities that are trusted besides the system's; null = none. */
  readonly ca: string | null;
  /** May use, and leave behind, an idle connection. Not for calls that must not fail because one had gone stale. */
  readonly reuse: boolean;
}
