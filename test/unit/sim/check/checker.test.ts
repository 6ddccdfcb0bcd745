// The checker as a whole: a good rollout is left in peace, and what others did a moment ago is nobody's fault.
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Checker } from '../../../../src/sim/check/checker.ts';
import { OWNED, podsOf, route, status, Story, workload } from './story.ts';

const { deployments, httpRoutes, canaries } = RESOURCES;

/** A weight as the status chose it, in the route and then in force. */
function weigh(story: Story, weight: number, phase: string): void {
  story.change(canaries, 'web', status(phase, { canaryWeight: weight })).after(200);
  story.write(httpRoutes, route(weight)).after(500);
  const { truth } = story;
  truth.weights = { 'web-primary': 100 - weight, 'web-canary': weight };
  truth.weightsSince = truth.now;
  truth.share = { 'web-primary': 100 - weight, web: weight };
  truth.idle['web'] = weight === 0 ? truth.now : null;
  story.after(10_000);
}

test('a rollout from the first weight to the end breaks nothing', () => {
  const story = new Story();
  const { truth, checker } = story;
  for (const phase of ['Initializing', 'Initialized']) story.change(canaries, 'web', status(phase));
  weigh(story, 20, 'Progressing');
  truth.passes['app=v2'] = 1;
  weigh(story, 50, 'Progressing');
  truth.passes['app=v2'] = 2;
  story.change(canaries, 'web', status('Promoting', { canaryWeight: 50 })).after(200);
  story.write(deployments, workload('web-primary', 'v2', 4, OWNED)).after(5_000);
  truth.pods['web-primary'] = podsOf('v2', 4);
  weigh(story, 0, 'Finalising');
  story.write(deployments, workload('web', 'v2', 0)).after(1_000);
  truth.pods['web'] = [];
  story.change(canaries, 'web', status('Succeeded')).after(900_000);
  checker.finish();
  expect(checker.violations).toEqual([]);
  // Nothing failed, was deleted, contested or told here; the rest has been looked at.
  expect(checker.vacuous).toEqual(['S7', 'S12', 'S13', 'L2', 'H3']);
});

test('a change by others that is younger than the grace is not held against a write', () => {
  const story = new Story();
  story
    .write(deployments, workload('web', 'v3', 4), 'user')
    .after(50)
    .write(httpRoutes, route(20));
  expect(story.messages('S2')).toEqual([]);
  story.write(httpRoutes, route(0)).after(100).write(httpRoutes, route(20));
  expect(story.messages('S2')).toEqual(['the canary gets 20 % with 0 of 1 ready pods']);
});

test('a violation says when it was, and which commit showed it', () => {
  const story = new Story();
  story.write(httpRoutes, route(20, 20));
  expect(story.checker.violations).toContainEqual({
    invariant: 'S1',
    atMs: story.truth.now,
    message: 'the weights of route web sum to 40',
    revision: 8,
  });
});

test('Canaries that were there before the checker are known to it', () => {
  const { truth } = new Story();
  const late = new Checker(truth);
  const resource = httpRoutes;
  const by = { user: 'operator', manager: 'serin' };
  late.commit({
    type: 'MODIFIED',
    revision: 9,
    resource,
    object: route(20, 20),
    before: route(0),
    by,
  });
  expect(late.violations.map(({ invariant }) => invariant)).toContain('S1');
});

test('while faults are on nothing is late', () => {
  const story = new Story();
  story.truth.healed = null;
  story.truth.weights['web-canary'] = 20;
  story.truth.failed['app=v2'] = 0;
  story.change(canaries, 'web', status('Progressing')).after(10_000_000).checker.finish();
  expect(story.messages('L2')).toEqual([]);
  expect(story.messages('L4')).toEqual([]);
});
