// The invariants, written apart from the decisions that must keep them. A violation stops the write, never the operator.
import type { CanaryStatus, Phase } from '../api/canary.ts';
import type { Decision, Write } from './decision.ts';
import { podsNeeded } from './traffic.ts';
import type { World } from './world.ts';

export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

const EDGES: Readonly<Record<Phase, readonly Phase[]>> = {
  '': ['Initializing', 'Terminating'],
  Initializing: ['Initialized', 'Terminating'],
  Initialized: ['Waiting', 'Progressing', 'Succeeded', 'Terminating'],
  Waiting: ['Progressing', 'Finalising', 'Failed', 'Succeeded', 'Terminating'],
  Progressing: ['WaitingPromotion', 'Promoting', 'Finalising', 'Failed', 'Terminating'],
  WaitingPromotion: ['Progressing', 'Promoting', 'Finalising', 'Failed', 'Terminating'],
  Promoting: ['Progressing', 'Finalising', 'Failed', 'Terminating'],
  Finalising: ['Succeeded', 'Terminating'],
  Succeeded: ['Waiting', 'Progressing', 'Terminating'],
  Failed: ['Waiting', 'Progressing', 'Finalising', 'Succeeded', 'Terminating'],
  Terminating: ['Terminated', 'Initializing'],
  Terminated: ['Terminating', 'Initializing'],
};

/** Everything that `decision` would break in `world`; empty = nothing. */
export function check(world: World, decision: Decision): readonly Violation[] {
  switch (decision.kind) {
    case 'rest':
      return [];
    case 'record':
      return checkRecord(world, decision);
    case 'act':
      return decision.writes.flatMap((write) => checkWrite(world, write));
  }
}

function checkRecord(world: World, decision: Extract<Decision, { kind: 'record' }>): Violation[] {
  const { status: before } = world.canary;
  const { status: after } = decision;
  const found: Violation[] = [];
  if (after.phase !== before.phase && !EDGES[before.phase].includes(after.phase)) {
    found.push({
      invariant: 'phase-graph',
      message: `${before.phase} cannot become ${after.phase}`,
    });
  }
  if (after.observedGeneration < before.observedGeneration) {
    found.push({
      invariant: 'observed-generation',
      message: 'the observed generation would go back',
    });
  }
  const rises = after.canaryWeight > before.canaryWeight;
  const sameRevision =
    after.lastAppliedSpec === before.lastAppliedSpec || sameVersion(world, before, after);
  const stepped = (after.rollout?.step ?? 0) > (before.rollout?.step ?? 0);
  if (rises && !(sameRevision && stepped)) {
    found.push({
      invariant: 'step-cap',
      message: 'the weight would rise without a new step of the same revision',
    });
  }
  if (!sameRevision && after.canaryWeight !== 0) {
    found.push({ invariant: 'weight-first', message: 'another revision would inherit the weight' });
  }
  return found;
}

/** One version under two digests: the target's own controller counts templates, and has seen no new one. */
function sameVersion(world: World, before: CanaryStatus, after: CanaryStatus): boolean {
  const { turn, settled } = { turn: world.target?.turn, settled: world.target?.pods.settled };
  return (
    settled === true && turn !== '' && turn === before.target.turn && turn === after.target.turn
  );
}

function checkWrite(world: World, write: Write): Violation[] {
  switch (write.kind) {
    case 'route':
      return checkRoute(world, write.weight);
    case 'createPrimary':
      return checkCreate(world);
    case 'promote':
      return checkPromote(world, write.revision);
    case 'scaleTarget':
      return write.replicas === 0 ? checkScaleDown(world) : [];
    case 'apex':
      return checkApex(world, write.selects);
    case 'removePrimary':
      return checkRemoval(world);
    case 'restoreTarget':
    case 'routeToApex':
    case 'orphan':
      return checkHandBack(world, write.kind);
    default:
      return [];
  }
}

function checkRoute(world: World, weight: number): Violation[] {
  const { status } = world.canary;
  const { target, primary, route } = world;
  const found: Violation[] = [];
  if (weight > status.canaryWeight) {
    found.push({ invariant: 'recorded-weight', message: `weight ${weight} was never recorded` });
  }
  const raises = weight > route.weight || (weight > 0 && route.state !== 'split');
  if (raises && (target === null || target.pods.ready < podsNeeded(world, status.canaryWeight))) {
    found.push({
      invariant: 'no-black-hole',
      message: `the canary lacks ready pods for weight ${weight}`,
    });
  }
  if (raises && target !== null && target.revision !== status.lastAppliedSpec) {
    found.push({
      invariant: 'judged-revision',
      message: 'the canary pods are not of the revision under judgement',
    });
  }
  if (
    weight < route.weight &&
    weight === 0 &&
    primary !== null &&
    primary.pods.ready === 0 &&
    (target?.pods.ready ?? 0) > 0
  ) {
    found.push({
      invariant: 'no-black-hole',
      message: 'the primary has no ready pod to take the traffic',
    });
  }
  return found;
}

function checkPromote(world: World, revision: string): Violation[] {
  const { status } = world.canary;
  const found: Violation[] = [];
  if (status.phase !== 'Promoting' && status.phase !== 'Initializing') {
    found.push({
      invariant: 'promotion-gate',
      message: `nothing is promoted in phase ${status.phase}`,
    });
  }
  if (revision !== status.lastAppliedSpec || world.target?.revision !== revision) {
    found.push({
      invariant: 'promotion-gate',
      message: 'the target no longer holds the revision that was judged',
    });
  }
  return found;
}

/** A primary is made of the first version, of the promoted one, or of the one whose promotion was chosen. */
function checkCreate(world: World): Violation[] {
  const { phase, lastAppliedSpec, lastPromotedSpec } = world.canary.status;
  const judged =
    phase === 'Initializing' || phase === 'Promoting' || lastAppliedSpec === lastPromotedSpec;
  if (judged && world.target?.revision === lastAppliedSpec) return [];
  const message = 'a primary would be made of a version that was not judged';
  return [{ invariant: 'promotion-gate', message }];
}

function checkScaleDown(world: World): Violation[] {
  const { route, services, primary } = world;
  const found: Violation[] = [];
  if (route.canWeight && (route.weight !== 0 || route.confirmed.kind !== 'yes')) {
    found.push({ invariant: 'drained', message: 'requests may still reach the canary' });
  }
  if (services.apexSelects !== 'primary') {
    found.push({ invariant: 'drained', message: 'the apex Service does not select the primary' });
  }
  if ((primary?.pods.ready ?? 0) === 0) {
    found.push({ invariant: 'no-black-hole', message: 'the primary has no ready pod' });
  }
  return found;
}

function checkApex(world: World, selects: 'primary' | 'target'): Violation[] {
  if (world.services.apexSelects === selects) return [];
  const ready = selects === 'primary' ? world.primary?.pods.ready : world.target?.pods.ready;
  const other = selects === 'primary' ? world.target?.pods.ready : world.primary?.pods.ready;
  if ((ready ?? 0) > 0 || (other ?? 0) === 0) return [];
  return [
    {
      invariant: 'no-black-hole',
      message: `the apex Service would select a ${selects} without ready pods`,
    },
  ];
}

function checkRemoval(world: World): Violation[] {
  const { services, target, route, primary } = world;
  const hangs = services.apexSelects === 'primary' || (route.canWeight && route.state === 'split');
  // Without a primary nobody can be taken away from under the requests.
  if (primary === null && (target === null || !hangs)) return [];
  if (services.apexSelects !== 'target' || (target?.pods.ready ?? 0) === 0) {
    return [{ invariant: 'no-outage-on-deletion', message: 'the target does not serve yet' }];
  }
  if (route.canWeight && (route.state === 'split' || route.trailing === true)) {
    return [
      { invariant: 'no-outage-on-deletion', message: 'the route still points at the primary' },
    ];
  }
  return [];
}

/** What only a deletion may do. */
function checkHandBack({ canary, services, target }: World, kind: Write['kind']): Violation[] {
  const invariant = 'hand-back';
  if (!canary.deleting) return [{ invariant, message: `${kind} without a deletion` }];
  if (
    kind === 'routeToApex' &&
    (services.apexSelects !== 'target' || (target?.pods.ready ?? 0) === 0)
  )
    return [{ invariant: 'no-black-hole', message: 'nothing serves behind the apex Service' }];
  return [];
}
