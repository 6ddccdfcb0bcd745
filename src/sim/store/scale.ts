// The `scale` subresource: how many replicas, seen and set without the rest of the object.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { fieldsOf, numberOf } from '../../client/fields.ts';
import { kindOf } from './strategies.ts';

const SCALABLE: ReadonlySet<string> = new Set([
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
]);

export function isScalable(resource: Resource): boolean {
  return SCALABLE.has(kindOf(resource));
}

/** Of the kind's own object or of a Scale. An object that says nothing was defaulted to one. */
export function replicasOf(object: KubeObject): number {
  const replicas = numberOf(fieldsOf(object['spec'])['replicas']);
  return replicas ?? (object.kind === 'Scale' ? 0 : 1);
}

export function withReplicas(object: KubeObject, replicas: number): KubeObject {
  return { ...object, spec: { ...fieldsOf(object['spec']), replicas } };
}

/** `autoscaling/v1 Scale`. */
export function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = fieldsOf(fieldsOf(fieldsOf(object['spec'])['selector'])['matchLabels']);
  const selector = Object.entries(labels).map(([label, value]) => `${label}=${String(value)}`);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: { replicas: replicasOf(object) },
    status: {
      replicas: numberOf(fieldsOf(object['status'])['replicas']) ?? 0,
      selector: selector.join(','),
    },
  };
}
