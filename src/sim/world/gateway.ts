// A Gateway API implementation: takes HTTPRoutes late, obeys them in the data plane, and says in their status what it did.
import type { Condition, KubeObject } from '../../api/kubernetes.ts';
import type { Clock } from '../../clock/clock.ts';
import { rfc3339 } from '../../clock/time-format.ts';
import { RESOURCES } from '../../client/resources.ts';
import { isRecord, records } from '../../routers/route-objects.ts';
import type { Change, Writer } from '../store/change.ts';
import type { ModelStore } from '../store/model-store.ts';
import type { Backend, DataPlane, Table } from './proxies.ts';

/** What a gateway has against a route. Its status says so, and what was in force stays in force. */
export interface Refusal {
  /** Accepted and ResolvedRefs turn False, PartiallyInvalid turns True. */
  readonly condition: 'Accepted' | 'ResolvedRefs' | 'PartiallyInvalid';
  readonly reason: string;
  readonly message: string;
}

export interface GatewayDelays {
  /** From a write to the moment at which requests go by it. */
  readonly routeMs: number;
  /** From a write to the status that speaks of it: may be sooner or later than the routing. */
  readonly statusMs: number;
}

export interface GatewayOptions {
  readonly clock: Clock;
  readonly store: Pick<ModelStore, 'get' | 'list' | 'patch' | 'onCommit'>;
  readonly plane: DataPlane;
  readonly controllerName?: string;
  /** Asked once for each change. Default 50 ms and 100 ms. */
  readonly delays?: (route: KubeObject) => GatewayDelays;
  /** Whether this gateway answers for a parent of this name. Default: every one. */
  readonly owns?: (parentName: string) => boolean;
}

/** A route of the cluster, as far as the gateway has got with it. */
interface Seen {
  /** The newest that the status speaks of; null before the first. */
  told: KubeObject | null;
  /** The newest that requests go by. */
  obeyed: KubeObject | null;
}

type Fields = Readonly<Record<string, unknown>>;

const HTTP_ROUTES = RESOURCES.httpRoutes;
const BY: Writer = { user: 'system:serviceaccount:gateway:controller', manager: 'gateway' };
const DELAYS: GatewayDelays = { routeMs: 50, statusMs: 100 };

export class Gateway {
  readonly #parts: GatewayOptions;
  readonly #controllerName: string;
  readonly #seen = new Map<string, Seen>();
  readonly #refusals = new Map<string, Refusal>();
  #away = false;

  constructor(parts: GatewayOptions) {
    this.#parts = parts;
    this.#controllerName = parts.controllerName ?? 'serin.test/gateway';
    for (const route of parts.store.list(HTTP_ROUTES)) this.#take(route);
    parts.store.onCommit((change) => this.#onCommit(change));
  }

  /** From now on refuses what is written to this route, and says so at once of what it has seen; null = no longer. */
  refuse(namespace: string, name: string, refusal: Refusal | null): void {
    const key = `${namespace}/${name}`;
    if (refusal === null) this.#refusals.delete(key);
    else this.#refusals.set(key, refusal);
    const route = this.#parts.store.get(HTTP_ROUTES, { namespace, name });
    if (route === null || this.#away) return;
    this.#tell(key, route);
    if (refusal === null) this.#obey(key, route);
  }

  /** While away it takes nothing and says nothing; what was in force stays. Back again, it takes all there is. */
  away(away: boolean): void {
    if (this.#away === away) return;
    this.#away = away;
    if (away) return;
    const live = this.#parts.store.list(HTTP_ROUTES);
    const names = new Set(live.map(keyOf));
    for (const key of this.#seen.keys()) if (!names.has(key)) this.#drop(key);
    for (const route of live) this.#take(route);
  }

  #onCommit({ resource, type, object, before }: Change): void {
    if (resource.plural === 'services' && resource.group === '' && type !== 'MODIFIED') {
      this.#lookAgain(object);
    }
    if (resource.plural !== HTTP_ROUTES.plural || resource.group !== HTTP_ROUTES.group) return;
    if (this.#away) return;
    if (type === 'DELETED') {
      this.#later(this.#delaysOf(object).routeMs, () => this.#forget(object));
      return;
    }
    // Its own status and plain metadata move no generation.
    if (before !== null && before.metadata.generation === object.metadata.generation) return;
    this.#take(object);
  }

  /** A Service that came or went changes what the references of a route resolve to. */
  #lookAgain(service: KubeObject): void {
    const { namespace = '', name } = service.metadata;
    for (const [key, { told }] of this.#seen) {
      if (told === null || told.metadata.namespace !== namespace) continue;
      if (!backendsOf(told).some((backend) => backend.service === name)) continue;
      this.#later(this.#delaysOf(told).statusMs, () => {
        const { told: now } = this.#seen.get(key) ?? { told: null };
        if (now !== null) this.#tell(key, now);
      });
    }
  }

  #take(route: KubeObject): void {
    const key = keyOf(route);
    if (!this.#seen.has(key)) this.#seen.set(key, { told: null, obeyed: null });
    const { routeMs, statusMs } = this.#delaysOf(route);
    this.#later(routeMs, () => this.#obey(key, route));
    this.#later(statusMs, () => this.#tell(key, route));
  }

  #obey(key: string, route: KubeObject): void {
    const seen = this.#seen.get(key);
    if (seen === undefined || isOlder(route, seen.obeyed)) return;
    // Told only in part, it still obeys: that is what partly means.
    const refusal = this.#refusals.get(key);
    if (refusal !== undefined && refusal.condition !== 'PartiallyInvalid') return;
    if (this.#parentsOf(route).length === 0) return;
    seen.obeyed = route;
    const { namespace = '', name } = route.metadata;
    this.#parts.plane.obey(namespace, name, 'gateway', tableOf(route));
    if (seen.told !== null && !isOlder(seen.told, route)) this.#tell(key, seen.told);
  }

  #forget(route: KubeObject): void {
    const { namespace = '', name } = route.metadata;
    const live = this.#parts.store.get(HTTP_ROUTES, { namespace, name });
    if (live === null) this.#drop(keyOf(route));
  }

  #drop(key: string): void {
    this.#seen.delete(key);
    const [namespace = '', name = ''] = key.split('/');
    this.#parts.plane.obey(namespace, name, 'gateway', null);
  }

  /** Writes what it makes of `route`, which the live object may have left behind; nothing if it says so already. */
  #tell(key: string, route: KubeObject): void {
    const { store } = this.#parts;
    const seen = this.#seen.get(key);
    const { namespace = '', name } = route.metadata;
    const live = store.get(HTTP_ROUTES, { namespace, name });
    if (seen === undefined || live === null || live.metadata.uid !== route.metadata.uid) return;
    if (isOlder(route, seen.told)) return;
    seen.told = route;
    const held = isRecord(live['status']) ? records(live['status']['parents']) : [];
    const [ours, others] = [held.filter(this.#isOurs), held.filter((each) => !this.#isOurs(each))];
    const conditions = this.#conditionsOf(key, route);
    const entries = this.#parentsOf(route).map((parentRef) =>
      this.#entry(parentRef, conditions, ours),
    );
    const parents = [...others, ...entries];
    if (JSON.stringify(parents) === JSON.stringify(held)) return;
    const body = { status: { parents } };
    store.patch(HTTP_ROUTES, { namespace, name }, { type: 'merge', body }, BY, {
      subresource: 'status',
    });
  }

  readonly #isOurs = (entry: Fields): boolean => entry['controllerName'] === this.#controllerName;

  #entry(
    parentRef: Fields,
    conditions: readonly Omit<Condition, 'lastTransitionTime'>[],
    held: readonly Fields[],
  ): Fields {
    const text = JSON.stringify(parentRef);
    const former = held.find((each) => JSON.stringify(each['parentRef']) === text);
    const now = rfc3339(this.#parts.clock.now());
    return {
      parentRef,
      controllerName: this.#controllerName,
      conditions: conditions.map(({ type, status, ...rest }) => {
        const old = records(former?.['conditions']).find((each) => each['type'] === type);
        const since = old?.['status'] === status ? old['lastTransitionTime'] : now;
        return { ...rest, type, status, lastTransitionTime: since };
      }),
    };
  }

  #conditionsOf(key: string, route: KubeObject): readonly Omit<Condition, 'lastTransitionTime'>[] {
    const observedGeneration = route.metadata.generation ?? 0;
    const say = (type: string, problem: Omit<Refusal, 'condition'> | null, good: string) => ({
      type,
      status: problem === null ? ('True' as const) : ('False' as const),
      reason: problem?.reason ?? good,
      message: problem?.message ?? '',
      observedGeneration,
    });
    const refusal = this.#refusals.get(key) ?? null;
    const refused = (type: string): Refusal | null =>
      refusal?.condition === type ? refusal : null;
    const { obeyed } = this.#seen.get(key) ?? { obeyed: null };
    const pending =
      obeyed !== null && !isOlder(obeyed, route)
        ? null
        : { reason: 'Pending', message: 'the route is not in force yet' };
    const partly = refused('PartiallyInvalid');
    return [
      say('Accepted', refused('Accepted'), 'Accepted'),
      say('ResolvedRefs', refused('ResolvedRefs') ?? this.#unresolved(route), 'ResolvedRefs'),
      say('Programmed', pending, 'Programmed'),
      ...(partly === null
        ? []
        : [{ ...say('PartiallyInvalid', partly, ''), status: 'True' as const }]),
    ];
  }

  #unresolved(route: KubeObject): Omit<Refusal, 'condition'> | null {
    const { namespace = '' } = route.metadata;
    const lost = backendsOf(route).find(
      ({ service }) =>
        this.#parts.store.get(RESOURCES.services, { namespace, name: service }) === null,
    );
    if (lost === undefined) return null;
    return { reason: 'BackendNotFound', message: `service "${lost.service}" not found` };
  }

  #parentsOf(route: KubeObject): readonly Fields[] {
    const spec = isRecord(route['spec']) ? route['spec'] : {};
    const { owns } = this.#parts;
    const parents = records(spec['parentRefs']);
    return owns === undefined ? parents : parents.filter(({ name }) => owns(String(name)));
  }

  #delaysOf(route: KubeObject): GatewayDelays {
    return this.#parts.delays?.(route) ?? DELAYS;
  }

  #later(delayMs: number, run: () => void): void {
    this.#parts.clock.newTimer(delayMs, () => {
      if (!this.#away) run();
    });
  }
}

/** The traffic of the model takes the first rule; Serin writes no other. */
function tableOf(route: KubeObject): Table {
  const spec = isRecord(route['spec']) ? route['spec'] : {};
  const { hostnames } = spec;
  const [rule] = records(spec['rules']);
  return {
    by: 'gateway',
    name: route.metadata.name,
    hosts: Array.isArray(hostnames) ? hostnames.map(String) : [],
    backends: rule === undefined ? [] : backendsOfRule(rule, route.metadata.namespace ?? ''),
  };
}

function backendsOf(route: KubeObject): readonly Backend[] {
  const rules = isRecord(route['spec']) ? records(route['spec']['rules']) : [];
  return rules.flatMap((rule) => backendsOfRule(rule, route.metadata.namespace ?? ''));
}

/** A backend of another namespace leads nowhere: the model has no ReferenceGrant. */
function backendsOfRule(rule: Fields, namespace: string): readonly Backend[] {
  return records(rule['backendRefs']).map(
    ({ name, namespace: other = namespace, port, weight }) => ({
      service: other === namespace ? String(name) : `${String(other)}/${String(name)}`,
      port: typeof port === 'number' ? port : null,
      weight: typeof weight === 'number' ? weight : 1,
      canary: false,
    }),
  );
}

/** True if `a` is an earlier state than `b`, or of an earlier life of that name. Status and metadata do not count. */
function isOlder(a: KubeObject, b: KubeObject | null): boolean {
  if (b === null) return false;
  if (a.metadata.uid !== b.metadata.uid) {
    return Number(a.metadata.resourceVersion) < Number(b.metadata.resourceVersion);
  }
  return (a.metadata.generation ?? 0) < (b.metadata.generation ?? 0);
}

function keyOf(route: KubeObject): string {
  return `${route.metadata.namespace ?? ''}/${route.metadata.name}`;
}
