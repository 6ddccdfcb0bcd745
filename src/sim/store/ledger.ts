// Everything that is stored and was: one revision for all kinds, their objects and history, and those who listen.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import type { Change, Writer } from './change.ts';
import { frozenJson } from './frozen-json.ts';
import { kindOf } from './strategies.ts';
import { keyText, Table } from './table.ts';

export interface Commit {
  readonly type: Change['type'];
  readonly resource: Resource;
  /** After the change; the last state for a deletion. Its resourceVersion is set here. */
  readonly object: KubeObject;
  readonly before: KubeObject | null;
  readonly by: Writer;
}

export interface Followers {
  /** Knows of each commit before anything else happens. */
  readonly note: (change: Change) => void;
  /** May commit on its own, after all listeners have heard of the change. */
  readonly react: (change: Change) => void;
}

export class Ledger {
  readonly #followers: Followers;
  readonly #tables = new Map<string, Table>();
  readonly #listeners = new Set<(change: Change) => void>();
  #untold: Change[] = [];
  #telling = false;
  #revision = 0;
  #compacted = 0;

  constructor(followers: Followers) {
    this.#followers = followers;
  }

  get revision(): number {
    return this.#revision;
  }

  tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  tableOf(resource: Resource): Table {
    const kind = kindOf(resource);
    let table = this.#tables.get(kind);
    if (table === undefined) {
      table = new Table(resource);
      this.#tables.set(kind, table);
    }
    return table;
  }

  /** The object as it is stored now. Before this returns, everybody has been told, of what they did in turn too. */
  commit({ type, resource, object, before, by }: Commit): KubeObject {
    this.#revision += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) };
    const stored = frozenJson({ ...object, metadata });
    const change: Change = Object.freeze({
      type,
      revision: this.#revision,
      resource,
      object: stored,
      before,
      by,
    });
    this.tableOf(resource).apply(keyText(resource, stored.metadata), change);
    this.#followers.note(change);
    this.#untold.push(change);
    this.#tell();
    return stored;
  }

  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  since(resource: Resource, revision: number): readonly Change[] | 'compacted' {
    if (revision < this.#compacted) return 'compacted';
    return this.tableOf(resource).since(revision);
  }

  compact(revision: number): void {
    const floor = Math.min(revision, this.#revision);
    if (floor <= this.#compacted) return;
    this.#compacted = floor;
    for (const table of this.#tables.values()) table.forget(floor);
  }

  /** The objects of a kind as they were at a revision, by key. */
  at(resource: Resource, revision: number): readonly KubeObject[] | 'compacted' {
    const later = this.since(resource, revision);
    if (later === 'compacted') return later;
    const table = this.tableOf(resource);
    if (later.length === 0) return table.list();
    const then = new Map(
      table.list().map((object) => [keyText(resource, object.metadata), object]),
    );
    for (const { object, before } of later.toReversed()) {
      const key = keyText(resource, object.metadata);
      if (before === null) then.delete(key);
      else then.set(key, before);
    }
    return [...then].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** A listener that commits in turn is not told within its own call: all hear of all changes in their order. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let change = this.#untold.shift(); change !== undefined; ) {
        for (const listener of this.#listeners) listener(change);
        this.#followers.react(change);
        change = this.#untold.shift();
      }
    } finally {
      this.#telling = false;
    }
  }
}
