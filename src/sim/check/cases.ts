// The Canaries of a run as the checker knows them: their specs, the objects that they name, what is asked of a version.
import type { CanarySpec } from '../../api/canary.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Names, namesOf } from '../../api/names.ts';
import { readSpec } from '../../api/parse-canary.ts';
import type { Resource } from '../../client/client.ts';
import { RESOURCES } from '../../client/resources.ts';
import type { Change } from '../store/change.ts';
import { isOperators, same, templateOf } from './readings.ts';
import type { Truth } from './truth.ts';

export type Role =
  | 'canary'
  | 'target'
  | 'primary'
  | 'apex'
  | 'primaryService'
  | 'canaryService'
  | 'route'
  | 'scaler';

export interface Case {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  readonly canary: KubeObject;
  /** The last one that could be read. */
  readonly spec: CanarySpec;
  readonly names: Names;
  /** Where the objects are that it names; no route where its provider has none. */
  readonly places: ReadonlyMap<Role, Place>;
  readonly gone: boolean;
  /** When others last changed something that this Canary names, its own spec included. */
  readonly disturbedMs: number;
  /** The least that was asked of the target's version since it came. */
  readonly bar: Bar;
}

interface Place {
  readonly resource: Resource;
  readonly name: string;
}

export interface Bar {
  readonly version: string;
  readonly sinceMs: number;
  readonly passes: number;
  readonly skips: boolean;
  /** The weight that may be given after so many passed checks: at the index of their number. */
  readonly ladder: readonly number[];
}

export interface Claim {
  readonly of: Case;
  readonly role: Role;
}

/** What rollouts also depend on, under names that specs and templates give in many ways. */
const NOT_NAMED: ReadonlySet<string> = new Set([
  'configmaps',
  'secrets',
  'horizontalpodautoscalers',
  'ingresses',
  'metrictemplates',
]);
/** Where users write. */
const CONTENT = ['spec', 'data', 'binaryData'] as const;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Cases {
  readonly #truth: Truth;
  readonly #byUid = new Map<string, Mutable<Case>>();
  readonly #byNamespace = new Map<string, readonly Case[]>();
  readonly #claims = new Map<string, readonly Claim[]>();
  /** Every guard asks about the same object: the answer is kept until claims move. */
  #asked: { readonly object: KubeObject; readonly claims: readonly Claim[] } | null = null;

  constructor(truth: Truth) {
    this.#truth = truth;
    for (const canary of truth.store.list(RESOURCES.canaries)) this.#take(canary);
  }

  /** To be told of each commit before any guard looks at it. */
  commit(change: Change): void {
    const { resource, object, before } = change;
    if (resource.plural === 'canaries') this.#canary(change);
    const claims = this.claims(resource, object);
    const byOthers = !isOperators(change);
    const loose = byOthers && NOT_NAMED.has(resource.plural);
    if (claims.length === 0 && !loose) return;
    const moved =
      change.type !== 'MODIFIED' || CONTENT.some((field) => !same(before?.[field], object[field]));
    if (!moved) return;
    for (const { of, role } of claims) {
      const known = this.#byUid.get(of.uid);
      if (known === undefined) continue;
      if (byOthers) known.disturbedMs = this.#truth.nowMs();
      if (role === 'target' || role === 'canary') known.bar = this.#bar(known);
    }
    if (!loose) return;
    for (const { uid } of this.inNamespace(object.metadata.namespace ?? '')) {
      const known = this.#byUid.get(uid);
      if (known !== undefined) known.disturbedMs = this.#truth.nowMs();
    }
  }

  get all(): readonly Case[] {
    return [...this.#byUid.values()];
  }

  get live(): readonly Case[] {
    return this.all.filter(({ gone }) => !gone);
  }

  /** Those that live there. */
  inNamespace(namespace: string): readonly Case[] {
    return this.#byNamespace.get(namespace) ?? [];
  }

  get(uid: string): Case | null {
    return this.#byUid.get(uid) ?? null;
  }

  /** Which Canaries name this object, and as what. Those that are gone name nothing. */
  claims(resource: Resource, object: KubeObject): readonly Claim[] {
    if (this.#asked?.object === object) return this.#asked.claims;
    const { namespace = '', name } = object.metadata;
    const claims = this.#claims.get(claimKey(resource, namespace, name)) ?? [];
    this.#asked = { object, claims };
    return claims;
  }

  /** The object in that role as the store has it now. */
  object(of: Case, role: Role): KubeObject | null {
    const place = of.places.get(role);
    if (place === undefined) return null;
    return this.#truth.store.get(place.resource, { namespace: of.namespace, name: place.name });
  }

  /** Others changed something so lately that a write cannot be held to it. */
  excused(of: Case, ...deployments: readonly string[]): boolean {
    const lost = deployments.map((name) => this.#truth.podsLostMs(of.namespace, name));
    const last = Math.max(of.disturbedMs, ...lost);
    return this.#truth.nowMs() - last < this.#truth.bounds.graceMs;
  }

  #canary({ type, object }: Change): void {
    if (type !== 'DELETED') {
      this.#take(object);
      return;
    }
    const known = this.#byUid.get(object.metadata.uid ?? '');
    if (known === undefined) return;
    known.canary = object;
    known.gone = true;
    this.#drop(known);
  }

  #take(canary: KubeObject): void {
    const { uid = '', namespace = '', name, creationTimestamp = '' } = canary.metadata;
    const known = this.#byUid.get(uid);
    if (known !== undefined && same(known.canary['spec'], canary['spec'])) {
      known.canary = canary;
      return;
    }
    const { spec } = readSpec(canary, { defaultProvider: this.#truth.defaultProvider });
    if (spec === null) {
      if (known !== undefined) known.canary = canary;
      return;
    }
    if (known !== undefined) this.#drop(known);
    const made: Mutable<Case> = {
      uid,
      namespace,
      name,
      createdAt: creationTimestamp,
      canary,
      spec,
      names: namesOf(spec),
      places: placesOf(name, spec),
      gone: false,
      disturbedMs: this.#truth.nowMs(),
      bar: known?.bar ?? { version: '', sinceMs: 0, passes: 0, skips: false, ladder: [] },
    };
    made.bar = this.#bar(made);
    this.#asked = null;
    this.#byUid.set(uid, made);
    this.#byNamespace.set(namespace, [...this.inNamespace(namespace), made]);
    for (const [role, place] of made.places) {
      const key = claimKey(place.resource, namespace, place.name);
      this.#claims.set(key, [...(this.#claims.get(key) ?? []), { of: made, role }]);
    }
  }

  #drop(known: Case): void {
    this.#asked = null;
    const { namespace, uid } = known;
    const others = this.inNamespace(namespace).filter((of) => of.uid !== uid);
    this.#byNamespace.set(namespace, others);
    for (const [key, claims] of this.#claims) {
      const left = claims.filter(({ of }) => of.uid !== known.uid);
      if (left.length === claims.length) continue;
      if (left.length === 0) this.#claims.delete(key);
      else this.#claims.set(key, left);
    }
  }

  /** A spec that asks less, in the middle of a version, holds for this version; one that gives more, too. */
  #bar(of: Case): Bar {
    const template = templateOf(this.object(of, 'target'));
    const version = template === null ? '' : this.#truth.versionOf(template);
    const ladder = ladderOf(of.spec);
    const asked = { passes: ladder.length - 1, skips: of.spec.skipAnalysis, ladder };
    if (version !== of.bar.version || of.bar.ladder.length === 0)
      return { version, sinceMs: this.#truth.nowMs(), ...asked };
    const highest = Array.from(
      { length: Math.max(ladder.length, of.bar.ladder.length) },
      (_, passes) => Math.max(weightAfter(ladder, passes), weightAfter(of.bar.ladder, passes)),
    );
    return {
      ...of.bar,
      passes: Math.min(of.bar.passes, asked.passes),
      skips: of.bar.skips || asked.skips,
      ladder: highest,
    };
  }
}

/** The weight that may be given after so many passed checks. */
export function weightAfter(ladder: readonly number[], passes: number): number {
  return ladder[Math.min(passes, ladder.length - 1)] ?? 0;
}

/** After the last passed check comes promotion: blue/green may give the canary everything then. */
function ladderOf({ analysis: { strategy } }: CanarySpec): readonly number[] {
  switch (strategy.kind) {
    case 'weighted':
      return [...strategy.weights, strategy.weights.at(-1) ?? 0];
    case 'blue-green':
      return [...Array.from({ length: strategy.iterations }, () => 0), 100];
  }
}

function placesOf(canary: string, spec: CanarySpec): ReadonlyMap<Role, Place> {
  const names = namesOf(spec);
  const { deployments, services, canaries, horizontalPodAutoscalers } = RESOURCES;
  const places = new Map<Role, Place>([
    ['canary', { resource: canaries, name: canary }],
    ['target', { resource: deployments, name: names.target }],
    ['primary', { resource: deployments, name: names.targetPrimary }],
    ['apex', { resource: services, name: names.apex }],
    ['primaryService', { resource: services, name: names.primary }],
    ['canaryService', { resource: services, name: names.canary }],
  ]);
  if (names.hpaPrimary !== null)
    places.set('scaler', { resource: horizontalPodAutoscalers, name: names.hpaPrimary });
  if (spec.provider.startsWith('gatewayapi'))
    places.set('route', { resource: RESOURCES.httpRoutes, name: names.apex });
  else if (spec.ingressRef !== null && spec.provider.startsWith('nginx'))
    places.set('route', { resource: RESOURCES.ingresses, name: `${spec.ingressRef.name}-canary` });
  return places;
}

function claimKey({ plural }: Resource, namespace: string, name: string): string {
  return `${plural}/${namespace}/${name}`;
}
