// The registry of a store that was given none: no schemas, a status for every kind, lists as in Kubernetes.
import type { Resource } from '../../client/client.ts';
import { apiVersionOf } from '../../client/paths.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { KindRegistry, ListTypes } from './kinds.ts';
import { coreListTypes } from './schema-lists.ts';
import { kindOf } from './strategies.ts';

export function permissiveKinds(): KindRegistry {
  const known = new Map<string, ListTypes>();
  return {
    admit: (_resource, object) => object,
    lists: (resource) => {
      const kind = kindOf(resource);
      const lists = known.get(kind) ?? coreListTypes(kind);
      known.set(kind, lists);
      return lists;
    },
    hasStatus: () => true,
    find: (apiVersion, kind) =>
      Object.values<Resource>(RESOURCES).find(
        (resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion,
      ) ?? null,
  };
}
