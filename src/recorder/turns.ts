// So many at a time, and the others in the order in which they came.

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left: number;

  constructor(max: number) {
    this.#left = max;
  }

  /** Resolves when it is the caller's turn, who then must call `end`. */
  begin(): Promise<void> {
    if (this.#left > 0) {
      this.#left -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#left += 1;
    else next();
  }
}
