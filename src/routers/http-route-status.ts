// What gateways say of an HTTPRoute: obeyed, not yet, or refused, for every parent that it must attach to.
import type { GatewayRef } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { RouteState } from './provider.ts';
import { isRecord, records } from './route-objects.ts';

export type Acceptance = Extract<RouteState, { kind: 'ours' }>['accepted'];
type Fields = Readonly<Record<string, unknown>>;

/** Both must be True at the route's generation: a gateway may accept a route whose backends it cannot resolve. */
const NEEDED = ['Accepted', 'ResolvedRefs'];
/** True when a gateway obeys a part of the route only. */
const PARTLY = 'PartiallyInvalid';

/**
 * `yes` when every parent has one controller that obeys the newest generation; an entry that a former controller left
 * behind does not count, a refusal at the newest generation always does.
 */
export function acceptance(object: KubeObject, parents: readonly GatewayRef[]): Acceptance {
  const entries = records(isRecord(object['status']) ? object['status']['parents'] : undefined);
  const { generation = 0, namespace = '' } = object.metadata;
  const answers = parents.map((parent) =>
    ofParent(
      parent,
      entries
        .filter((entry) => isParent(entry['parentRef'], parent, namespace))
        .map((entry) => ofEntry(entry, generation)),
    ),
  );
  return worst(answers) ?? { kind: 'waiting', why: 'the route names no gateway' };
}

function ofParent(parent: GatewayRef, answers: readonly Acceptance[]): Acceptance {
  const name = `${parent.kind} ${parent.name}`;
  const found =
    answers.find(({ kind }) => kind === 'refused') ??
    answers.find(({ kind }) => kind === 'yes') ??
    answers[0];
  if (found === undefined) return { kind: 'waiting', why: `${name} has not seen the route yet` };
  return found.kind === 'yes' ? found : { kind: found.kind, why: `${name}: ${found.why}` };
}

function ofEntry(entry: Fields, generation: number): Acceptance {
  const conditions = records(entry['conditions']);
  const controller = text(entry['controllerName']);
  const of = (type: string): Fields | undefined => conditions.find((each) => each['type'] === type);
  const current = (condition: Fields): boolean =>
    Number(condition['observedGeneration']) >= generation;
  for (const condition of conditions) {
    const bad = condition['type'] === PARTLY ? 'True' : 'False';
    const counts = condition['type'] === PARTLY || NEEDED.includes(text(condition['type']));
    if (counts && current(condition) && condition['status'] === bad) {
      const why = `${text(condition['type'])}=${bad}, ${text(condition['reason'])}`;
      return { kind: 'refused', why: `${why}: ${text(condition['message'])} (${controller})` };
    }
  }
  for (const type of NEEDED) {
    const condition = of(type);
    if (condition === undefined) return waiting(`${controller} does not say ${type} yet`);
    if (condition['observedGeneration'] === undefined) {
      return waiting(`${controller} does not say which generation its ${type} speaks of`);
    }
    if (!current(condition))
      return waiting(`${controller} has not seen generation ${generation} yet`);
    if (condition['status'] !== 'True')
      return waiting(`${controller} says ${type} is not known yet`);
  }
  return { kind: 'yes' };
}

/** A route's status repeats the reference as it was written or with its defaults. */
function isParent(reference: unknown, parent: GatewayRef, namespace: string): boolean {
  if (!isRecord(reference)) return false;
  return (
    (reference['group'] ?? 'gateway.networking.k8s.io') === parent.group &&
    (reference['kind'] ?? 'Gateway') === parent.kind &&
    reference['name'] === parent.name &&
    (reference['namespace'] ?? namespace) === (parent.namespace ?? namespace) &&
    (reference['sectionName'] ?? null) === parent.sectionName &&
    (reference['port'] ?? null) === parent.port
  );
}

function worst(answers: readonly Acceptance[]): Acceptance | undefined {
  return (
    answers.find(({ kind }) => kind === 'refused') ??
    answers.find(({ kind }) => kind === 'waiting') ??
    answers[0]
  );
}

function waiting(why: string): Acceptance {
  return { kind: 'waiting', why };
}

function text(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : 'unnamed';
}
