// Whether the stores have caught up with our own writes: a decision on an older state would repeat or undo them.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Clock } from '../clock/clock.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { Store } from './store.ts';

/** How long the stores are waited for before a live read. */
export const WAIT_MS = 5000;

export interface OwnWrite {
  /** Whose decision rests on it: the key of the Canary. */
  readonly owner: string;
  /** Where the write will be seen. */
  readonly store: Store<KubeObject>;
  /** `namespace/name` of the object. */
  readonly key: string;
  readonly uid: string;
  /** As the API server answered; null after a delete. */
  readonly resourceVersion: string | null;
}

export type Pending =
  | { readonly kind: 'seen' }
  /** Ask again on the next change, or after `remainingMs`. */
  | { readonly kind: 'waiting'; readonly keys: readonly string[]; readonly remainingMs: number }
  /** Waited long enough: read live, then `forget`. */
  | { readonly kind: 'overdue'; readonly keys: readonly string[] };

interface Unseen extends OwnWrite {
  readonly wroteMs: number;
}

export class SeenWrites {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #unseen = new Map<string, Unseen[]>();

  /** `waitMs`: default 5 s. */
  constructor(clock: Clock, { waitMs = WAIT_MS }: { readonly waitMs?: number } = {}) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** Call after each write that succeeded. A later one to the same object takes the place of an earlier one. */
  wrote(write: OwnWrite): void {
    const others = this.#unseen.get(write.owner) ?? [];
    const kept = others.filter((other) => !replaces(write, other));
    this.#unseen.set(write.owner, [...kept, { ...write, wroteMs: this.#clock.monotonicMs() }]);
  }

  /** What the stores have not shown yet of the owner's writes; those that were seen are forgotten. */
  pending(owner: string): Pending {
    const unseen = (this.#unseen.get(owner) ?? []).filter((write) => !isSeen(write));
    if (unseen.length === 0) {
      this.#unseen.delete(owner);
      return { kind: 'seen' };
    }
    this.#unseen.set(owner, unseen);
    const keys = unseen.map((write) => write.key);
    const waitedMs = Math.max(...unseen.map((write) => this.#clock.since(write.wroteMs)));
    if (waitedMs >= this.#waitMs) return { kind: 'overdue', keys };
    return { kind: 'waiting', keys, remainingMs: this.#waitMs - waitedMs };
  }

  /** The owner is gone, or was read live. */
  forget(owner: string): void {
    this.#unseen.delete(owner);
  }

  /** Owners with writes that were not seen when last asked. */
  get size(): number {
    return this.#unseen.size;
  }
}

/** A delete does not stand for a create before it: a store that has not seen the create looks as if it had seen both. */
function replaces(write: OwnWrite, other: OwnWrite): boolean {
  if (write.store !== other.store || write.key !== other.key) return false;
  return (write.resourceVersion === null) === (other.resourceVersion === null);
}

function isSeen({ store, key, uid, resourceVersion }: OwnWrite): boolean {
  const object = store.get(key);
  if (resourceVersion === null) {
    // With finalizers the object stays for a while, but says that it is going.
    return object?.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined;
  }
  if (reaches(object?.metadata.resourceVersion ?? '', resourceVersion)) return true;
  // Not delivered and never will be: it was deleted since, or the selector does not match it.
  return reaches(store.resourceVersionIn(namespaceOf(key)), resourceVersion);
}

/** Versions that cannot be compared count as reached: waiting would not end. */
function reaches(version: string, wanted: string): boolean {
  if (version === '') return false;
  const order = compareResourceVersions(version, wanted);
  return order === null || order >= 0;
}

function namespaceOf(key: string): string | undefined {
  const slash = key.indexOf('/');
  return slash < 0 ? undefined : key.slice(0, slash);
}
