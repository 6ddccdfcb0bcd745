// Cuts a stream of bytes into lines. Bytes, not text: a chunk may end inside a UTF-8 character, a newline never does.

const NEWLINE = 10;

export class LineTooLong extends Error {
  constructor(bytesMax: number) {
    super(`a line is longer than ${bytesMax} bytes`);
    this.name = 'LineTooLong';
  }
}

export class LineSplitter {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that this chunk completes, without their newlines; empty lines are left out. Throws LineTooLong. */
  *push(chunk: Buffer): Generator<string, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      const line = this.#take();
      if (line !== '') yield line;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What came after the last newline. */
  rest(): string {
    return this.#take();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) throw new LineTooLong(this.#bytesMax);
    this.#parts.push(part);
  }

  #take(): string {
    const [only, ...others] = this.#parts;
    const line =
      only === undefined
        ? ''
        : (others.length === 0 ? only : Buffer.concat(this.#parts)).toString();
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}
