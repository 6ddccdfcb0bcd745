// LIST: the objects of one revision, whole or page by page.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { ListOptions, ObjectList, Resource } from '../../client/client.ts';
import { shaper } from '../../client/content.ts';
import { frozenJson } from './frozen-json.ts';
import type { ModelStore } from './model-store.ts';
import { badRequest, expired } from './refusals.ts';
import { selection } from './selectors.ts';
import { keyText } from './table.ts';
import { versionOf } from './versions.ts';

const LIST_EXPIRED = 'The resourceVersion for the provided list is too old.';
const CONTINUE_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

interface Start {
  readonly revision: number;
  /** Key of the last object of the page before; empty on the first. */
  readonly after: string;
}

export function page(
  attempt: string,
  { store, resource }: { readonly store: ModelStore; readonly resource: Resource },
  options: ListOptions,
): ObjectList {
  const { revision, after } = startOf(attempt, store, options);
  const all =
    revision === store.revision
      ? store.list(resource, { namespace: options.namespace })
      : store.listAt(resource, revision);
  if (all === 'compacted') {
    throw expired(attempt, after === '' ? LIST_EXPIRED : CONTINUE_EXPIRED);
  }
  const keyOf = (object: KubeObject): string => keyText(resource, object.metadata);
  const selected = selection(attempt, options);
  const rest = all.filter(
    (object) => (after === '' || keyOf(object) > after) && (selected === null || selected(object)),
  );
  // What is read from any version comes whole.
  const limit = options.resourceVersion === '0' ? 0 : (options.limit ?? 0);
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const more = last !== undefined && items.length < rest.length;
  const shape = shaper(resource, true);
  return {
    resourceVersion: String(revision),
    continue: more ? `${revision}:${keyOf(last)}` : '',
    items: options.metadataOnly === true ? items.map((item) => frozenJson(shape(item))) : items,
  };
}

function startOf(attempt: string, store: ModelStore, options: ListOptions): Start {
  const { continue: token = '', resourceVersionMatch, limit = 0 } = options;
  if (token !== '') {
    const [, revision = '', after = ''] = /^(\d+):(.+)$/.exec(token) ?? [];
    if (after === '') throw badRequest(attempt, 'continue key is not valid: unknown format');
    return { revision: Number(revision), after };
  }
  const wanted = versionOf(attempt, options.resourceVersion);
  const exact =
    resourceVersionMatch === 'Exact' ||
    (resourceVersionMatch === undefined && limit > 0 && wanted > 0);
  return { revision: exact ? wanted : store.revision, after: '' };
}
