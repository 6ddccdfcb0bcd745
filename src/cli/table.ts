// Tables for terminals: aligned, and cut where the terminal ends instead of wrapped.
import { visible } from '../recorder/visible-text.ts';

export interface Column {
  readonly title: string;
  /** Left out on terminals too narrow for all; the highest goes first. Absent = always shown. */
  readonly drop?: number;
}

const GAP = '   ';
/** What the last column, the one with words, should have at least. */
const LAST_MIN = 24;

/** Widths that grow with what is shown, so that lines printed later stay under their titles. */
export class Table {
  readonly #columns: readonly Column[];
  readonly #terminal: number | null;
  readonly #widths: number[];

  /** `terminal`: characters a line; null = no limit. */
  constructor(columns: readonly Column[], terminal: number | null) {
    this.#columns = columns;
    this.#terminal = terminal;
    this.#widths = columns.map(({ title }) => title.length);
  }

  /** The titles and the rows. */
  render(rows: readonly (readonly string[])[]): string {
    this.#fit(rows);
    return [this.#columns.map(({ title }) => title), ...rows]
      .map((row) => this.#line(row))
      .join('');
  }

  /** One more row. */
  add(row: readonly string[]): string {
    this.#fit([row]);
    return this.#line(row);
  }

  #fit(rows: readonly (readonly string[])[]): void {
    for (const row of rows) {
      row.forEach((cell, index) => {
        this.#widths[index] = Math.max(this.#widths[index] ?? 0, visible(cell).length);
      });
    }
  }

  #line(row: readonly string[]): string {
    const shown = this.#shown();
    const last = shown.at(-1);
    const cells = shown.map((index) => {
      const cell = visible(row[index] ?? '');
      return index === last ? cell : cell.padEnd(this.#widths[index] ?? 0);
    });
    const line = cells.join(GAP).trimEnd();
    const limit = this.#terminal;
    if (limit === null || line.length <= limit || limit < 8) return `${line}\n`;
    return `${line.slice(0, limit - 1)}…\n`;
  }

  /** Indexes of the columns that there is room for. */
  #shown(): readonly number[] {
    let shown = this.#columns.map((_, index) => index);
    const limit = this.#terminal;
    if (limit === null) return shown;
    const room = (): number =>
      shown.slice(0, -1).reduce((sum, index) => sum + (this.#widths[index] ?? 0) + GAP.length, 0);
    while (room() + LAST_MIN > limit) {
      const next = shown.reduce<number | null>((found, index) => {
        const drop = this.#columns[index]?.drop ?? 0;
        const best = found === null ? 0 : (this.#columns[found]?.drop ?? 0);
        return drop > best ? index : found;
      }, null);
      if (next === null) return shown;
      shown = shown.filter((index) => index !== next);
    }
    return shown;
  }
}
