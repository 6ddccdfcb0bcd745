// What comes after a passed check: the next weight, the next iteration, or promotion.
import type { Rollout, Weight } from '../api/canary.ts';
import { FULL_WEIGHT } from '../api/canary.ts';
import { capacityAtFirst, capacityOfAll } from './capacity.ts';
import { trafficSince } from './checks.ts';
import type { Decision } from './decision.ts';
import { record, recordRollout, short, told } from './record.ts';
import type { Target, World } from './world.ts';

/** The next weight of the plan; null when the canary has the last one. */
export function nextWeight(world: World): Weight | null {
  const { spec, status } = world.canary;
  const { strategy } = spec.analysis;
  if (strategy.kind !== 'weighted') return null;
  return strategy.weights.find((weight) => weight > status.canaryWeight) ?? null;
}

/** Whether another step or iteration comes before promotion. */
export function stepsLeft(world: World): boolean {
  const { spec, status } = world.canary;
  const { strategy } = spec.analysis;
  if (strategy.kind === 'weighted') return nextWeight(world) !== null;
  return (status.rollout?.step ?? 0) === 0 || status.iterations + 1 < strategy.iterations;
}

/** Stores the next step. `further` is what the check that earned it leaves behind. */
export function nextStep(
  world: World,
  why: string,
  further: Parameters<typeof recordRollout>[4] = {},
): Decision {
  const { canary, now } = world;
  const { rollout } = canary.status;
  const step = (rollout?.step ?? 0) + 1;
  const name = canary.spec.targetRef.name;
  const fresh: Partial<Rollout> = {
    step,
    stepSince: now,
    checks: 0,
    checkedAt: null,
    trafficSince: trafficSince(world),
    unknownSince: null,
  };
  const weight = nextWeight(world);
  if (weight !== null) {
    const words = `Advance ${name} canary weight ${weight}`;
    const tells = [
      told(
        'info',
        'Advanced',
        step === 1 ? `Starting canary analysis for ${name}: ${words}` : words,
      ),
    ];
    const taking = {
      ...fresh,
      capacity: step === 1 ? capacityAtFirst(world) : (rollout?.capacity ?? null),
    };
    return recordRollout(world, taking, why, tells, {
      phase: 'Progressing',
      ...further,
      canaryWeight: weight,
    });
  }
  const { strategy } = canary.spec.analysis;
  const total = strategy.kind === 'blue-green' ? strategy.iterations : 0;
  const iterations = step === 1 ? 0 : canary.status.iterations + 1;
  const words =
    step === 1
      ? `Starting canary analysis for ${name}`
      : `Advance ${name} canary iteration ${iterations}/${total}`;
  return recordRollout(world, fresh, why, [told('info', 'Advanced', words)], {
    phase: 'Progressing',
    ...further,
    iterations,
  });
}

/** Stores that this revision goes into the primary, and how many ready pods traffic needs on its way back. */
export function startPromotion(
  world: World,
  target: Target,
  why: string,
  further: Parameters<typeof record>[1] = {},
): Decision {
  const { canary, now, primary, route } = world;
  const { status, spec } = canary;
  const { rollout } = status;
  if (rollout === null) throw new Error('no rollout is under way');
  const primaryReady = primary?.pods.ready ?? 0;
  const takesAll =
    spec.analysis.strategy.kind === 'blue-green' &&
    !spec.skipAnalysis &&
    route.canWeight &&
    target.pods.ready >= primaryReady;
  const weight = takesAll ? FULL_WEIGHT : status.canaryWeight;
  return record(
    world,
    {
      ...further,
      phase: 'Promoting',
      canaryWeight: weight,
      rollout: {
        ...rollout,
        // A route that stays as it is need not be written again.
        step: takesAll ? rollout.step + 1 : rollout.step,
        stepSince: now,
        waitingSince: now,
        trafficSince: trafficSince(world),
        paused: null,
        capacity: capacityOfAll(world, weight),
      },
    },
    why,
    [
      told(
        'info',
        'Promoting',
        `Copying ${spec.targetRef.name} template, revision ${short(status.lastAppliedSpec)}, to the primary`,
      ),
    ],
  );
}
