// The kinds that the model cluster serves: defaults, pruning, validation and list types of each.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import { invalid } from './refusals.ts';
import type { Cause } from './schema-causes.ts';
import { CORE_FILLERS } from './schema-core.ts';
import { CORE_CHECKS, metadataCauses } from './schema-core-checks.ts';
import { HTTP_ROUTE_SCHEMA } from './schema-gateway.ts';
import { coreListTypes } from './schema-lists.ts';
import { type RuleEvaluator, ruleEvaluator } from './schema-rules.ts';
import { fillerOf, listTypesOf, pruned, type StructuralSchema } from './schema-structure.ts';
import { validatorOf } from './schema-validate.ts';
import { fieldsOf, isObject, itemsOf } from './schema-values.ts';
import { kindOf } from './strategies.ts';

/** How lists merge in server-side apply, by path: `spec.ports` style, list indices left out. */
export interface ListTypes {
  /** Keys of the list map at this path; null = the list is one thing; [] = a set. */
  keysAt(path: string): readonly string[] | null;
  /** Whether the object at this path is owned as one thing. Absent = none is. */
  wholeAt?(path: string): boolean;
}

export interface KindRegistry {
  /** The object with defaults, without unknown fields. Throws `invalid` (422) with causes. `before`: null on creation. */
  admit(
    resource: Resource,
    object: KubeObject,
    before: KubeObject | null,
    subresource?: string,
  ): KubeObject;
  lists(resource: Resource): ListTypes;
  hasStatus(resource: Resource): boolean;
  find(apiVersion: string, kind: string): Resource | null;
}

/** One kind in one version. */
interface Kind {
  readonly resource: Resource;
  readonly hasStatus: boolean;
  readonly lists: ListTypes;
  /** Fills in and cuts off. */
  prepare(object: KubeObject, before: KubeObject | null): KubeObject;
  judge(object: KubeObject, before: KubeObject | null): readonly Cause[];
}

const WITHOUT_STATUS: ReadonlySet<string> = new Set([
  '/configmaps',
  '/secrets',
  '/events',
  'events.k8s.io/events',
  'apps/controllerrevisions',
  'coordination.k8s.io/leases',
  'discovery.k8s.io/endpointslices',
]);

/**
 * Custom resources are served as their CRDs say, parsed as JSON; of our own kinds only those whose CRD is given. HTTPRoute
 * is there without, too. `evaluator` judges the rules (CEL) of the CRDs.
 */
export function createKinds(
  crds: readonly KubeObject[],
  evaluator: RuleEvaluator = ruleEvaluator(),
): KindRegistry {
  const kinds = new Map<string, Kind>();
  const byName = new Map<string, Resource>();
  const add = (kind: Kind): void => {
    const { group, version, kind: name } = kind.resource;
    kinds.set(idOf(kind.resource), kind);
    byName.set(`${group === '' ? version : `${group}/${version}`} ${name}`, kind.resource);
  };
  for (const resource of Object.values(RESOURCES)) {
    if (resource.group !== 'serin.dev') add(coreKind(resource, evaluator));
  }
  for (const crd of crds) for (const kind of customKinds(crd, evaluator)) add(kind);
  const kindFor = (resource: Resource): Kind => {
    const known = kinds.get(idOf(resource));
    if (known === undefined) throw new RangeError(`the model serves no ${idOf(resource)}`);
    return known;
  };
  return {
    admit: (resource, object, before, subresource) =>
      admitted(kindFor(resource), object, before, subresource),
    lists: (resource) => kindFor(resource).lists,
    hasStatus: (resource) => kindFor(resource).hasStatus,
    find: (apiVersion, kind) => byName.get(`${apiVersion} ${kind}`) ?? null,
  };
}

function idOf({ group, version, plural }: Resource): string {
  return `${group}/${version}/${plural}`;
}

function admitted(
  kind: Kind,
  object: KubeObject,
  before: KubeObject | null,
  subresource: string | undefined,
): KubeObject {
  const prepared = kind.prepare(object, before);
  const causes = [...metadataCauses(prepared, before), ...kind.judge(prepared, before)];
  if (causes.length === 0) return prepared;
  const { name, namespace } = object.metadata;
  const key = namespace === undefined ? { name } : { namespace, name };
  const verb = before === null ? 'create' : 'update';
  throw invalid({ verb, resource: kind.resource, key, subresource }, causes);
}

function coreKind(resource: Resource, evaluator: RuleEvaluator): Kind {
  if (resource.plural === 'httproutes') {
    return schemaKind(resource, HTTP_ROUTE_SCHEMA, { hasStatus: true, evaluator });
  }
  const kind = kindOf(resource);
  const fill = CORE_FILLERS[kind];
  const check = CORE_CHECKS[kind];
  return {
    resource,
    hasStatus: !WITHOUT_STATUS.has(kind),
    lists: coreListTypes(kind),
    prepare: (object, before) => fill?.(object, before) ?? object,
    judge: (object, before) => check?.(object, before) ?? [],
  };
}

function customKinds(crd: KubeObject, evaluator: RuleEvaluator): readonly Kind[] {
  const spec = fieldsOf(crd['spec']);
  const names = fieldsOf(spec['names']);
  return itemsOf(spec['versions']).flatMap((item) => {
    const version = fieldsOf(item);
    const schema = fieldsOf(version['schema'])['openAPIV3Schema'];
    if (version['served'] !== true || !isObject(schema)) return [];
    const resource: Resource = Object.freeze({
      group: String(spec['group']),
      version: String(version['name']),
      plural: String(names['plural']),
      kind: String(names['kind']),
      namespaced: spec['scope'] === 'Namespaced',
    });
    const hasStatus = isObject(fieldsOf(version['subresources'])['status']);
    return [schemaKind(resource, schema, { hasStatus, evaluator })];
  });
}

function schemaKind(
  resource: Resource,
  schema: StructuralSchema,
  { hasStatus, evaluator }: { readonly hasStatus: boolean; readonly evaluator: RuleEvaluator },
): Kind {
  const fill = fillerOf(schema);
  const validator = validatorOf(schema, evaluator);
  return {
    resource,
    hasStatus,
    lists: listTypesOf(schema),
    prepare: (object) => {
      const known = pruned(object, schema);
      return (fill === null ? known : fill(known)) as KubeObject;
    },
    judge: (object, before) => validator.validate(object, before ?? undefined),
  };
}
