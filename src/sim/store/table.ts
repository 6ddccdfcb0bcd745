// All objects of one kind in the order of their keys, and what happened to them.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../client/client.ts';
import type { Change } from './change.ts';

/** As etcd orders them: `shop/web`. */
export function keyText(resource: Resource, { namespace, name }: ObjectKey): string {
  return resource.namespaced ? `${namespace}/${name}` : name;
}

export class Table {
  readonly resource: Resource;
  readonly #objects = new Map<string, KubeObject>();
  #keys: string[] = [];
  #changes: Change[] = [];

  constructor(resource: Resource) {
    this.resource = resource;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): KubeObject | null {
    return this.#objects.get(key) ?? null;
  }

  /** By key; of one namespace if one is given. */
  list(namespace?: string): readonly KubeObject[] {
    const found: KubeObject[] = [];
    for (const key of this.#keysOf(namespace)) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  apply(key: string, change: Change): void {
    if (change.type === 'DELETED') {
      this.#objects.delete(key);
      this.#keys.splice(this.#place(key), 1);
    } else {
      if (!this.#objects.has(key)) this.#keys.splice(this.#place(key), 0, key);
      this.#objects.set(key, change.object);
    }
    this.#changes.push(change);
  }

  /** Changes above the revision, oldest first. */
  since(revision: number): readonly Change[] {
    return this.#changes.slice(this.#firstAbove(revision));
  }

  forget(revision: number): void {
    this.#changes = this.#changes.slice(this.#firstAbove(revision));
  }

  #keysOf(namespace: string | undefined): readonly string[] {
    if (namespace === undefined) return this.#keys;
    // '0' is the character after '/'.
    return this.#keys.slice(this.#place(`${namespace}/`), this.#place(`${namespace}0`));
  }

  /** Index of the key, or where it would go. */
  #place(key: string): number {
    return firstIndex(this.#keys, (other) => other >= key);
  }

  #firstAbove(revision: number): number {
    return firstIndex(this.#changes, (change) => change.revision > revision);
  }
}

/** First index at which a condition holds that, once true, stays true. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
