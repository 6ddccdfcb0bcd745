// What every part of the benchmark is given.

export interface PartOptions {
  /** The operator as one file. */
  readonly bundle: string;
  readonly nodeFlags: readonly string[];
  /** Tells how far it is. */
  readonly say: (words: string) => void;
}
