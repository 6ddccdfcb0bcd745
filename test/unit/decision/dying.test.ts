// Dying between any two writes never changes where a rollout ends.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CanarySpec } from '../../../src/api/canary.ts';
import { assertSafe, assertServed, heal } from './chaos.ts';
import { Model, type Nature } from './model.ts';
import { hook, spec, weighted } from './worlds.ts';

interface Story {
  readonly name: string;
  readonly spec: CanarySpec;
  readonly nature?: Partial<Nature>;
  /** What happens in the middle of the rollout of version 2, so many seconds after its start. */
  readonly middle?: readonly [number, (model: Model) => void];
  readonly end: Partial<End>;
}

interface End {
  readonly exists: boolean;
  readonly phase: string;
  readonly primary: number | null;
  readonly target: number | null;
  readonly replicas: number | null;
  readonly weight: number | null;
  readonly apex: string;
}

const BLUE_GREEN = spec({}, { strategy: { kind: 'blue-green', iterations: 3 } });
const STEPWISE = spec({}, { strategy: weighted([20, 50, 80], 30) });
const GATED = spec({}, { webhooks: [hook('confirm-rollout'), hook('confirm-promotion')] });

const PROMOTED = {
  exists: true,
  phase: 'Succeeded',
  primary: 2,
  target: 2,
  replicas: 0,
  weight: 0,
  apex: 'primary',
};
const FAILED = { ...PROMOTED, phase: 'Failed', primary: 1 };
const GONE = { exists: false, primary: null, target: 1, replicas: 2, apex: 'target' };

function fails(step: number): Partial<Nature> {
  return { badFrom: new Map([[2, step]]) };
}

const STORIES: readonly Story[] = [
  { name: 'weighted', spec: spec(), end: PROMOTED },
  {
    name: 'weighted, traffic returns at once',
    spec: spec({}, { strategy: weighted([50, 100]) }),
    end: PROMOTED,
  },
  { name: 'weighted, traffic returns by steps', spec: STEPWISE, end: PROMOTED },
  { name: 'weighted with an autoscaler', spec: STEPWISE, nature: { scaler: true }, end: PROMOTED },
  { name: 'blue/green', spec: BLUE_GREEN, end: PROMOTED },
  {
    name: 'blue/green without weights',
    spec: BLUE_GREEN,
    nature: { canWeight: false },
    end: PROMOTED,
  },
  { name: 'no analysis', spec: spec({ skipAnalysis: true }), end: PROMOTED },
  { name: 'gates', spec: GATED, end: PROMOTED },
  { name: 'fails at step 1', spec: STEPWISE, nature: fails(1), end: FAILED },
  { name: 'fails at step 3', spec: STEPWISE, nature: fails(3), end: FAILED },
  { name: 'blue/green fails at step 2', spec: BLUE_GREEN, nature: fails(2), end: FAILED },
  { name: 'pods never ready', spec: spec(), nature: { broken: new Set([2]) }, end: FAILED },
  ...[1, 8, 14, 20, 26, 32, 38, 44].flatMap((after): readonly Story[] => [
    {
      name: `a new revision after ${after} s`,
      spec: STEPWISE,
      middle: [after, (model) => model.setVersion(3)],
      end: { ...PROMOTED, primary: 3, target: 3 },
    },
    {
      name: `deleted after ${after} s`,
      spec: STEPWISE,
      middle: [after, (model) => model.delete()],
      // Until the new version is in the primary, the promoted one is put back.
      end: { exists: false, primary: null, replicas: 2, apex: 'target' },
    },
  ]),
  {
    name: 'back at once',
    spec: spec(),
    middle: [8, (model) => model.setVersion(1)],
    end: { ...PROMOTED, primary: 1, target: 1 },
  },
  { name: 'aborted', spec: spec(), middle: [10, (model) => model.say('abort')], end: FAILED },
  { name: 'deleted at once', spec: spec(), middle: [0, (model) => model.delete()], end: GONE },
  {
    name: 'no steps of before',
    spec: STEPWISE,
    middle: [14, (model) => model.setSpec(BLUE_GREEN)],
    end: PROMOTED,
  },
  {
    name: 'other steps',
    spec: STEPWISE,
    middle: [22, (model) => model.setSpec(spec())],
    end: PROMOTED,
  },
];

function endOf(story: Story, deaths: readonly number[], start: number): End {
  const model = new Model(story.spec, story.nature);
  model.watch = (world, decision) => assertSafe(model, world, decision);
  const left = [...deaths];
  model.each = () => assertServed(model);
  model.pass(60, start === 0 ? left : []);
  model.setVersion(2);
  const [after, act] = story.middle ?? [0, () => undefined];
  model.pass(after, left);
  act(model);
  model.pass(200, left);
  heal(model);
  model.pass(200);
  const { exists, status, primary, target, apex, routeInForce } = model;
  return {
    exists,
    phase: status.phase,
    primary: primary?.template.version ?? null,
    target: target?.template.version ?? null,
    replicas: target?.replicas ?? null,
    weight: model.nature.canWeight ? (routeInForce?.weight ?? null) : 0,
    apex: apex.selects,
  };
}

describe.each(STORIES)('$name', (story) => {
  test('ends the same wherever the operator dies', () => {
    expect(endOf(story, [], 0)).toMatchObject(story.end);
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 40 }), fc.nat(2), (deaths, start) => {
        expect(endOf(story, deaths, start)).toMatchObject(story.end);
      }),
      { numRuns: 40 },
    );
  });
});
