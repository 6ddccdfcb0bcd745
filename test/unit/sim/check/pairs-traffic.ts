// Stories about weights, pods and promotion: S1 to S7.
import { RESOURCES } from '../../../../src/client/resources.ts';
import { drained, failing, type Pair, primary, web } from './scenes.ts';
import { podsOf, route, service } from './story.ts';

const { deployments, services, httpRoutes } = RESOURCES;

export const TRAFFIC_PAIRS: readonly Pair[] = [
  {
    id: 'S1',
    rule: 'weights that do not sum to 100',
    breaks: (story) => story.write(httpRoutes, route(20, 70)),
    keeps: (story) => story.write(httpRoutes, route(20)),
  },
  {
    id: 'S1',
    rule: 'a negative weight',
    breaks: (story) => story.write(httpRoutes, route(-10)),
    keeps: (story) => story.write(httpRoutes, route(0)),
  },
  {
    id: 'S2',
    rule: 'a weight for more than the ready pods can carry',
    breaks: (story) => {
      story.truth.pods['web'] = podsOf('v2', 1);
      story.write(httpRoutes, route(50));
    },
    keeps: (story) => {
      story.truth.pods['web'] = podsOf('v2', 2);
      story.write(httpRoutes, route(50));
    },
  },
  {
    id: 'S2',
    rule: 'a weight while pods of another version are among them',
    breaks: (story) => {
      story.truth.pods['web'] = [...podsOf('v2', 2), ...podsOf('v1', 1)];
      story.write(httpRoutes, route(20));
    },
    keeps: (story) => story.write(httpRoutes, route(20)),
  },
  {
    id: 'S2',
    rule: 'traffic back to a primary without ready pods',
    breaks: (story) => {
      story.write(httpRoutes, route(20));
      story.truth.pods['web-primary'] = [];
      story.write(httpRoutes, route(0));
    },
    keeps: (story) => story.write(httpRoutes, route(20)).write(httpRoutes, route(0)),
  },
  {
    id: 'S2',
    rule: 'an apex that turns to a target without ready pods',
    breaks: (story) => {
      story.truth.pods['web'] = [];
      story.write(services, service('web', 'web'));
    },
    keeps: (story) => story.write(services, service('web', 'web')),
  },
  {
    id: 'S3',
    rule: 'scaling down before the drain time is over',
    breaks: (story) => {
      failing(story);
      drained(story, 1_000);
      story.write(deployments, web('v2', 0));
    },
    keeps: (story) => {
      failing(story);
      drained(story, 2_000);
      story.write(deployments, web('v2', 0));
    },
  },
  {
    id: 'S3',
    rule: 'deleting the primary while requests reach it',
    breaks: (story) => story.delete(deployments, 'web-primary'),
    keeps: (story) => {
      story.truth.idle['web-primary'] = story.truth.now - 5_000;
      story.delete(deployments, 'web-primary');
    },
  },
  {
    id: 'S3',
    rule: 'repointing a Service that the proxies send to',
    breaks: (story) =>
      story.change(services, 'web-primary', { spec: { selector: { app: 'web' } } }),
    keeps: (story) => story.change(services, 'web-canary', { spec: { selector: { app: 'new' } } }),
  },
  {
    id: 'S4',
    rule: 'promotion of a version after too few passed checks',
    breaks: (story) => {
      story.truth.passes['app=v2'] = 1;
      story.write(deployments, primary('v2', 4));
    },
    keeps: (story) => {
      story.truth.passes['app=v2'] = 2;
      story.write(deployments, primary('v2', 4));
    },
  },
  {
    id: 'S4',
    rule: 'promotion of what the target holds by now, not of what passed',
    breaks: (story) => {
      story.truth.passes['app=v2'] = 2;
      story.write(deployments, web('v3', 4), 'user').write(deployments, primary('v3', 4));
    },
    keeps: (story) => {
      // Nobody has been sent to it yet: the first version needs no judgement.
      story.truth.idle['web-primary'] = -Infinity;
      story.write(deployments, primary('v3', 4));
    },
  },
  {
    id: 'S5',
    rule: 'a second weight without a check in between',
    breaks: (story) => story.write(httpRoutes, route(20)).write(httpRoutes, route(50)),
    keeps: (story) => {
      story.write(httpRoutes, route(20));
      story.truth.passes['app=v2'] = 1;
      story.write(httpRoutes, route(50)).write(httpRoutes, route(0)).write(httpRoutes, route(50));
    },
  },
  {
    id: 'S5',
    rule: 'a weight that another version had earned',
    breaks: (story) => {
      story.truth.passes['app=v2'] = 1;
      story.write(httpRoutes, route(50)).write(deployments, web('v3', 4), 'user').after(10_000);
      story.write(httpRoutes, route(0)).write(httpRoutes, route(50));
    },
    keeps: (story) => {
      story.truth.passes['app=v2'] = 1;
      story.write(httpRoutes, route(50)).write(deployments, web('v3', 4), 'user').after(10_000);
      story.write(httpRoutes, route(0)).write(httpRoutes, route(20));
    },
  },
  {
    id: 'S5',
    rule: 'pods that are admitted while the canary still has a weight',
    breaks: (story) => {
      story.write(deployments, web('v3', 0), 'user').after(10_000);
      story.truth.weights['web-canary'] = 20;
      story.write(deployments, web('v3', 4));
    },
    keeps: (story) => {
      story.write(deployments, web('v3', 0), 'user').after(10_000);
      story.write(deployments, web('v3', 4));
    },
  },
  {
    id: 'S7',
    rule: 'a failed version in the primary',
    breaks: (story) => {
      failing(story);
      story.write(deployments, primary('v2', 4));
    },
    keeps: (story) => {
      failing(story);
      story.change(deployments, 'web-primary', {
        metadata: { ...primary('v1', 4).metadata, labels: {} },
      });
    },
  },
  {
    id: 'S7',
    rule: 'pods of a failed canary that go before its weight',
    breaks: (story) => {
      failing(story);
      story.write(deployments, web('v2', 0));
    },
    keeps: (story) => {
      failing(story);
      drained(story, 5_000);
      story.write(deployments, web('v2', 0));
    },
  },
];
