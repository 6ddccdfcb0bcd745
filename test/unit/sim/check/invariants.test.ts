// Each invariant with a story that breaks it and one, as alike as can be, that keeps it.
import { describe, expect, test } from 'vitest';
import { INVARIANTS } from '../../../../src/sim/check/invariants/registry.ts';
import { OBJECT_PAIRS } from './pairs-objects.ts';
import { TRAFFIC_PAIRS } from './pairs-traffic.ts';
import { Story } from './story.ts';

const PAIRS = [...TRAFFIC_PAIRS, ...OBJECT_PAIRS];

describe.each(PAIRS)('$id: $rule', ({ id, breaks, keeps }) => {
  test('is found', () => {
    const story = new Story();
    breaks(story);
    expect(story.messages(id)).toHaveLength(1);
    expect(story.checker.antecedents.get(id)).toBeGreaterThan(0);
  });

  test('is told apart from what is right', () => {
    const story = new Story();
    keeps(story);
    expect(story.messages(id)).toEqual([]);
    expect(story.checker.antecedents.get(id)).toBeGreaterThan(0);
  });
});

test('there is a pair for every invariant', () => {
  const ids = new Set(INVARIANTS.map(({ id }) => id));
  expect(new Set(PAIRS.map(({ id }) => id))).toEqual(ids);
});
