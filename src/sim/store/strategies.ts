// What a real API server does on its own to the objects of each kind, beyond schemas: generations, preconditions, births.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { sameJson } from './frozen-json.ts';

/** Groups that are compiled in. All others, `gateway.networking.k8s.io` too, are custom resources. */
const BUILT_IN: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);

/** Built-in kinds whose objects carry no `metadata.generation`. */
const WITHOUT_GENERATION: ReadonlySet<string> = new Set([
  '/configmaps',
  '/endpoints',
  '/events',
  '/limitranges',
  '/namespaces',
  '/nodes',
  '/resourcequotas',
  '/secrets',
  '/serviceaccounts',
  '/services',
  'apps/controllerrevisions',
  'autoscaling/horizontalpodautoscalers',
  'coordination.k8s.io/leases',
  'events.k8s.io/events',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
]);

const BORN_BY_UPDATE: ReadonlySet<string> = new Set([
  '/endpoints',
  '/events',
  '/services',
  'coordination.k8s.io/leases',
  'events.k8s.io/events',
]);

/** Across versions: all versions of a kind are stored as one. */
export function kindOf({ group, plural }: Resource): string {
  return `${group}/${plural}`;
}

/** Whether an update must name the resourceVersion that it rests on. */
export function needsVersion(resource: Resource): boolean {
  const kind = kindOf(resource);
  return (
    !BUILT_IN.has(resource.group) ||
    kind === 'coordination.k8s.io/leases' ||
    kind === 'apiextensions.k8s.io/customresourcedefinitions'
  );
}

/** Whether an update of an object that is not there creates it. */
export function bornByUpdate(resource: Resource): boolean {
  return BORN_BY_UPDATE.has(kindOf(resource));
}

export function countsGenerations(resource: Resource): boolean {
  return !WITHOUT_GENERATION.has(kindOf(resource));
}

/** Whether the change is one of what is wanted, not of metadata or of what is so. */
export function newGeneration(
  resource: Resource,
  before: KubeObject,
  { after, hasStatus }: { readonly after: KubeObject; readonly hasStatus: boolean },
): boolean {
  if (!countsGenerations(resource)) return false;
  const ignored = hasStatus ? ['metadata', 'status'] : ['metadata'];
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const field of fields) {
    if (!ignored.includes(field) && !sameJson(before[field], after[field])) return true;
  }
  // Annotations of a Deployment are copied to its ReplicaSets.
  if (kindOf(resource) !== 'apps/deployments') return false;
  return !sameJson(before.metadata.annotations ?? {}, after.metadata.annotations ?? {});
}
