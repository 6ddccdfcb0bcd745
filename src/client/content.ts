// What goes over the wire: media types, and objects as the caller wants to see them.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Patch, Resource, Scale } from './client.ts';
import { brokenError } from './failure.ts';
import { fieldsOf, isFields, numberOf } from './fields.ts';
import { apiVersionOf } from './paths.ts';

export const JSON_TYPE = 'application/json';

export const PATCH_TYPES: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml', // JSON is YAML
};

/** What it asks for carries the real kind; servers that cannot give it answer with whole objects. */
export function metadataAs(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1,${JSON_TYPE}`;
}

/** Items of a typed list lack their kind; metadata alone comes under a kind of its own. */
export function shaper(
  resource: Resource,
  metadataOnly: boolean,
): (object: KubeObject) => KubeObject {
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  if (metadataOnly) return ({ metadata }) => ({ ...type, metadata });
  return (object) => ({ ...type, ...object });
}

export function parseObject(attempt: string, value: unknown): KubeObject {
  if (isFields(value) && isFields(value['metadata'])) return value as KubeObject;
  throw brokenError(attempt, undefined, 'the answer is not an object');
}

export function parseScale(object: KubeObject): Scale {
  return {
    resourceVersion: object.metadata.resourceVersion ?? '',
    replicas: numberOf(fieldsOf(object['spec'])['replicas']) ?? 0, // zero is left out of the JSON
  };
}
