// The cluster's objects of one kind as they were last told: read by everyone, changed only by reflectors.
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import type { ChangeType } from './reflector-moves.ts';
import { compareResourceVersions } from './resource-version.ts';
import { Shelf, type ShelfOptions } from './shelf.ts';

/** What changed in a store, told after it did. */
export type Change<T> =
  | { readonly type: 'add'; readonly object: T; readonly initial: boolean }
  | { readonly type: 'update'; readonly old: T; readonly object: T }
  /** A tombstone was found missing: `object` is the last state that was seen, not the final one. */
  | { readonly type: 'delete'; readonly object: T; readonly tombstone: boolean };

/** The reading side. Objects are frozen and shared; a key is `namespace/name`, or the name of a cluster-scoped object. */
export interface Store<T> {
  readonly size: number;
  /** How recent the store is, moved on by bookmarks too; of several scopes the oldest. Empty until all are filled. */
  readonly resourceVersion: string;
  /** How recent the store is for one namespace; empty if that is not watched, or not filled yet. */
  resourceVersionIn(namespace: string | undefined): string;
  get(key: string): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** Throws on an index that was not declared. */
  byIndex(index: string, value: string): readonly T[];
  indexKeys(index: string, value: string): readonly string[];
}

/** A namespace; null = all, and cluster-scoped objects. */
export type Scope = string | null;

export interface StoreOptions<T> extends ShelfOptions<T> {
  /** Either null alone, or namespaces. */
  readonly scopes: readonly Scope[];
  /** Called once a change of the store, with all that it meant, deletes first. */
  readonly onChanges: (changes: readonly Change<T>[]) => void;
}

interface Section<T extends KubeObject> {
  shelf: Shelf<T>;
  resourceVersion: string;
  filled: boolean;
}

export class ObjectStore<T extends KubeObject> implements Store<T> {
  readonly #options: StoreOptions<T>;
  readonly #sections = new Map<Scope, Section<T>>();

  constructor(options: StoreOptions<T>) {
    this.#options = options;
    for (const scope of options.scopes) {
      this.#sections.set(scope, { shelf: new Shelf(options), resourceVersion: '', filled: false });
    }
  }

  get size(): number {
    return this.#shelves().reduce((sum, shelf) => sum + shelf.size, 0);
  }

  get resourceVersion(): string {
    const versions = [...this.#sections.values()].map((section) => section.resourceVersion);
    if (versions.includes('')) return '';
    return versions.reduce((a, b) => ((compareResourceVersions(a, b) ?? 0) <= 0 ? a : b));
  }

  resourceVersionIn(namespace: string | undefined): string {
    return this.#sectionFor(namespace)?.resourceVersion ?? '';
  }

  get(key: string): T | undefined {
    const slash = key.indexOf('/');
    return this.#sectionFor(slash < 0 ? undefined : key.slice(0, slash))?.shelf.get(key);
  }

  list(namespace?: string): readonly T[] {
    if (namespace === undefined) return this.#shelves().flatMap((shelf) => [...shelf.values()]);
    const all = [...(this.#sectionFor(namespace)?.shelf.values() ?? [])];
    return all.filter((object) => object.metadata.namespace === namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.indexKeys(index, value).flatMap((key) => this.get(key) ?? []);
  }

  indexKeys(index: string, value: string): readonly string[] {
    return this.#shelves().flatMap((shelf) => [...shelf.keys(index, value)]);
  }

  /** Whether the scope has been filled once. */
  filled(scope: Scope): boolean {
    return this.#section(scope).filled;
  }

  /** An empty shelf to fill apart, for `replace`. */
  newShelf(): Shelf<T> {
    return new Shelf(this.#options);
  }

  /** Puts the shelf in the place of all that the scope held, in one step. */
  replace(scope: Scope, shelf: Shelf<T>, resourceVersion: string): void {
    const section = this.#section(scope);
    const changes = differences(section.shelf, shelf, !section.filled);
    section.shelf = shelf;
    section.resourceVersion = resourceVersion;
    section.filled = true;
    this.#options.onChanges(changes);
  }

  /** Takes one event of a watch. */
  apply(scope: Scope, type: ChangeType, object: KubeObject): void {
    const section = this.#section(scope);
    const changes = applied(section.shelf, type, object);
    section.resourceVersion = object.metadata.resourceVersion ?? section.resourceVersion;
    this.#options.onChanges(changes);
  }

  advance(scope: Scope, resourceVersion: string): void {
    this.#section(scope).resourceVersion = resourceVersion;
  }

  /** Forgets all objects of the scope: their kind is gone. */
  empty(scope: Scope): void {
    const section = this.#section(scope);
    const shelf = this.newShelf();
    const changes = differences(section.shelf, shelf, false);
    section.shelf = shelf;
    section.resourceVersion = '';
    this.#options.onChanges(changes);
  }

  #section(scope: Scope): Section<T> {
    const section = this.#sections.get(scope);
    if (section === undefined) throw new RangeError(`the store does not watch ${scope ?? 'all'}`);
    return section;
  }

  #sectionFor(namespace: string | undefined): Section<T> | undefined {
    return this.#sections.get(null) ?? this.#sections.get(namespace ?? null);
  }

  #shelves(): Shelf<T>[] {
    return [...this.#sections.values()].map((section) => section.shelf);
  }
}

/** What a whole new content means: deletes first, then adds and updates in the order of the new content. */
function differences<T extends KubeObject>(
  before: Shelf<T>,
  after: Shelf<T>,
  initial: boolean,
): Change<T>[] {
  const deletes: Change<T>[] = [];
  const others: Change<T>[] = [];
  for (const [key, old] of before.entries()) {
    const object = after.get(key);
    if (object === undefined || !sameUid(old, object)) {
      deletes.push({ type: 'delete', object: old, tombstone: true });
    }
  }
  for (const [key, object] of after.entries()) {
    const old = before.get(key);
    if (old === undefined || !sameUid(old, object)) others.push({ type: 'add', object, initial });
    else if (!sameVersion(old, object)) others.push({ type: 'update', old, object });
  }
  return deletes.concat(others);
}

/** Changes the shelf by one event, and says what it meant. */
function applied<T extends KubeObject>(
  shelf: Shelf<T>,
  type: ChangeType,
  raw: KubeObject,
): Change<T>[] {
  const object = shelf.prepare(raw);
  const key = keyOf(object);
  const old = shelf.get(key);
  if (type === 'DELETED') {
    if (old === undefined) return [];
    shelf.drop(key);
    const same = sameUid(old, object);
    return [{ type: 'delete', object: same ? object : old, tombstone: !same }];
  }
  if (old !== undefined && sameUid(old, object) && sameVersion(old, object)) return [];
  shelf.put(object);
  if (old === undefined) return [{ type: 'add', object, initial: false }];
  if (sameUid(old, object)) return [{ type: 'update', old, object }];
  // A delete and a create in between were missed: whoever counted on the old one must hear that it is gone.
  return [
    { type: 'delete', object: old, tombstone: true },
    { type: 'add', object, initial: false },
  ];
}

function sameUid(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid;
}

/** An object without a version is never taken for the same. */
function sameVersion(a: KubeObject, b: KubeObject): boolean {
  const { resourceVersion } = a.metadata;
  return resourceVersion !== undefined && resourceVersion === b.metadata.resourceVersion;
}
