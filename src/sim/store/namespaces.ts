// The namespace controller: empties a Namespace that is being deleted, at once, and lets it go when nothing is left.
import type { KubeObject } from '../../api/kubernetes.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { Change, Writer } from './change.ts';
import type { Hands } from './garbage.ts';
import { isNamespaces } from './lifetime.ts';
import { type Attempt, badRequest, namespaceNotFound, terminating } from './refusals.ts';
import type { Table } from './table.ts';

export interface NamespaceHands extends Omit<Hands, 'update'> {
  update(
    resource: Table['resource'],
    object: KubeObject,
    by: Writer,
    options: { readonly subresource: 'finalize' },
  ): KubeObject;
}

const CONTROLLER: Writer = {
  user: 'system:serviceaccount:kube-system:namespace-controller',
  manager: 'kube-controller-manager',
};

export class Namespaces {
  readonly #hands: NamespaceHands;
  readonly #tables: () => Iterable<Table>;
  /** A cluster in which no Namespace was ever made takes objects of all; any other only of those that exist. */
  #known = false;

  constructor(hands: NamespaceHands, tables: () => Iterable<Table>) {
    this.#hands = hands;
    this.#tables = tables;
  }

  /** Throws if nothing can be created there. */
  refuse(attempt: Attempt): void {
    const { resource, key } = attempt;
    if (!resource.namespaced) return;
    const { namespace: name = '' } = key;
    if (name === '') {
      throw badRequest(attempt, 'an empty namespace may not be set during creation');
    }
    if (!this.#known) return;
    const namespace = this.#hands.get(RESOURCES.namespaces, { name });
    if (namespace === null) throw namespaceNotFound(attempt, name);
    if (namespace.metadata.deletionTimestamp !== undefined) throw terminating(attempt, name);
  }

  note({ resource }: Change): void {
    if (isNamespaces(resource)) this.#known = true;
  }

  react({ type, resource, object }: Change): void {
    const { name, namespace } = object.metadata;
    if (isNamespaces(resource)) {
      if (type === 'MODIFIED') this.#empty(name);
    } else if (type === 'DELETED' && namespace !== undefined) {
      this.#release(namespace);
    }
  }

  #empty(name: string): void {
    if (this.#terminating(name) === null) return;
    for (const object of this.#content(name)) {
      const { resource, of } = object;
      if (of.metadata.deletionTimestamp !== undefined) continue;
      // Others may have gone with it in the meantime.
      if (this.#hands.get(resource, of.metadata) === null) continue;
      this.#hands.delete(resource, of.metadata, CONTROLLER, {});
    }
    this.#release(name);
  }

  #release(name: string): void {
    const namespace = this.#terminating(name);
    if (namespace === null || this.#content(name).length > 0) return;
    const empty = { ...namespace, spec: { finalizers: [] } };
    this.#hands.update(RESOURCES.namespaces, empty, CONTROLLER, { subresource: 'finalize' });
  }

  #terminating(name: string): KubeObject | null {
    const namespace = this.#hands.get(RESOURCES.namespaces, { name });
    return namespace?.metadata.deletionTimestamp === undefined ? null : namespace;
  }

  #content(
    name: string,
  ): readonly { readonly resource: Table['resource']; readonly of: KubeObject }[] {
    const content = [];
    for (const table of this.#tables()) {
      if (!table.resource.namespaced) continue;
      for (const of of table.list(name)) content.push({ resource: table.resource, of });
    }
    return content;
  }
}
