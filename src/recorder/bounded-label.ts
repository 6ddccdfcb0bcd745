// Keeps a label from having ever more values: after so many different ones the rest is `other`.

/** For labels whose values come from outside, such as names in a spec. */
export class BoundedLabel {
  readonly #max: number;
  readonly #seen = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  value(text: string): string {
    if (this.#seen.has(text)) return text;
    if (this.#seen.size >= this.#max) return 'other';
    this.#seen.add(text);
    return text;
  }
}
