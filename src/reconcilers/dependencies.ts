// Which Canaries look at which objects, present or not: a change to an object wakes those, and nobody else.

/** `<plural>/<namespace>/<name>`, or any other mark that both sides spell alike. */
export type Subject = string;

export class Dependencies {
  readonly #readers = new Map<Subject, Set<string>>();
  readonly #subjects = new Map<string, ReadonlySet<Subject>>();

  /** Replaces what a Canary looks at. */
  set(canary: string, subjects: ReadonlySet<Subject>): void {
    const before = this.#subjects.get(canary) ?? new Set();
    for (const subject of before) if (!subjects.has(subject)) this.#remove(canary, subject);
    for (const subject of subjects) if (!before.has(subject)) this.#add(canary, subject);
    this.#subjects.set(canary, subjects);
  }

  forget(canary: string): void {
    this.set(canary, new Set());
    this.#subjects.delete(canary);
  }

  /** The Canaries that look at this subject. */
  readersOf(subject: Subject): readonly string[] {
    return [...(this.#readers.get(subject) ?? [])];
  }

  #add(canary: string, subject: Subject): void {
    const readers = this.#readers.get(subject) ?? new Set();
    readers.add(canary);
    this.#readers.set(subject, readers);
  }

  #remove(canary: string, subject: Subject): void {
    const readers = this.#readers.get(subject);
    readers?.delete(canary);
    if (readers?.size === 0) this.#readers.delete(subject);
  }
}
