// Services and route as they are, and since when the route that was written is in force.
import type { Canary, Problem } from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import type { KubeObject, PodTemplate, Service } from '../api/kubernetes.ts';
import { asInstant, type Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';
import { later } from '../decision/record.ts';
import type { Present, RouteFacts, Services } from '../decision/world.ts';
import type { RouterInput, RouterProvider, RouteState } from '../routers/provider.ts';
import { intact, renderServices, serviceConflicts } from '../workloads/services.ts';
import { leftOver, writerOf } from './ownership.ts';

/** On the apex Service: when Serin last moved its selector. */
export const APEX_SINCE = 'serin.dev/apex-since';

export interface ServicesInput {
  readonly canary: Canary;
  readonly template: PodTemplate;
  readonly label: { readonly key: string; readonly value: string };
  readonly live: {
    readonly apex: Service | null;
    readonly primary: Service | null;
    readonly canary: Service | null;
  };
}

export interface ServicesSeen {
  readonly facts: Services;
  readonly problems: readonly Problem[];
}

export function observeServices(input: ServicesInput): ServicesSeen {
  const { canary, template, label, live } = input;
  const liveApex = live.apex ?? undefined;
  const wanted = renderServices({ canary, template, label, apexTo: 'primary', liveApex });
  const present = (object: Service | null, want: Service): Present =>
    object === null ? 'absent' : intact(object, want) ? 'right' : 'wrong';
  // One that an earlier Canary left is written once more, to be ours: else nobody would ever take it away.
  const claimed = (object: Service | null, want: Service): Present =>
    object !== null && leftOver(object, canary) ? 'wrong' : present(object, want);
  const since = live.apex?.metadata.annotations?.[APEX_SINCE];
  const facts: Services = {
    primary: claimed(live.primary, wanted.primary),
    canary: claimed(live.canary, wanted.canary),
    apex: present(live.apex, wanted.apex),
    apexSelects: selects(live.apex, label),
    apexVersion: live.apex?.metadata.resourceVersion ?? '',
    apexSince: since === undefined ? null : parseTime(since),
    apexWriter: writerOf(live.apex, ['spec', 'selector']),
  };
  const problems = (['apex', 'primary', 'canary'] as const).flatMap((name) =>
    serviceConflicts(live[name] ?? undefined, wanted[name]),
  );
  return { facts, problems };
}

function selects(
  apex: Service | null,
  label: { readonly key: string; readonly value: string },
): Services['apexSelects'] {
  const selector = apex?.spec.selector;
  if (selector === undefined || Object.keys(selector).length === 0) return 'nothing';
  if (selector[label.key] === `${label.value}-primary`) return 'primary';
  return selector[label.key] === label.value ? 'target' : 'other';
}

/** What was made of the same things for the same wish: most looks come after something else moved. */
class Same<T> {
  readonly #known = new Map<string, { readonly of: readonly unknown[]; readonly made: T }>();

  get(key: string, of: readonly unknown[], make: () => T): T {
    const known = this.#known.get(key);
    const same =
      known?.of.length === of.length && of.every((each, index) => each === known.of[index]);
    if (known !== undefined && same) return known.made;
    const made = make();
    this.#known.set(key, { of, made });
    return made;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}

/** Remembers, for each Canary, since when its present route is in force, and what its Services and routes came to. */
export class RouteMemory {
  readonly #seen = new Map<string, { readonly mark: string; readonly since: Instant | null }>();
  readonly #services = new Same<ServicesSeen>();
  readonly #routes = new Same<RouteRead>();

  services(key: string, of: readonly unknown[], look: () => ServicesSeen): ServicesSeen {
    return this.#services.get(key, of, look);
  }

  route(key: string, of: readonly unknown[], look: () => RouteRead): RouteRead {
    return this.#routes.get(key, of, look);
  }

  /** The route is not yet in force. */
  waiting(key: string, mark: string): void {
    this.#seen.set(key, { mark, since: null });
  }

  /** The route is in force; since when. `fallback` when it was so before we first looked. */
  inForce(key: string, mark: string, now: Instant, fallback: Instant): Instant {
    const known = this.#seen.get(key);
    const first =
      known?.mark === mark ? (known.since ?? now) : known === undefined ? fallback : now;
    // A time to come was noted before the clock was set back.
    const since = first > now ? now : first;
    this.#seen.set(key, { mark, since });
    return since;
  }

  forget(key: string): void {
    this.#services.forget(key);
    this.#routes.forget(key);
    this.#seen.delete(key);
  }
}

/** What the router makes of a spec and the live objects. */
interface RouteRead extends ReturnType<RouterProvider['validate']> {
  readonly state: RouteState;
  readonly missing: readonly Problem[];
}

export interface RouteInput {
  readonly key: string;
  readonly router: RouterProvider;
  readonly input: RouterInput;
  readonly memory: RouteMemory;
  readonly now: Instant;
}

export function observeRoute(look: RouteInput): {
  readonly facts: RouteFacts;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const { router, input } = look;
  const { canary, spec, objects } = input;
  const of = [router, spec, canary.uid, canary.name, canary.namespace, ...objects.values()];
  const { state, missing, refused, warned } = look.memory.route(look.key, of, () => ({
    state: router.read(input),
    missing: router.missing(input),
    ...router.validate(spec),
  }));
  const { facts, problems } = factsOf(look, state);
  const lacks = canary.deleting ? [] : missing;
  return { facts, problems: [...problems, ...refused, ...lacks], warnings: warned };
}

function factsOf(
  look: RouteInput,
  state: RouteState,
): { readonly facts: RouteFacts; readonly problems: readonly Problem[] } {
  const { router } = look;
  const canWeight = router.can.weight;
  const none = { canWeight, weight: NO_WEIGHT, revision: '', step: -1, intact: true };
  if (!canWeight) {
    const confirmed = { kind: 'yes', since: asInstant(0) } as const;
    return { facts: { ...none, state: 'split', confirmed }, problems: [] };
  }
  switch (state.kind) {
    case 'absent': {
      const confirmed = { kind: 'waiting', why: 'there is no route yet', until: null } as const;
      return { facts: { ...none, state: 'absent', confirmed }, problems: [] };
    }
    case 'foreign':
      return {
        facts: { ...none, state: 'absent', confirmed: { kind: 'refused', why: 'not ours' } },
        problems: [taken(state.object)],
      };
    case 'ours': {
      const confirmed = confirmation(look, state);
      const { route } = state;
      if (route.kind === 'apex')
        return {
          facts: {
            ...none,
            state: 'apex',
            trailing: route.trailing === true,
            intact: state.intact,
            confirmed,
          },
          problems: [],
        };
      const { canary: weight, revision, step } = route;
      return {
        facts: {
          canWeight,
          state: 'split',
          weight,
          revision,
          step,
          intact: state.intact,
          confirmed,
        },
        problems: [],
      };
    }
  }
}

function taken(object: string): Problem {
  return {
    reason: 'NameTaken',
    path: 'spec.service.name',
    message: `${object} is needed for the route and belongs to somebody else: delete it, or choose another spec.service.name`,
  };
}

function confirmation(
  look: RouteInput,
  state: Extract<RouteState, { kind: 'ours' }>,
): RouteFacts['confirmed'] {
  const { key, router, memory, now } = look;
  const { route, writtenAt, accepted } = state;
  const mark =
    route.kind === 'apex'
      ? `apex/${writtenAt}`
      : `${route.revision}/${route.step}/${route.canary}/${writtenAt}`;
  if (accepted.kind !== 'yes') {
    memory.waiting(key, mark);
    return accepted.kind === 'refused' ? accepted : { ...accepted, until: null };
  }
  if (router.confirms.by === 'status') {
    return { kind: 'yes', since: memory.inForce(key, mark, now, writtenAt) };
  }
  const written = writtenAt > now ? memory.inForce(key, mark, now, now) : writtenAt;
  const settled = later(written, router.confirms.settleMs);
  if (now < settled)
    return { kind: 'waiting', why: 'the ingress controller follows', until: settled };
  return { kind: 'yes', since: settled, writtenAt: written };
}

export function asService(object: KubeObject | undefined): Service | null {
  return object === undefined ? null : (object as Service);
}
