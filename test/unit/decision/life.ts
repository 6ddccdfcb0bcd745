// One life of a Canary in the model: chaos, then nobody disturbs, then what must be so.
import * as fc from 'fast-check';
import type { CanarySpec } from '../../../src/api/canary.ts';
import { assertSafe, assertServed, heal, perform, SPECS, type Turn } from './chaos.ts';
import { Model, type Nature } from './model.ts';

export interface Setting {
  readonly spec: CanarySpec;
  readonly nature: Partial<Nature>;
  /** The chaos begins with the first install, or after it in the middle of a rollout. */
  readonly early: boolean;
  readonly version: number;
  readonly lead: number;
  readonly gatesOpen: boolean;
}

const BAD = new Map([[2, 1]]);
export const SETTINGS: fc.Arbitrary<Setting> = fc.record({
  spec: fc.constantFrom(...SPECS),
  early: fc.nat(4).map((one) => one === 0),
  version: fc.constantFrom(1, 2, 3, 3, 3, 4),
  lead: fc.nat(45),
  gatesOpen: fc.boolean(),
  nature: fc.record({
    scaler: fc.boolean(),
    routeMs: fc.constantFrom(0, 2_000, 9_000),
    readyMs: fc.constantFrom(1_000, 7_000),
    answerMs: fc.constantFrom(1_000, 6_000),
    badFrom: fc.constant(BAD),
    broken: fc.constantFrom(new Set<number>(), new Set([4])),
    silentFrom: fc.constantFrom(new Map<number, number>(), new Map([[1, 2]])),
  }),
});

export function live(setting: Setting, turns: readonly Turn[], served: boolean): Model {
  const model = new Model(setting.spec, setting.nature);
  model.watch = (world, decision) => assertSafe(model, world, decision);
  if (served) model.each = () => assertServed(model);
  model.gatesOpen = setting.gatesOpen;
  if (!setting.early) {
    model.pass(60);
    model.setVersion(setting.version);
    model.pass(setting.lead);
  }
  for (const { wait, deaths, action } of turns) {
    perform(model, action);
    model.pass(wait, [...deaths]);
  }
  heal(model);
  model.pass(150);
  heal(model);
  model.pass(450);
  return model;
}

const ENDS = ['Initialized', 'Succeeded', 'Failed'];

export function assertAtRest(model: Model): void {
  if (!model.exists) return;
  const { status } = model;
  const stalled = status.conditions.find(({ type }) => type === 'Stalled');
  if (stalled?.status !== 'True' && !ENDS.includes(status.phase))
    throw new Error(`never ends: ${status.phase}: ${model.last?.why}`);
  const { records, acts } = model;
  model.pass(60);
  model.run();
  const restless = model.records - records + model.acts - acts;
  if (restless > 0) throw new Error(`never rests: ${status.phase}: ${model.last?.why}`);
}

/** What a Canary claims at its end is so. */
export function assertTrue(model: Model): void {
  if (!model.exists) return;
  const { status, primary, route } = model;
  if (!ENDS.includes(status.phase)) return;
  same(status.canaryWeight, 0);
  if (status.phase === 'Failed' || primary === null) return;
  same(status.lastPromotedSpec, model.targetRevision());
  same(primary.template.version, model.target?.template.version);
  same(route?.weight, 0);
  same(model.apex.selects, 'primary');
}

function same(is: unknown, should: unknown): void {
  if (is !== should) throw new Error(`claims ${String(should)}, but it is ${String(is)}`);
}
