// A promotion ends when the primary serves everybody, and the canary's pods go when nobody is left on them.
import { expect, test } from 'vitest';
import { NO_WEIGHT } from '../../../src/api/canary.ts';
import { check } from '../../../src/decision/check.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { World } from '../../../src/decision/world.ts';
import { at, CALM, R2, rolling, standing } from './worlds.ts';

/** The primary carries revision 2, the route was just written, the canary still has its pods. */
function finalising(confirmed: World['route']['confirmed']): World {
  const world = rolling(2, 0, {
    primary: CALM.primary === null ? null : { ...CALM.primary, revision: R2 },
    route: { ...CALM.route, weight: NO_WEIGHT, revision: R2, step: 2, confirmed },
  });
  return standing(world, {
    phase: 'Finalising',
    canaryWeight: NO_WEIGHT,
    lastPromotedSpec: R2,
    parking: { generation: world.target?.generation ?? 0, rounds: 1 },
  });
}

const settles = { kind: 'waiting', why: 'proxies follow', until: at(103) } as const;
const silent = { kind: 'waiting', why: 'no word', until: null } as const;
const yes = { kind: 'yes', since: at(99) } as const;

test('a data plane that gives no sign but time is not waited for, and the canary stays up meanwhile', () => {
  const decision = decide(finalising(settles));
  expect(decision).toMatchObject({
    kind: 'record',
    status: { phase: 'Succeeded', parking: { rounds: 1 }, rollout: null },
  });
  if (decision.kind !== 'record') return;
  const after = standing(finalising(settles), decision.status);
  expect(decide(after)).toMatchObject({ kind: 'rest', wakeAt: at(103) });
});

test('the end is taken up again after the settling: the pods go down, and then it is done', () => {
  const ended = { phase: 'Succeeded', rollout: null } as const;
  const settled = standing(finalising(yes), ended);
  const down = decide(settled);
  expect(down).toMatchObject({ kind: 'act', writes: [{ kind: 'scaleTarget', replicas: 0 }] });
  expect(check(settled, down)).toEqual([]);
  const { target } = settled;
  const empty = target === null ? null : { ...target, pods: { ...target.pods, replicas: 0 } };
  expect(decide({ ...settled, target: empty })).toMatchObject({
    kind: 'record',
    status: { phase: 'Succeeded', parking: null },
  });
});

test('the end is carried out also when the spec went wrong meanwhile', () => {
  const problem = { reason: 'InvalidSpec', path: 'spec', message: 'wrong' } as const;
  const world = { ...standing(finalising(yes), { phase: 'Succeeded', rollout: null }) };
  const wrong = standing({ ...world, problems: [problem] }, {});
  expect(decide(wrong)).toMatchObject({ kind: 'act', writes: [{ kind: 'scaleTarget' }] });
});

test('a router that speaks is waited for before the end', () => {
  expect(decide(finalising(silent))).toMatchObject({ kind: 'rest' });
  const decision = decide(finalising(yes));
  expect(decision).toMatchObject({ kind: 'act', writes: [{ kind: 'scaleTarget', replicas: 0 }] });
});
