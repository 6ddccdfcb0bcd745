// Keeps one noisy object from flooding the API server: a bucket of tokens for each source, object and type.
import type { Clock } from '../clock/clock.ts';

export interface SpamFilterOptions {
  readonly clock: Clock;
  /** Events that may come at once. Default 25. */
  readonly burst?: number;
  /** Time after which one more may come. Default 300 s. */
  readonly refillMs?: number;
  /** Buckets kept; the one that was used longest ago goes first. Default 4096. */
  readonly bucketsMax?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
  /** When each reason last passed. */
  readonly reasons: Map<string, number>;
}

const REASONS_MAX = 64;

export class SpamFilter {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #refillMs: number;
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: SpamFilterOptions) {
    this.#clock = options.clock;
    this.#burst = options.burst ?? 25;
    this.#refillMs = options.refillMs ?? 300_000;
    this.#bucketsMax = options.bucketsMax ?? 4096;
  }

  /**
   * True if there is a token, which it takes. An empty bucket still passes a reason that has been quiet for a whole
   * refill: a rollout of fifty steps must not leave its own end untold.
   */
  admits(key: string, reason: string): boolean {
    const bucket = this.#touch(key);
    const nowMs = this.#clock.monotonicMs();
    const lastMs = bucket.reasons.get(reason);
    const quiet = lastMs === undefined || nowMs - lastMs >= this.#refillMs;
    if (bucket.tokens < 1 && !quiet) return false;
    bucket.tokens = Math.max(0, bucket.tokens - 1);
    bucket.reasons.delete(reason);
    bucket.reasons.set(reason, nowMs);
    dropOldest(bucket.reasons, REASONS_MAX);
    return true;
  }

  #touch(key: string): Bucket {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(key) ?? {
      tokens: this.#burst,
      atMs: nowMs,
      reasons: new Map(),
    };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) / this.#refillMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    dropOldest(this.#buckets, this.#bucketsMax);
    return bucket;
  }
}

/** Maps keep the order of insertion, so the first key is the oldest. */
function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
