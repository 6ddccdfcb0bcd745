// The only source of time: everything that waits or asks the hour takes a Clock, so that tests and the simulator own it.

declare const instant: unique symbol;

/** Wall-clock time in milliseconds since the epoch. */
export type Instant = number & { readonly [instant]: true };

/** Makes an Instant of milliseconds since the epoch; throws on anything but a finite number. */
export function asInstant(epochMs: number): Instant {
  if (!Number.isFinite(epochMs)) throw new RangeError(`not a time: ${epochMs}`);
  return epochMs as Instant;
}

/** A single shot that can be moved or called off. */
export interface Timer {
  /** Calls the shot off; true if it had not fired yet. */
  stop(): boolean;
  /** Moves the shot to `delayMs` from now, fired or not; true if it had not fired yet. */
  reset(delayMs: number): boolean;
}

export interface Ticker {
  stop(): void;
}

export interface Clock {
  /** Wall-clock time; may jump. For stamps only. */
  now(): Instant;
  /** Monotonic milliseconds from an arbitrary start. For durations, deadlines and leases. */
  monotonicMs(): number;
  /** Monotonic milliseconds that have passed since an earlier `monotonicMs()`. */
  since(startMs: number): number;
  /** Resolves after `delayMs`; rejects with the signal's reason as soon as it aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  /** Resolves with the time after `delayMs`; cannot be called off (use `newTimer` or `sleep` for that). */
  after(delayMs: number): Promise<Instant>;
  /** Calls `fire` once after `delayMs`; delays above 24.8 days are kept, not cut. */
  newTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` every `periodMs` (> 0); ticks that nobody could take are dropped, not queued. */
  newTicker(periodMs: number, fire: () => void): Ticker;
}
