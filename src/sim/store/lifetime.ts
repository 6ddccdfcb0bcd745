// Steps of an object's life: what is set at birth, kept through updates, and still to be done before death. Pure.
import type { KubeObject, ObjectMeta } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { fieldsOf, itemsOf } from '../../client/fields.ts';
import { apiVersionOf } from '../../client/paths.ts';
import { countsGenerations, kindOf, newGeneration } from './strategies.ts';

/** `finalize` is of Namespaces only. */
export type Subresource = 'status' | 'scale' | 'finalize';
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** What is stored of metadata beyond what the rest of Serin reads. */
type Metadata = {
  -readonly [field in keyof ObjectMeta]: ObjectMeta[field];
} & { deletionGracePeriodSeconds?: number };

const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const NAME_BASE_CHARS_MAX = 58;

export function isNamespaces(resource: Resource): boolean {
  return kindOf(resource) === '/namespaces';
}

/** A new object as it is handed to admission: without what only the server may set. */
export function newborn(
  resource: Resource,
  object: KubeObject,
  how: {
    readonly name: string;
    readonly uid: string;
    readonly time: string;
    readonly hasStatus: boolean;
  },
): KubeObject {
  const { apiVersion, kind, metadata: given, status, ...rest } = object;
  const metadata: Metadata = { ...given, name: how.name };
  delete metadata.resourceVersion;
  delete metadata.generation;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (!resource.namespaced) delete metadata.namespace;
  metadata.uid = how.uid;
  metadata.creationTimestamp = how.time;
  if (countsGenerations(resource)) metadata.generation = 1;
  return {
    apiVersion: apiVersion ?? apiVersionOf(resource),
    kind: kind ?? resource.kind,
    metadata,
    ...rest,
    ...(!how.hasStatus && status !== undefined && { status }),
    ...(isNamespaces(resource) && {
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    }),
  };
}

/** The stored object with what an update may change of it. Managed fields that the update leaves out stay as they are. */
export function renewed(
  live: KubeObject,
  wanted: KubeObject,
  how: {
    readonly resource: Resource;
    readonly hasStatus: boolean;
    readonly subresource: Subresource | undefined;
  },
): KubeObject {
  const managedFields = wanted.metadata.managedFields ?? live.metadata.managedFields;
  if (how.subresource === 'status') {
    const { status: _old, ...rest } = live;
    const metadata =
      managedFields === undefined ? live.metadata : { ...live.metadata, managedFields };
    return {
      ...rest,
      metadata,
      ...(wanted['status'] !== undefined && { status: wanted['status'] }),
    };
  }
  const { apiVersion, kind, metadata: _metadata, status, ...rest } = wanted;
  const kept = how.hasStatus ? live['status'] : status;
  const fixedSpec = isNamespaces(how.resource) && how.subresource !== 'finalize';
  return {
    apiVersion: apiVersion ?? live.apiVersion,
    kind: kind ?? live.kind,
    metadata: renewedMetadata(live.metadata, wanted.metadata),
    ...rest,
    ...(fixedSpec && live['spec'] !== undefined && { spec: live['spec'] }),
    ...(kept !== undefined && { status: kept }),
  };
}

/** What is the server's stays; all else is as wanted. */
function renewedMetadata(live: Metadata, wanted: Metadata): ObjectMeta {
  const { labels: _l, annotations: _a, ownerReferences: _o, finalizers: _f, ...rest } = live;
  const { managedFields, ...own } = rest;
  const {
    name: _name,
    namespace: _namespace,
    generateName: _generateName,
    uid: _uid,
    resourceVersion: _resourceVersion,
    generation: _generation,
    creationTimestamp: _creationTimestamp,
    deletionTimestamp: _deletionTimestamp,
    deletionGracePeriodSeconds: _deletionGracePeriodSeconds,
    ...free
  } = wanted;
  return { ...own, ...(managedFields !== undefined && { managedFields }), ...free };
}

/** With a generation of its own if the change asks for one. */
export function counted(
  resource: Resource,
  before: KubeObject,
  change: { readonly after: KubeObject; readonly hasStatus: boolean },
): KubeObject {
  const { after } = change;
  if (!newGeneration(resource, before, change)) return after;
  const generation = (before.metadata.generation ?? 0) + 1;
  return { ...after, metadata: { ...after.metadata, generation } };
}

/** What still has to be done before an object that is being deleted may go. */
export function pendingFinalizers(resource: Resource, object: KubeObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return true;
  return isNamespaces(resource) && itemsOf(fieldsOf(object['spec'])['finalizers']).length > 0;
}

/** Finalizers that were not there before. */
export function addedFinalizers(before: KubeObject, after: KubeObject): readonly string[] {
  const known = before.metadata.finalizers ?? [];
  return (after.metadata.finalizers ?? []).filter((finalizer) => !known.includes(finalizer));
}

/** Marked as being deleted, with the finalizer that the kind of deletion needs. */
export function dying(
  resource: Resource,
  object: KubeObject,
  how: { readonly time: string; readonly propagation: Propagation },
): KubeObject {
  const metadata: Metadata = { ...object.metadata };
  const finalizers = deletionFinalizers(object, how.propagation);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  const marked = { ...object, metadata };
  if (object.metadata.deletionTimestamp !== undefined) return marked;
  if (!pendingFinalizers(resource, marked)) return marked;
  metadata.deletionTimestamp = how.time;
  metadata.deletionGracePeriodSeconds = 0;
  if (metadata.generation !== undefined) metadata.generation += 1;
  return isNamespaces(resource)
    ? { ...marked, status: { ...fieldsOf(object['status']), phase: 'Terminating' } }
    : marked;
}

function deletionFinalizers(object: KubeObject, propagation: Propagation): readonly string[] {
  const others = (object.metadata.finalizers ?? []).filter(
    (finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN,
  );
  if (propagation === 'Foreground') return [...others, FOREGROUND];
  return propagation === 'Orphan' ? [...others, ORPHAN] : others;
}

export function isDeletedInForeground({ metadata }: KubeObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND)
  );
}

/** As `uuid.NewRandom` writes it. */
export function newUid(random: () => number): string {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export function generatedName(base: string, random: () => number): string {
  const letters = Array.from({ length: 5 }, () =>
    NAME_LETTERS.charAt(Math.floor(random() * NAME_LETTERS.length)),
  );
  return base.slice(0, NAME_BASE_CHARS_MAX) + letters.join('');
}
