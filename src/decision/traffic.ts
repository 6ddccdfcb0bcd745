// Lines about where requests go: the route carries what the status chose, and is believed only once it is confirmed.
import type { Weight } from '../api/canary.ts';
import { act, type Decision, rest } from './decision.ts';
import { later, record, told } from './record.ts';
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

/** Writes the route that the status chose; null when the cluster has it. */
export function routeLine(world: World): Decision | null {
  const { route, canary } = world;
  const { canaryWeight: weight, lastAppliedSpec: revision, rollout } = canary.status;
  if (!route.canWeight && route.state !== 'absent') return null;
  const step = rollout?.step ?? 0;
  const carried = weight === 0 || (route.revision === revision && route.step === step);
  if (route.state === 'split' && route.weight === weight && route.intact && carried) return null;
  return act(`route ${weight} % to the canary`, { kind: 'route', weight, revision, step });
}

/** Rests until the route that was written is in force; null when it is. */
export function confirmedLine(world: World): Decision | null {
  const { confirmed } = world.route;
  switch (confirmed.kind) {
    case 'yes':
      return null;
    case 'waiting':
      return rest(`waiting for the route to take effect: ${confirmed.why}`, confirmed.until);
    case 'refused':
      return rest(`the route is refused: ${confirmed.why}`);
  }
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
  return act('send the apex Service to the primary', { kind: 'apex', selects: 'primary' });
}

/** No controller confirms a Service's selector: endpoints and proxies get this long to follow. */
const SELECTOR_SETTLE_MS = 5_000;

/** Rests until a freshly moved apex has reached the data plane; null when it has. */
export function apexSettledLine(world: World): Decision | null {
  const since = world.services.apexSince;
  if (since === null) return null;
  const until = later(since, SELECTOR_SETTLE_MS);
  return world.now < until ? rest('endpoints follow the apex Service', until) : null;
}

/** The apex back on the primary after somebody moved it; each round is recorded first, and there are not many. */
export function repairApexLine(world: World): Decision | null {
  const { services, canary } = world;
  if (services.apex === 'right' && services.apexSelects === 'primary') return null;
  const { rounds, seen } = canary.status.repairs;
  if (rounds >= REPAIR_ROUNDS_MAX) return standbyLine(world);
  if (seen === services.apexVersion) {
    return act('put the apex Service back on the primary', { kind: 'apex', selects: 'primary' });
  }
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
