// An AbortSignal that ends with its parent or when a time has passed, measured on a Clock.
import type { Clock } from './clock.ts';

export class DeadlineExceeded extends Error {
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`deadline of ${limitMs} ms exceeded`);
    this.name = 'DeadlineExceeded';
    this.limitMs = limitMs;
  }
}

/** To be held with `using`: leaves neither a timer nor a listener on the parent behind. */
export interface Deadline extends Disposable {
  /** Aborted with the parent's reason, or with DeadlineExceeded. */
  readonly signal: AbortSignal;
  /** True if time ran out before the parent ended. */
  readonly exceeded: boolean;
  leftMs(): number;
}

export function startDeadline(clock: Clock, limitMs: number, parent: AbortSignal): Deadline {
  const controller = new AbortController();
  const startMs = clock.monotonicMs();
  const follow = () => controller.abort(parent.reason);
  const timer = clock.newTimer(limitMs, () => controller.abort(new DeadlineExceeded(limitMs)));
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    get exceeded() {
      return controller.signal.reason instanceof DeadlineExceeded && !parent.aborted;
    },
    leftMs: () => Math.max(0, limitMs - clock.since(startMs)),
    [Symbol.dispose]() {
      timer.stop();
      parent.removeEventListener('abort', follow);
    },
  };
}
