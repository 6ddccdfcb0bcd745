// The three patches that need no field managers: JSON Patch, JSON merge patch and strategic merge patch.
import { type KubeObject, keyOf } from '../../api/kubernetes.ts';
import type { JsonPatchOperation, Patch } from '../../client/client.ts';
import { sameJson } from './frozen-json.ts';
import { badRequest, refused } from './refusals.ts';
import { type Fields, isObject, itemsOf, withField, withoutField } from './schema-values.ts';

/** The object after the patch. `live` is left as it is, and what the patch does not touch is shared with it. */
export function patched(live: KubeObject, patch: Patch): KubeObject {
  switch (patch.type) {
    case 'json':
      return jsonPatched(live, patch.operations);
    case 'merge':
      return mergePatched(live, bodyOf(live, patch.body)) as KubeObject;
    case 'strategic':
      if (!isBuiltIn(live.apiVersion)) throw unsupported(live);
      return strategicPatched(live, bodyOf(live, patch.body), '') as KubeObject;
    case 'apply':
      throw new TypeError('an apply patch needs field managers: see apply.ts');
  }
}

function bodyOf(live: KubeObject, body: unknown): Fields {
  if (isObject(body)) return body;
  throw badRequest(
    attemptOn(live),
    'error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}',
  );
}

function attemptOn(live: KubeObject): string {
  return `patch ${live.kind.toLowerCase()} ${keyOf(live)}`;
}

/** Why an operation does not apply; the real server tells nobody. */
class Inapplicable extends Error {}

function jsonPatched(live: KubeObject, operations: readonly JsonPatchOperation[]): KubeObject {
  try {
    let value: unknown = live;
    for (const operation of operations) value = operated(value, operation);
    return value as KubeObject;
  } catch (error) {
    if (!(error instanceof Inapplicable)) throw error;
    throw refused(attemptOn(live), {
      // As the client reads it: with a test in the patch, somebody else may have written first.
      kind: operations.some(({ op }) => op === 'test') ? 'conflict' : 'invalid',
      code: 422,
      reason: 'Invalid',
      message: 'the server rejected our request due to an error in our request',
    });
  }
}

function operated(root: unknown, operation: JsonPatchOperation): unknown {
  const steps = stepsOf(operation.path);
  switch (operation.op) {
    case 'add':
      return placed(root, steps, { kind: 'add', value: operation.value ?? null });
    case 'replace':
      return placed(root, steps, { kind: 'replace', value: operation.value ?? null });
    case 'remove':
      return placed(root, steps, { kind: 'remove' });
    case 'test': {
      const found = valueAt(root, steps);
      if (!sameJson(found ?? null, operation.value ?? null)) throw new Inapplicable('test failed');
      return root;
    }
    case 'copy':
    case 'move': {
      const from = stepsOf(operation.from ?? '');
      const value = valueAt(root, from);
      if (value === undefined) throw new Inapplicable('nothing to take');
      const rest = operation.op === 'move' ? placed(root, from, { kind: 'remove' }) : root;
      return placed(rest, steps, { kind: 'add', value });
    }
  }
}

function stepsOf(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new Inapplicable('not a JSON pointer');
  const steps = pointer.slice(1).split('/');
  return pointer.includes('~')
    ? steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    : steps;
}

function valueAt(root: unknown, steps: readonly string[]): unknown {
  let value = root;
  for (const step of steps) {
    if (Array.isArray(value)) value = value[indexOf(step, value.length)];
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

type Placing =
  | { readonly kind: 'add' | 'replace'; readonly value: unknown }
  | { readonly kind: 'remove' };

function placed(value: unknown, steps: readonly string[], placing: Placing): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (placing.kind === 'remove') throw new Inapplicable('the whole object cannot be removed');
    return placing.value;
  }
  if (Array.isArray(value)) return placedInList(value, step, rest, placing);
  if (!isObject(value)) throw new Inapplicable(`nothing at ${step}`);
  const known = Object.hasOwn(value, step) && value[step] !== undefined;
  if (rest.length > 0) {
    if (!known) throw new Inapplicable(`nothing at ${step}`);
    return withField(value, step, placed(value[step], rest, placing));
  }
  if (!known && placing.kind !== 'add') throw new Inapplicable(`nothing at ${step}`);
  return placing.kind === 'remove'
    ? withoutField(value, step)
    : withField(value, step, placing.value);
}

function placedInList(
  list: readonly unknown[],
  step: string,
  rest: readonly string[],
  placing: Placing,
): unknown {
  const adds = rest.length === 0 && placing.kind === 'add';
  const index = adds && step === '-' ? list.length : indexOf(step, list.length + (adds ? 1 : 0));
  if (rest.length > 0) return list.with(index, placed(list[index], rest, placing));
  switch (placing.kind) {
    case 'add':
      return list.toSpliced(index, 0, placing.value);
    case 'replace':
      return list.with(index, placing.value);
    case 'remove':
      return list.toSpliced(index, 1);
  }
}

function indexOf(step: string, length: number): number {
  const index = /^(?:0|[1-9]\d*)$/.test(step) ? Number(step) : -1;
  if (index < 0 || index >= length) throw new Inapplicable(`no entry ${step}`);
  return index;
}

/** RFC 7386: null takes away, objects are merged, all else is replaced. */
function mergePatched(live: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base = isObject(live) ? live : {};
  let out: Record<string, unknown> | null = isObject(live) ? null : {};
  for (const key in patch) {
    const value = patch[key];
    if (value === undefined) continue;
    const next = value === null ? undefined : mergePatched(base[key], value);
    if (value === null ? !Object.hasOwn(base, key) : next === base[key]) continue;
    out ??= { ...base };
    if (value === null) delete out[key];
    else out[key] = next;
  }
  return out ?? base;
}

/** Lists of the core kinds that merge by a key, by the name of the field. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
  conditions: 'type',
  podIPs: 'ip',
};
/** Lists of plain values that are merged as sets. */
const MERGE_SETS: ReadonlySet<string> = new Set(['finalizers']);
const ORDER_OF = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

/** Ports of a container have a key of their own; those of an EndpointSlice none. */
function mergeKeyOf(field: string, parent: string): string | null {
  if (field !== 'ports') return MERGE_KEYS[field] ?? null;
  if (parent === 'spec') return 'port';
  return parent.endsWith('ontainers') ? 'containerPort' : null;
}

/** `parent`: the field that `live` is the value, or an entry, of. */
function strategicPatched(live: unknown, patch: Fields, parent: string): Fields {
  const base: Fields = isObject(live) && patch['$patch'] !== 'replace' ? live : {};
  if (patch['$patch'] === 'delete') return {};
  const out: Record<string, unknown> = { ...base };
  for (const key in patch) {
    const value = patch[key];
    if (value === undefined || key === '$patch' || key.startsWith(ORDER_OF)) continue;
    if (key.startsWith(DELETE_FROM)) {
      const field = key.slice(DELETE_FROM.length);
      const gone = itemsOf(value);
      out[field] = itemsOf(out[field]).filter((item) => !gone.includes(item));
    } else if (key === '$retainKeys') {
      for (const field of Object.keys(out)) if (!itemsOf(value).includes(field)) delete out[field];
    } else if (value === null) delete out[key];
    else if (isObject(value)) {
      if (value['$patch'] === 'delete') delete out[key];
      else out[key] = strategicPatched(out[key], value, key);
    } else if (Array.isArray(value)) out[key] = strategicList(out[key], value, key, parent);
    else out[key] = value;
  }
  return sameJson(out, base) && isObject(live) ? live : out;
}

function strategicList(
  live: unknown,
  patch: readonly unknown[],
  field: string,
  parent: string,
): readonly unknown[] {
  if (MERGE_SETS.has(field)) return [...new Set([...itemsOf(live), ...patch])];
  const key = mergeKeyOf(field, parent);
  if (key === null) return patch;
  const replaces = patch.some((item) => isObject(item) && item['$patch'] === 'replace');
  const out = replaces ? [] : [...itemsOf(live)];
  for (const item of patch) {
    if (!isObject(item) || item['$patch'] === 'replace') continue;
    const at = out.findIndex((one) => isObject(one) && one[key] === item[key]);
    if (item['$patch'] === 'delete') {
      if (at >= 0) out.splice(at, 1);
    } else if (at >= 0) out[at] = strategicPatched(out[at], item, field);
    else out.push(strategicPatched({}, item, field));
  }
  return out;
}

function isBuiltIn(apiVersion: string): boolean {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  return (
    !group.includes('.') || (group.endsWith('.k8s.io') && group !== 'gateway.networking.k8s.io')
  );
}

function unsupported(live: KubeObject): Error {
  return refused(attemptOn(live), {
    kind: 'invalid',
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  });
}
