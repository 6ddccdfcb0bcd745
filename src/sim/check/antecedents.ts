// Counts how often there was something to judge: an invariant that never applied has shown nothing.

export class Antecedents {
  readonly #counts: Map<string, number>;

  /** Every invariant is there from the start, so that one that never applied is seen as 0. */
  constructor(ids: readonly string[]) {
    this.#counts = new Map(ids.map((id) => [id, 0]));
  }

  held(id: string): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Ids of the invariants that have not applied once. */
  get vacuous(): readonly string[] {
    return [...this.#counts].filter(([, count]) => count === 0).map(([id]) => id);
  }
}
