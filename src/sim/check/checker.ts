// Looks on while a run goes by and says which invariants were broken, by the truth alone and apart from the operator.
import type { Change } from '../store/change.ts';
import { Antecedents } from './antecedents.ts';
import { Cases } from './cases.ts';
import type { AskedWrite, Guard, Invariant } from './invariant.ts';
import { INVARIANTS } from './invariants/registry.ts';
import type { Truth } from './truth.ts';

export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly message: string;
  /** Of the commit that showed it, or the last one before. */
  readonly revision: number;
}

/** A run that is broken early stays broken: the rest of what it breaks tells nothing new. */
const VIOLATIONS_MAX = 1000;

export class Checker {
  readonly #truth: Truth;
  readonly #cases: Cases;
  readonly #antecedents: Antecedents;
  readonly #guards: readonly Guard[];
  readonly #violations: Violation[] = [];
  #revision = 0;

  constructor(truth: Truth, invariants: readonly Invariant[] = INVARIANTS) {
    this.#truth = truth;
    this.#cases = new Cases(truth);
    this.#antecedents = new Antecedents(invariants.map(({ id }) => id));
    this.#guards = invariants.map((each) =>
      each.guard({
        truth,
        cases: this.#cases,
        judge: (broken) => this.#judge(each.id, broken),
      }),
    );
  }

  /** For each committed write, by whomever, in order, once the store holds it. */
  commit(change: Change): void {
    this.#revision = change.revision;
    // Guards judge a write by what was asked before it: the last one to a Canary is judged before it is gone.
    const ends = change.type === 'DELETED';
    if (!ends) this.#cases.commit(change);
    for (const guard of this.#guards) guard.commit?.(change);
    if (ends) this.#cases.commit(change);
  }

  /** For each write that the operator asks for, before it is carried out or refused. Preconditions show only here. */
  asked(write: AskedWrite): void {
    for (const guard of this.#guards) guard.asked?.(write);
  }

  /** At the end of the run: what should have come by now, and what should have stopped. */
  finish(): void {
    for (const guard of this.#guards) guard.finish?.();
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** How often each invariant had something to judge; one that stays at 0 has shown nothing. */
  get antecedents(): ReadonlyMap<string, number> {
    return this.#antecedents.counts;
  }

  /** Ids of those that stayed at 0. */
  get vacuous(): readonly string[] {
    return this.#antecedents.vacuous;
  }

  #judge(invariant: string, message: string | null): void {
    this.#antecedents.held(invariant);
    if (message === null || this.#violations.length >= VIOLATIONS_MAX) return;
    const atMs = this.#truth.nowMs();
    this.#violations.push({ invariant, atMs, message, revision: this.#revision });
  }
}
