// Questions to the outside run here, beside the workers: a slow answer holds nothing up, and an answer wakes its Canary.
import type { Clock } from '../clock/clock.ts';
import type { Ask } from '../decision/decision.ts';
import type { Answer } from '../decision/world.ts';

/** Puts one question; must end by itself within its own deadline. Throws only the signal's reason. */
export type Asker = (canary: string, ask: Ask, signal: AbortSignal) => Promise<Answer>;

export interface AskDeskOptions {
  readonly clock: Clock;
  readonly answered: (canary: string) => void;
  readonly failed: (canary: string, ask: Ask, error: unknown) => void;
}

/** Answers kept for one Canary; the oldest goes first. */
const ANSWERS_MAX = 200;
/** Questions under way for all Canaries; more wait for their turn. */
const UNDER_WAY_MAX = 256;

interface Desk {
  readonly answers: Map<string, Answer>;
  readonly pending: Map<string, AbortController>;
}

export class AskDesk {
  readonly #options: AskDeskOptions;
  readonly #asker: Asker;
  readonly #desks = new Map<string, Desk>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(asker: Asker, options: AskDeskOptions) {
    this.#asker = asker;
    this.#options = options;
  }

  answers(canary: string): ReadonlyMap<string, Answer> {
    return this.#desks.get(canary)?.answers ?? new Map();
  }

  /** Starts what is wanted and not yet under way or answered; drops what is no longer wanted. */
  want(canary: string, asks: readonly Ask[], signal: AbortSignal): void {
    const desk = this.#desks.get(canary) ?? { answers: new Map(), pending: new Map() };
    if (asks.length === 0 && desk.pending.size === 0 && desk.answers.size === 0) return;
    this.#desks.set(canary, desk);
    const wanted = new Set(asks.map((ask) => ask.key));
    for (const [key, stop] of desk.pending) {
      if (wanted.has(key)) continue;
      desk.pending.delete(key);
      stop.abort(new Error('the question is no longer asked'));
    }
    for (const ask of asks) if (isDue(desk, ask)) this.#start(canary, desk, ask, signal);
  }

  /** The Canary is gone, or rests: nothing that it asked matters any more. */
  forget(canary: string): void {
    this.want(canary, [], new AbortController().signal);
    this.#desks.delete(canary);
  }

  #start(canary: string, desk: Desk, ask: Ask, signal: AbortSignal): void {
    const stop = new AbortController();
    desk.pending.set(ask.key, stop);
    const either = AbortSignal.any([stop.signal, signal]);
    void this.#run(canary, desk, ask, either).finally(() => {
      if (desk.pending.get(ask.key) === stop) desk.pending.delete(ask.key);
    });
  }

  async #run(canary: string, desk: Desk, ask: Ask, signal: AbortSignal): Promise<void> {
    await this.#turn();
    try {
      if (signal.aborted) return;
      const answer = await this.#asker(canary, ask, signal);
      if (signal.aborted) return;
      desk.answers.delete(ask.key);
      desk.answers.set(ask.key, answer);
      const oldest = desk.answers.keys().next().value;
      if (desk.answers.size > ANSWERS_MAX && oldest !== undefined) desk.answers.delete(oldest);
      this.#options.answered(canary);
    } catch (error) {
      if (signal.aborted) return;
      desk.answers.set(ask.key, this.#noAnswer(ask));
      this.#options.failed(canary, ask, error);
      this.#options.answered(canary);
    } finally {
      this.#underWay -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** An asker that threw has a fault of its own: no verdict, and the Canary goes on. */
  #noAnswer(ask: Ask): Answer {
    const at = this.#options.clock.now();
    const message = 'the question could not be put';
    if (ask.kind === 'hook') return { kind: 'hook', ok: false, heard: false, message, at };
    return { kind: 'sample', sample: { kind: 'none', reason: 'Unreachable', message }, at };
  }

  async #turn(): Promise<void> {
    if (this.#underWay >= UNDER_WAY_MAX) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay += 1;
  }
}

function isDue(desk: Desk, ask: Ask): boolean {
  if (desk.pending.has(ask.key)) return false;
  const answer = desk.answers.get(ask.key);
  if (answer === undefined) return true;
  return ask.kind === 'hook' && ask.newerThan !== null && answer.at < ask.newerThan;
}
