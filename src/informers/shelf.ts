// Objects by key and their indexes, changed together. A store is one shelf for each watched scope.
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import type { Transform } from './transforms.ts';

/** Index name -> the values under which an object is found. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

export interface ShelfOptions<T> {
  readonly indexers: Indexers<T>;
  readonly transform: Transform;
  /** Freeze to the bottom instead of the top level and `metadata`. */
  readonly deepFreeze: boolean;
}

/** Value -> keys. */
type Index = Map<string, Set<string>>;

export class Shelf<T extends KubeObject> {
  readonly #options: ShelfOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index>();

  constructor(options: ShelfOptions<T>) {
    this.#options = options;
    for (const name of Object.keys(options.indexers)) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  entries(): Iterable<readonly [string, T]> {
    return this.#objects;
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  /** What the store would hold of an object: transformed and frozen. */
  prepare(object: KubeObject): T {
    const { transform, deepFreeze } = this.#options;
    // The caller that names the type of a resource vouches for it: the API server has checked the schema.
    const prepared = transform(object) as T;
    if (deepFreeze) freezeAll(prepared);
    Object.freeze(prepared.metadata);
    return Object.freeze(prepared);
  }

  /** Stores a prepared object under its key. If an indexer throws, nothing has changed. */
  put(object: T): void {
    const key = keyOf(object);
    const values = this.#valuesOf(object);
    this.#unindex(key);
    this.#objects.set(key, object);
    for (const [name, found] of values) {
      for (const value of found) this.#keysFor(name, value).add(key);
    }
  }

  drop(key: string): void {
    this.#unindex(key);
    this.#objects.delete(key);
  }

  /** Throws on an index that was not declared. */
  keys(index: string, value: string): Iterable<string> {
    return this.#index(index).get(value) ?? [];
  }

  #unindex(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    for (const [name, found] of this.#valuesOf(object)) {
      for (const value of found) {
        const keys = this.#index(name).get(value);
        keys?.delete(key);
        if (keys?.size === 0) this.#index(name).delete(value);
      }
    }
  }

  #valuesOf(object: T): [string, readonly string[]][] {
    const { indexers } = this.#options;
    return Object.entries(indexers).map(([name, valuesOf]) => [name, valuesOf(object)]);
  }

  #keysFor(name: string, value: string): Set<string> {
    const index = this.#index(name);
    let keys = index.get(value);
    if (keys === undefined) {
      keys = new Set();
      index.set(value, keys);
    }
    return keys;
  }

  #index(name: string): Index {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`no index is named ${name}`);
    return index;
  }
}

function freezeAll(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeAll(inner);
}
