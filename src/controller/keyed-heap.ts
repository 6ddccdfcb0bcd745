// A binary heap with one entry per key that can be looked up, moved and taken out by that key.

/** Not for callers that need stability: give `before` a tie-break of its own. */
export class KeyedHeap<Entry extends { readonly key: string }> {
  readonly #before: (a: Entry, b: Entry) => boolean;
  readonly #entries: Entry[] = [];
  readonly #places = new Map<string, number>();

  constructor(before: (a: Entry, b: Entry) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#entries.length;
  }

  get(key: string): Entry | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#entries[place];
  }

  first(): Entry | undefined {
    return this.#entries[0];
  }

  /** Adds the entry, or puts it in the place of the one that has its key. */
  set(entry: Entry): void {
    const place = this.#places.get(entry.key) ?? this.#entries.length;
    this.#settle(entry, place);
  }

  takeFirst(): Entry | undefined {
    const first = this.#entries[0];
    if (first === undefined) return undefined;
    this.#places.delete(first.key);
    const last = this.#entries.pop();
    if (last !== undefined && last !== first) this.#settle(last, 0);
    return first;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#places.clear();
  }

  /** Writes the entry at `place` and lets it rise or sink to where it belongs. */
  #settle(entry: Entry, place: number): void {
    let at = this.#rise(entry, place);
    if (at === place) at = this.#sink(entry, place);
    this.#put(entry, at);
  }

  #rise(entry: Entry, from: number): number {
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >>> 1;
      const parent = this.#entries[parentAt];
      if (parent === undefined || !this.#before(entry, parent)) break;
      this.#put(parent, at);
      at = parentAt;
    }
    return at;
  }

  #sink(entry: Entry, from: number): number {
    let at = from;
    for (;;) {
      const left = this.#entries[2 * at + 1];
      const right = this.#entries[2 * at + 2];
      if (left === undefined) return at;
      const useRight = right !== undefined && this.#before(right, left);
      const child = useRight ? right : left;
      if (!this.#before(child, entry)) return at;
      this.#put(child, at);
      at = 2 * at + (useRight ? 2 : 1);
    }
  }

  #put(entry: Entry, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry.key, place);
  }
}
