// Receivers of hooks whose answers are written down beforehand; they remember what they were asked.
import type { Clock } from '../../clock/clock.ts';

export interface HookCall {
  readonly name: string;
  /** Monotonic time at which it came. */
  readonly atMs: number;
  readonly method: 'GET' | 'POST';
  /** As sent; a hook's payload in JSON. */
  readonly body: string;
}

export type HookAnswer =
  | {
      readonly status: number;
      readonly body?: string;
      /** From the call to the answer. Default 0. */
      readonly delayMs?: number;
      readonly retryAfterSeconds?: number;
    }
  /** Takes the call and never answers. */
  | 'hang';

/** One answer for good, answers in turn of which the last stays, or whatever the call deserves. */
export type HookScript =
  | HookAnswer
  | readonly [HookAnswer, ...HookAnswer[]]
  | ((call: HookCall) => HookAnswer);

/** Of all hooks together; the oldest are forgotten first. */
const CALLS_MAX = 10_000;

export class Webhooks {
  readonly #clock: Clock;
  readonly #scripts = new Map<string, { readonly script: HookScript; asked: number }>();
  readonly #calls: HookCall[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `http://hooks.<anything>/<name>` answers from now on; without a script it is 404. */
  script(name: string, script: HookScript): void {
    this.#scripts.set(name, { script, asked: 0 });
  }

  /** Calls that came, oldest first; of one hook where it is named. */
  calls(name?: string): readonly HookCall[] {
    return name === undefined ? this.#calls : this.#calls.filter((call) => call.name === name);
  }

  answer(asked: Omit<HookCall, 'atMs'>): HookAnswer {
    const call = { ...asked, atMs: this.#clock.monotonicMs() };
    if (this.#calls.length >= CALLS_MAX) this.#calls.shift();
    this.#calls.push(call);
    const known = this.#scripts.get(call.name);
    if (known === undefined) return { status: 404, body: 'no such hook' };
    const { script, asked: before } = known;
    known.asked += 1;
    if (typeof script === 'function') return script(call);
    if (!isTurns(script)) return script;
    return script[Math.min(before, script.length - 1)] ?? script[0];
  }
}

function isTurns(
  script: Exclude<HookScript, (call: HookCall) => HookAnswer>,
): script is readonly [HookAnswer, ...HookAnswer[]] {
  return Array.isArray(script);
}
