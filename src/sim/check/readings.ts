// Readings of objects that several invariants share: weights of a route, sizes, owners, what a selector finds.
import { OWNED_BY } from '../../api/canary.ts';
import { isObject } from '../../api/json.ts';
import type { Deployment, KubeObject, PodTemplate, Service } from '../../api/kubernetes.ts';
import type { Change } from '../store/change.ts';

/** The user as which the operator's replicas write. */
const OPERATOR = 'operator';

/** Backends of one rule as they are written; a weight that is no number stays what it is. */
export type Weighing = readonly { readonly name: string; readonly weight: unknown }[];

/** Stands for the Service that the user's own Ingress names. */
export const REST = '';
const NGINX_WEIGHT = /\/canary-weight$/;

/** One entry for each rule of an HTTPRoute; for a canary Ingress one. */
export function weighingsOf(route: KubeObject): readonly Weighing[] {
  const spec = isObject(route['spec']) ? route['spec'] : {};
  if (route.kind !== 'Ingress')
    return listOf(spec['rules']).map((rule) =>
      listOf(rule['backendRefs']).map(({ name, weight = 1 }) => ({ name: String(name), weight })),
    );
  const annotations = Object.entries(route.metadata.annotations ?? {});
  const text = annotations.find(([key]) => NGINX_WEIGHT.test(key))?.[1] ?? '0';
  const weight = /^-?\d+$/.test(text) ? Number(text) : text;
  const rest = typeof weight === 'number' ? 100 - weight : 0;
  return [
    [
      { name: ingressBackend(spec), weight },
      { name: REST, weight: rest },
    ],
  ];
}

function ingressBackend(spec: Readonly<Record<string, unknown>>): string {
  const backends = [
    spec['defaultBackend'],
    ...listOf(spec['rules']).flatMap((rule) =>
      listOf(isObject(rule['http']) ? rule['http']['paths'] : []).map((path) => path['backend']),
    ),
  ];
  for (const backend of backends) {
    const service = isObject(backend) ? backend['service'] : undefined;
    if (isObject(service)) return String(service['name']);
  }
  return '';
}

/** The largest percentage that any rule gives to one of these Services; 0 without a route. */
export function shareOf(route: KubeObject | null, services: readonly string[]): number {
  const shares = (route === null ? [] : weighingsOf(route)).map((weighing) => {
    const sum = (all: Weighing) => all.reduce((total, { weight }) => total + numberOf(weight), 0);
    const total = sum(weighing);
    return total <= 0
      ? 0
      : (100 * sum(weighing.filter(({ name }) => services.includes(name)))) / total;
  });
  return Math.max(0, ...shares);
}

function numberOf(weight: unknown): number {
  return typeof weight === 'number' && weight > 0 ? weight : 0;
}

export function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function templateOf(workload: KubeObject | null): PodTemplate | null {
  return (workload as Deployment | null)?.spec?.template ?? null;
}

export function replicasOf(workload: KubeObject | null): number {
  return workload === null ? 0 : ((workload as Deployment).spec?.replicas ?? 1);
}

/** Whether a Service's selector finds the pods of a workload. */
export function selects(service: KubeObject | null, workload: KubeObject | null): boolean {
  const selector = Object.entries((service as Service | null)?.spec?.selector ?? {});
  const labels = templateOf(workload)?.metadata?.labels ?? {};
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

/** Uids of the Canaries that an object belongs to, by reference or by mark. */
export function ownersOf({ metadata }: KubeObject): readonly string[] {
  const mark = metadata.annotations?.[OWNED_BY];
  const referred = (metadata.ownerReferences ?? [])
    .filter(({ kind }) => kind === 'Canary')
    .map(({ uid }) => uid);
  return mark === undefined || referred.includes(mark) ? referred : [...referred, mark];
}

export function same(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left))
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((each, index) => same(each, right[index]))
    );
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => key in right && same(left[key], right[key]))
  );
}

/** The object is deleted now, or as soon as its finalizers let it go. */
export function deletes({ type, object, before }: Change): boolean {
  const dying = object.metadata.deletionTimestamp !== undefined;
  return type === 'DELETED' || (dying && before?.metadata.deletionTimestamp === undefined);
}

export function isOperators(change: Change): boolean {
  return change.by.user === OPERATOR;
}
