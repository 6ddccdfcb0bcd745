// What a write names of the object that it was made for: a server refuses it where that is no longer so.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Patch } from '../../client/client.ts';
import { fieldsOf, textOf } from '../../client/fields.ts';

export interface Preconditions {
  readonly resourceVersion?: string;
  readonly uid?: string;
}

export function named(given: { readonly [field in keyof Preconditions]?: unknown }): Preconditions {
  const [resourceVersion, uid] = [textOf(given.resourceVersion), textOf(given.uid)];
  return {
    ...(resourceVersion !== null && resourceVersion !== '' && { resourceVersion }),
    ...(uid !== null && uid !== '' && { uid }),
  };
}

export function namedInObject({ metadata }: KubeObject): Preconditions {
  return named(metadata);
}

/** In the body; a JSON patch tests them, or sets them in what is then compared as a body. */
export function namedInPatch(patch: Patch): Preconditions {
  if (patch.type !== 'json') return named(fieldsOf(fieldsOf(patch.body)['metadata']));
  const at = (path: string) => patch.operations.find((each) => each.path === path)?.value;
  return named({ resourceVersion: at('/metadata/resourceVersion'), uid: at('/metadata/uid') });
}
