// What people and clusters do to a Canary, and what must be true whatever they do, by the model's own truth.
import * as fc from 'fast-check';
import {
  asWeight,
  type CanarySpec,
  INTENT_VERBS,
  type IntentVerb,
} from '../../../src/api/canary.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type { World } from '../../../src/decision/world.ts';
import type { Model } from './model.ts';
import { Workload } from './model-workload.ts';
import { hook, spec, weighted } from './worlds.ts';

export type Action =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'defaults' }
  | { readonly kind: 'config' }
  | { readonly kind: 'say'; readonly verb: IntentVerb }
  | { readonly kind: 'spec'; readonly of: CanarySpec }
  | { readonly kind: 'suspend' | 'problem' | 'refuse' | 'delete' | 'meddle' | 'gates' }
  | { readonly kind: 'dropTarget' | 'dropPrimary' | 'dropRoute' | 'apex' | 'stumble' }
  | { readonly kind: 'scale'; readonly replicas: number };

export interface Turn {
  readonly wait: number;
  readonly deaths: readonly number[];
  readonly action: Action;
}

/** Specs that people may have, or change to in the middle. */
export const SPECS: readonly CanarySpec[] = [
  spec(),
  spec({}, { strategy: weighted([10, 40, 70], 30) }),
  spec({}, { strategy: weighted([50]), intervalMs: 2_000 }),
  spec({}, { strategy: weighted([30, 100], 45), threshold: 1 }),
  spec({}, { strategy: { kind: 'blue-green', iterations: 2 } }),
  spec({}, { unknown: { limitMs: 10_000, then: 'rollback' } }),
  spec(
    {},
    {
      webhooks: [
        hook('confirm-rollout'),
        hook('confirm-traffic-increase'),
        hook('confirm-promotion'),
        hook('post-rollout'),
        hook('rollback'),
      ],
    },
  ),
];

const gentle: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('version'), version: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('say'), verb: fc.constantFrom(...INTENT_VERBS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('spec'), of: fc.constantFrom(...SPECS) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('defaults', 'config', 'suspend', 'problem', 'refuse', 'gates'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete') }) },
) as fc.Arbitrary<Action>;

const harsh: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: gentle },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('meddle', 'dropTarget', 'dropPrimary', 'dropRoute', 'apex', 'stumble'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('scale'), replicas: fc.integer({ min: 0, max: 4 }) }),
  },
) as fc.Arbitrary<Action>;

function turns(action: fc.Arbitrary<Action>): fc.Arbitrary<readonly Turn[]> {
  const turn = fc.record({
    wait: fc.integer({ min: 0, max: 25 }),
    deaths: fc.array(fc.nat(4), { maxLength: 6 }),
    action,
  });
  return fc.array(turn, { minLength: 1, maxLength: 10 });
}

export const GENTLE = turns(gentle);
export const HARSH = turns(harsh);

export function perform(model: Model, action: Action): void {
  const { target, spec: now } = model;
  switch (action.kind) {
    case 'version':
      return model.setVersion(action.version);
    case 'defaults':
      if (target !== null)
        target.write({
          template: { ...target.template, defaults: (target.template.defaults + 1) % 4 },
        });
      return;
    case 'config':
      model.config = model.config === 3 ? 1 : model.config + 1;
      return;
    case 'say':
      return model.say(action.verb);
    case 'spec':
      return model.setSpec({ ...action.of, suspend: now.suspend });
    case 'suspend':
      return model.setSpec({ ...now, suspend: !now.suspend });
    case 'problem':
      model.problems =
        model.problems.length > 0
          ? []
          : [{ reason: 'TemplateNotFound', path: 'spec.analysis', message: 'no MetricTemplate' }];
      return;
    case 'refuse':
      model.routeRefused = !model.routeRefused;
      return;
    case 'gates':
      model.gatesOpen = !model.gatesOpen;
      return;
    case 'meddle':
      return model.meddle(10);
    case 'delete':
      return model.delete();
    case 'dropTarget':
      model.target = null;
      return;
    case 'dropPrimary':
      model.primary = null;
      return;
    case 'dropRoute':
      return model.dropRoute();
    case 'apex':
      model.apex = { ...model.apex, selects: 'target', version: model.apex.version + 1 };
      return;
    case 'stumble':
      target?.stumble(model.now + 12_000);
      return;
    case 'scale':
      target?.write({ replicas: action.replicas });
      return;
  }
}

/** Nobody disturbs any more: what a rollout needs from outside is there. */
export function heal(model: Model): void {
  model.problems = [];
  model.routeRefused = false;
  model.gatesOpen = true;
  model.setSpec({ ...model.spec, suspend: false });
  if (model.target === null && !model.deleting) {
    const template = { version: 3, defaults: 0, stamp: '' };
    model.target = new Workload(template, model.nature.replicas, model.nature);
  }
  if ((model.status.rollout?.paused ?? null) !== null) model.say('resume');
}

/** Every share of the traffic that is in force finds a pod that can answer. */
export function assertServed(model: Model): void {
  const { now, target, primary, apexInForce, routeInForce } = model;
  const ready = { target: target?.ready(now) ?? 0, primary: primary?.ready(now) ?? 0 };
  if (ready[apexInForce] === 0) throw new Error(`the apex leads to no pod: ${apexInForce}`);
  if (routeInForce?.kind !== 'split') return;
  if (routeInForce.weight > 0 && ready.target === 0) throw new Error('the canary has no pod');
  if (routeInForce.weight < 100 && ready.primary === 0) throw new Error('the primary has no pod');
}

/** What no decision may do, judged by what the model knows to be so. */
export function assertSafe(model: Model, world: World, decision: Decision): void {
  if (decision.kind === 'record') assertEarned(model, world, decision);
  if (decision.kind !== 'act') return;
  for (const write of decision.writes) {
    if (write.kind === 'route' && write.weight > (model.routeInForce?.weight ?? 0))
      assertPure(model);
    if (write.kind === 'promote') assertJudged(model);
    if (write.kind === 'scaleTarget' && write.replicas === 0) assertDrained(model);
  }
}

function assertPure({ target, now, status }: Model): void {
  const versions = [...(target?.versions(now) ?? [])];
  const right = versions.length === 1 && versions[0] === target?.template.version;
  if (!right)
    throw new Error(`raised to versions ${versions.join(', ')} of ${status.lastAppliedSpec}`);
}

function assertJudged({ target, status, nature, spec: { skipAnalysis } }: Model): void {
  const version = target?.template.version ?? 0;
  const bad = nature.badFrom.has(version) || nature.broken.has(version);
  if (bad && !skipAnalysis && status.phase !== 'Initializing')
    throw new Error(`version ${version} is bad and was promoted`);
}

function assertDrained({ routeInForce, apexInForce, nature }: Model): void {
  if (nature.canWeight && (routeInForce?.weight ?? 0) > 0)
    throw new Error('scaled down under traffic');
  if (apexInForce !== 'primary') throw new Error('scaled down behind the apex');
}

function assertEarned(
  model: Model,
  { now, canary }: World,
  { status, tells }: Extract<Decision, { kind: 'record' }>,
): void {
  const before = canary.status;
  if (status.canaryWeight <= before.canaryWeight) return;
  const first = before.rollout?.step === 0;
  const resumed = tells.some(({ reason }) => reason === 'Resumed');
  if (resumed && status.canaryWeight <= (before.rollout?.resumeWeight ?? asWeight(0))) return;
  const fresh = status.measurements.filter(({ at }) => at === now);
  const passed = fresh.length > 0 && fresh.every(({ verdict }) => verdict === 'pass');
  if (!first && !passed) throw new Error(`weight ${status.canaryWeight} was not earned`);
  if (first && (model.target?.ready(model.now) ?? 0) === 0) throw new Error('raised without pods');
}
