// Where a resource lives under the API server's address, and how a call on it is named in errors.
import type { ListOptions, ObjectKey, Resource, WatchOptions, WriteOptions } from './client.ts';

const FIELD_MANAGER = 'serin';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/apis/apps/v1/namespaces/shop/deployments`; all namespaces if none is given. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const { group, version, plural } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${place}/${plural}`;
}

export function objectPath(resource: Resource, key: ObjectKey, subresource?: string): string {
  const collection = collectionPath(resource, resource.namespaced ? key.namespace : undefined);
  const path = `${collection}/${encodeURIComponent(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** What is wrong with a key; null if it names one object. An empty name would address the whole collection. */
export function keyFault(resource: Resource, key: ObjectKey): string | null {
  if (badSegment(key.name)) return `not the name of an object: "${key.name}"`;
  if (!resource.namespaced) return null;
  if (key.namespace === undefined) return 'a namespace is needed';
  return badSegment(key.namespace) ? `not a namespace: "${key.namespace}"` : null;
}

export function withQuery(path: string, query: Query): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) pairs.append(name, String(value));
  }
  return pairs.size === 0 ? path : `${path}?${pairs.toString()}`;
}

export function selectionQuery(options: ListOptions | WatchOptions): Query {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  };
}

export function writeQuery(options: WriteOptions): Query {
  return {
    fieldManager: options.fieldManager ?? FIELD_MANAGER,
    dryRun: options.dryRun === true ? 'All' : undefined,
  };
}

/** `deployments shop/web`; `deployments in shop`; `deployments`. */
export function describeObject(resource: Resource, key: ObjectKey): string {
  const place = key.namespace === undefined ? '' : `${key.namespace}/`;
  return `${resource.plural} ${place}${key.name}`;
}

export function describeCollection(resource: Resource, namespace: string | undefined): string {
  return namespace === undefined ? resource.plural : `${resource.plural} in ${namespace}`;
}

export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The URL parser would walk up a path at dots, even encoded ones. */
function badSegment(text: string): boolean {
  return text === '' || text === '.' || text === '..';
}

/** Where the API begins on a server that may lie below a path. */
export function basePath({ pathname }: URL): string {
  return pathname.replace(/\/+$/, '');
}
