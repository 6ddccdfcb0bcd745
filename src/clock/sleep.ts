// What every Clock shares: checked delays and a sleep that an AbortSignal ends.
import type { Clock } from './clock.ts';

/** Negative delays are due at once; anything but a number is a mistake of the caller. */
export function wholeDelay(delayMs: number): number {
  if (Number.isNaN(delayMs)) throw new RangeError('not a delay: NaN');
  return Math.max(0, delayMs);
}

/** A period of zero would never let anything else run. */
export function wholePeriod(periodMs: number): number {
  if (!(periodMs > 0)) throw new RangeError(`not a period: ${periodMs}`);
  return periodMs;
}

/** `Clock.sleep` by way of `newTimer`; leaves no listener on the signal. */
export function sleepOn(
  clock: Pick<Clock, 'newTimer'>,
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal.aborted) {
    reject(signal.reason);
    return promise;
  }
  const wake = () => {
    timer.stop();
    reject(signal.reason);
  };
  const timer = clock.newTimer(delayMs, () => {
    signal.removeEventListener('abort', wake);
    resolve();
  });
  signal.addEventListener('abort', wake, { once: true });
  return promise;
}
