// Lines about where requests go: the route carries what the status chose, and is believed only once it is confirmed.
import type { Weight } from '../api/canary.ts';
import { NO_WEIGHT } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { parseTime } from '../clock/time-format.ts';
import { act, type Decision, rest } from './decision.ts';
import { earliest, later, record, told } from './record.ts';
import type { World } from './world.ts';

/** After so many rounds another writer is taken to mean it. */
export const REPAIR_ROUNDS_MAX = 5;

/** Pods that must be ready for a share of the requests: the share of the primary's size, at least one. */
export function podsNeeded(world: World, weight: Weight): number {
  if (weight === 0 || world.target === null) return 0;
  const size = Math.min(
    world.target.pods.replicas,
    world.primary?.pods.replicas ?? world.target.pods.replicas,
  );
  return Math.max(1, Math.ceil((size * weight) / 100));
}

/** Whether the canary's pods may get that share: of the revision under judgement, and as many as it needs. */
export function canCarry(world: World, weight: Weight): boolean {
  const { target, canary } = world;
  if (weight === 0) return true;
  if (target === null || target.revision !== canary.status.lastAppliedSpec) return false;
  return target.pods.ready >= podsNeeded(world, weight);
}

/** Only the canary has pods that can answer: whatever the analysis says, the traffic stays with them. */
export function primaryCannotServe({ primary, target }: World): boolean {
  return (primary?.pods.ready ?? 0) === 0 && (target?.pods.ready ?? 0) > 0;
}

/** Writes the route that the status chose, as far as there are pods to take it; null when the cluster has it. */
export function routeLine(world: World): Decision | null {
  const { route, canary } = world;
  const { canaryWeight: weight, lastAppliedSpec: revision, rollout } = canary.status;
  if (!route.canWeight && route.state !== 'absent') return null;
  if (route.state === 'absent' && route.confirmed.kind === 'refused')
    return rest(`there can be no route: ${route.confirmed.why}`);
  const step = rollout?.step ?? 0;
  const split = route.state === 'split';
  const carried = weight === 0 || (route.revision === revision && route.step === step);
  if (split && route.weight === weight && route.intact && carried) return null;
  if (split && weight < route.weight && primaryCannotServe(world))
    return rest('the primary has no ready pod to take the traffic');
  if ((weight <= route.weight && split) || canCarry(world, weight))
    return act(`route ${weight} % to the canary`, { kind: 'route', weight, revision, step });
  if (split && route.intact) return rest(`weight ${weight} waits for ready pods`);
  return act('route all traffic to the primary: the canary lacks pods', {
    kind: 'route',
    weight: NO_WEIGHT,
    revision,
    step,
  });
}

/**
 * Less for the canary than it still gets comes before any other write: one that the cluster refuses (a Service that
 * cannot be changed so) must not leave a failing canary its traffic.
 */
export function lowerLine(world: World): Decision | null {
  const { route, services, canary } = world;
  const sinks = route.state === 'split' && canary.status.canaryWeight < route.weight;
  if (!route.canWeight || !sinks || services.primary === 'absent') return null;
  const decision = routeLine(world);
  return decision?.kind === 'act' ? decision : null;
}

/** Rests until the route that was written is in force; null when it is. */
export function confirmedLine(world: World): Decision | null {
  const { confirmed } = world.route;
  switch (confirmed.kind) {
    case 'yes':
      return null;
    case 'waiting': {
      const late = routeLateAt(world);
      const wakeAt = earliest(confirmed.until, late !== null && late > world.now ? late : null);
      return rest(`waiting for the route to take effect: ${confirmed.why}`, wakeAt);
    }
    case 'refused':
      return rest(`the route is refused: ${confirmed.why}`);
  }
}

/** When a route that is still not in force is worth a person's look; null while nothing hangs on it. */
export function routeLateAt(world: World): Instant | null {
  const { status, spec } = world.canary;
  const { phase, rollout, parking } = status;
  const since =
    phase === 'Progressing' || phase === 'WaitingPromotion' || phase === 'Promoting'
      ? (rollout?.stepSince ?? null)
      : phase === 'Initializing' || phase === 'Finalising' || parking !== null
        ? parseTime(status.lastTransitionTime)
        : null;
  return since === null ? null : later(since, spec.progressDeadlineMs);
}

/** The three Services as the spec wants them, the apex aside. */
export function servicesLine(world: World): Decision | null {
  const { primary, canary } = world.services;
  if (primary === 'right' && canary === 'right') return null;
  return act('write the primary and canary Services', { kind: 'services' });
}

/** The apex on the primary, without counting rounds: for a choice of ours. */
export function apexLine(world: World): Decision | null {
  const { apex, apexSelects } = world.services;
  if (apex === 'right' && apexSelects === 'primary') return null;
  if (apexSelects !== 'primary' && primaryCannotServe(world))
    return rest('the primary has no ready pod for the apex Service');
  return act('send the apex Service to the primary', { kind: 'apex', selects: 'primary' });
}

/** No controller confirms a Service's selector: endpoints and proxies get this long to follow. */
const SELECTOR_SETTLE_MS = 5_000;

/** Rests until a freshly moved apex has reached the data plane; null when it has. */
export function apexSettledLine(world: World): Decision | null {
  const since = world.services.apexSince;
  if (since === null) return null;
  const until = later(since, SELECTOR_SETTLE_MS);
  // Written by a clock that was ahead of ours.
  if (since > world.now) return null;
  return world.now < until ? rest('endpoints follow the apex Service', until) : null;
}

/** The apex back on the primary after somebody moved it; each round is recorded first, and there are not many. */
export function repairApexLine(world: World): Decision | null {
  const { services, canary } = world;
  if (services.apex === 'right' && services.apexSelects === 'primary') return null;
  if (services.apexSelects !== 'primary' && primaryCannotServe(world))
    return rest('the primary has no ready pod for the apex Service');
  const { rounds, seen } = canary.status.repairs;
  if (seen === services.apexVersion) {
    return act('put the apex Service back on the primary', { kind: 'apex', selects: 'primary' });
  }
  if (rounds >= REPAIR_ROUNDS_MAX) return standbyLine(world);
  const writer = services.apexWriter === '' ? 'somebody' : services.apexWriter;
  return record(
    world,
    { repairs: { rounds: rounds + 1, seen: services.apexVersion } },
    'the apex Service was changed by another',
    [
      told(
        'warn',
        'ApexChanged',
        `Service ${canary.spec.service.name} was changed by ${writer}: putting it back`,
      ),
    ],
  );
}

/** Another manager insists on the apex: the target is scaled up so that either selector finds pods. */
function standbyLine(world: World): Decision | null {
  const { target, primary, services } = world;
  if (services.apexSelects !== 'target' || target === null || target.pods.replicas > 0) return null;
  const replicas = Math.max(1, primary?.pods.replicas ?? 1);
  return act('scale the target up: another manager keeps the apex Service on it', {
    kind: 'scaleTarget',
    replicas,
    generation: target.generation,
  });
}

/** Null once the route has been in force for the canary since a known time; that time is what windows count from. */
export function inForceSince(world: World): ReturnType<typeof later> | null {
  const { confirmed } = world.route;
  return confirmed.kind === 'yes' ? confirmed.since : null;
}
