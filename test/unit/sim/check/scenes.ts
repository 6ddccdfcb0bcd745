// Scenes that several stories about invariants start from.
import { RESOURCES } from '../../../../src/client/resources.ts';
import { OWNED, route, status, type Story, workload } from './story.ts';

const { httpRoutes, canaries } = RESOURCES;

/** A story that breaks an invariant, and one, as alike as can be, that keeps it. */
export interface Pair {
  readonly id: string;
  readonly rule: string;
  readonly breaks: (story: Story) => void;
  readonly keeps: (story: Story) => void;
}

export const web = (version: string, replicas: number) => workload('web', version, replicas);
export const primary = (version: string, replicas: number) =>
  workload('web-primary', version, replicas, OWNED);

/** The canary has 20 % and its version fails. */
export function failing(story: Story): void {
  const { truth } = story;
  truth.weights = { 'web-primary': 80, 'web-canary': 20 };
  truth.share = { 'web-primary': 80, web: 20 };
  truth.idle['web'] = null;
  story.write(httpRoutes, route(20)).after(10_000);
  truth.failed['app=v2'] = truth.now;
  story.change(canaries, 'web', status('Failed')).after(1_000);
}

export function drained(story: Story, forMs: number): void {
  story.truth.weights = { 'web-primary': 100, 'web-canary': 0 };
  story.truth.weightsSince = story.truth.now;
  story.truth.idle['web'] = story.truth.now;
  story.truth.share = { 'web-primary': 100 };
  story.write(httpRoutes, route(0)).after(forMs);
}
