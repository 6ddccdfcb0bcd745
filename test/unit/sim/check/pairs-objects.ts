// Stories about objects, status and time: S8 to S13, liveness, hygiene.
import { RESOURCES } from '../../../../src/client/resources.ts';
import { drained, failing, type Pair, web } from './scenes.ts';
import { canary, OWNED, route, service, status, type Story, UID, workload } from './story.ts';

const { deployments, services, httpRoutes, canaries, configMaps, events } = RESOURCES;

const event = (name: string, note: string) => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, namespace: 'shop' },
  reason: 'Advanced',
  note,
  regarding: { uid: UID },
});

/** The second Canary of the same target. */
const rival = () =>
  canary({}, {}, { name: 'rival', uid: 'uid-rival', creationTimestamp: '2026-02-01T00:00:00Z' });
const rivals = {
  ...OWNED,
  annotations: { 'serin.dev/canary-uid': 'uid-rival' },
  ownerReferences: OWNED.ownerReferences.map((owner) => ({ ...owner, uid: 'uid-rival' })),
};

/** The Canary is being deleted, the target serves by the apex, and what was made is gone. */
function handedBack(story: Story): void {
  const { truth } = story;
  const dying = { deletionTimestamp: '2026-01-02T00:00:00Z' };
  story.write(canaries, canary({}, {}, dying), 'user').after(10_000);
  story.change(services, 'web', { spec: service('web', 'web')['spec'] });
  truth.share = { web: 100 };
  truth.idle = { web: null, 'web-primary': truth.now - 10_000 };
  truth.weights = { web: 100 };
  story.write(httpRoutes, {
    ...route(0, 100, {}),
    spec: { rules: [{ backendRefs: [{ name: 'web', weight: 100 }] }] },
  });
  story
    .delete(deployments, 'web-primary')
    .delete(services, 'web-primary')
    .delete(services, 'web-canary');
  truth.pods['web-primary'] = [];
}

export const OBJECT_PAIRS: readonly Pair[] = [
  {
    id: 'S8',
    rule: 'a write to an object of nobody that we know',
    breaks: (story) => story.write(services, service('other', 'other')),
    keeps: (story) =>
      story.change(services, 'web-primary', {
        metadata: { ...service('web-primary', '', OWNED).metadata },
      }),
  },
  {
    id: 'S8',
    rule: 'a route that has no owner any more, while its Canary stays',
    breaks: (story) => story.write(httpRoutes, handed, 'user').write(httpRoutes, handed),
    keeps: (story) =>
      story
        .write(canaries, canary({}, {}, { deletionTimestamp: '2026-01-01T00:00:09Z' }), 'user')
        .write(httpRoutes, handed, 'user')
        .write(httpRoutes, handed),
  },
  {
    id: 'S8',
    rule: 'a deletion without preconditions',
    breaks: ({ checker }) =>
      checker.asked({
        verb: 'delete',
        resource: deployments,
        key: { name: 'web-primary' },
        uid: 'x',
      }),
    keeps: ({ checker }) =>
      checker.asked({
        verb: 'delete',
        resource: deployments,
        key: { name: 'x' },
        uid: 'x',
        resourceVersion: '1',
      }),
  },
  {
    id: 'S9',
    rule: 'a target whose template is changed without a deletion',
    breaks: (story) => story.write(deployments, web('v9', 4)),
    keeps: (story) => story.write(deployments, web('v2', 3)),
  },
  {
    id: 'S9',
    rule: 'a finalizer of somebody else that is lost',
    breaks: (story) => {
      const finalizers = ['serin.dev/restore', 'other.dev/hold'];
      story
        .write(canaries, canary({}, {}, { finalizers }), 'user')
        .write(canaries, canary({}, {}, { finalizers: [] }));
    },
    keeps: (story) => {
      const finalizers = ['serin.dev/restore', 'other.dev/hold'];
      story.write(canaries, canary({}, {}, { finalizers }), 'user');
      story.write(canaries, canary({}, {}, { finalizers: ['other.dev/hold'] }));
    },
  },
  {
    id: 'S9',
    rule: 'a label that another manager holds',
    breaks: (story) =>
      story.write(services, labelled({ team: 'a' }), 'helm').write(services, labelled({})),
    keeps: (story) =>
      story
        .write(services, labelled({ team: 'a' }), 'helm')
        .write(services, labelled({ team: 'a', app: 'web' })),
  },
  {
    id: 'S11',
    rule: 'a phase that does not follow',
    breaks: (story) => {
      story
        .change(canaries, 'web', status('Initializing'))
        .change(canaries, 'web', status('Promoting'));
    },
    keeps: (story) => {
      story
        .change(canaries, 'web', status('Initializing'))
        .change(canaries, 'web', status('Initialized'));
    },
  },
  {
    id: 'S11',
    rule: 'an observed generation ahead of the object',
    breaks: (story) =>
      story.change(canaries, 'web', status('Initializing', { observedGeneration: 2 })),
    keeps: (story) => story.change(canaries, 'web', status('Initializing')),
  },
  {
    id: 'S11',
    rule: 'a condition that has a new time and did not turn',
    breaks: (story) =>
      story.change(canaries, 'web', ready('True', '1')).change(canaries, 'web', ready('True', '2')),
    keeps: (story) =>
      story
        .change(canaries, 'web', ready('True', '1'))
        .change(canaries, 'web', ready('False', '2')),
  },
  {
    id: 'S11',
    rule: 'a route ahead of the recorded weight',
    breaks: (story) => story.write(httpRoutes, route(20)),
    keeps: (story) => {
      story.change(canaries, 'web', status('', { canaryWeight: 20 }));
      story.write(httpRoutes, route(20));
    },
  },
  {
    id: 'S12',
    rule: 'a route that the younger of two Canaries takes',
    breaks: (story) => {
      story.write(canaries, rival(), 'user').after(10_000);
      story.write(httpRoutes, route(0, 100, rivals));
    },
    keeps: (story) => {
      story.write(canaries, rival(), 'user').after(10_000);
      story.write(httpRoutes, route(0));
    },
  },
  {
    id: 'S13',
    rule: 'a finalizer that goes while nobody serves',
    breaks: (story) => {
      handedBack(story);
      story.truth.share = {};
      story.delete(canaries, 'web');
    },
    keeps: (story) => {
      handedBack(story);
      story.delete(canaries, 'web');
    },
  },
  {
    id: 'S13',
    rule: 'a primary that serves, and that its owner takes along',
    breaks: (story) => story.delete(canaries, 'web'),
    keeps: (story) => {
      const metadata = { annotations: OWNED.annotations };
      story
        .write(deployments, workload('web-primary', 'v1', 4, metadata))
        .write(httpRoutes, route(0, 100, metadata));
      story.delete(canaries, 'web');
    },
  },
  {
    id: 'S13',
    rule: 'a copy that nobody will take away',
    breaks: (story) => {
      const metadata = { name: 'conf-primary', namespace: 'shop', annotations: OWNED.annotations };
      story.write(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
      handedBack(story);
      story.delete(canaries, 'web');
    },
    keeps: (story) => {
      const metadata = { name: 'conf-primary', namespace: 'shop', ...OWNED };
      story.write(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
      handedBack(story);
      story.delete(canaries, 'web');
    },
  },
  {
    id: 'L1',
    rule: 'writes that do not end',
    breaks: (story) => story.after(70_000).write(httpRoutes, route(0)).after(10).checker.finish(),
    keeps: (story) => story.write(httpRoutes, route(0)).after(70_000).checker.finish(),
  },
  {
    id: 'L2',
    rule: 'a failed canary that keeps its traffic',
    breaks: (story) => {
      failing(story);
      story.after(10_000).checker.finish();
    },
    keeps: (story) => {
      failing(story);
      drained(story, 10_000);
      story.checker.finish();
    },
  },
  {
    id: 'L2',
    rule: 'a failed canary that gave its traffic up too late',
    breaks: (story) => {
      failing(story);
      story.after(8_000);
      drained(story, 0);
    },
    keeps: (story) => {
      failing(story);
      story.after(3_000);
      drained(story, 0);
    },
  },
  {
    id: 'L4',
    rule: 'a rollout that stands past its deadline without a word',
    breaks: (story) =>
      story.change(canaries, 'web', status('Progressing')).after(620_000).checker.finish(),
    keeps: (story) => {
      const conditions = [{ type: 'Stalled', status: 'True' }];
      story
        .change(canaries, 'web', status('Progressing', { conditions }))
        .after(620_000)
        .checker.finish();
    },
  },
  {
    id: 'L4',
    rule: 'Failed, which a new version does not end',
    breaks: (story) => {
      story.change(canaries, 'web', status('Failed')).after(1_000);
      story.write(deployments, web('v3', 0), 'user').after(620_000).checker.finish();
    },
    keeps: (story) =>
      story.change(canaries, 'web', status('Failed')).after(620_000).checker.finish(),
  },
  {
    id: 'H1',
    rule: 'a write after a long calm',
    breaks: (story) => story.after(700_000).write(httpRoutes, route(20)),
    keeps: (story) => story.write(httpRoutes, route(20)).after(700_000).checker.finish(),
  },
  {
    id: 'H3',
    rule: 'the same Event twice',
    breaks: (story) =>
      story
        .write(events, event('a', 'weight 20'))
        .after(1_000)
        .write(events, event('b', 'weight 20')),
    keeps: (story) =>
      story
        .write(events, event('a', 'weight 20'))
        .after(1_000)
        .write(events, event('b', 'weight 50')),
  },
  {
    id: 'H3',
    rule: 'the same Event twice in one attempt',
    breaks: (story) =>
      story
        .change(canaries, 'web', attempt('2026-01-01T00:00:01Z'))
        .write(events, event('a', 'weight 20'))
        .write(events, event('b', 'weight 20')),
    keeps: (story) =>
      story
        .change(canaries, 'web', attempt('2026-01-01T00:00:01Z'))
        .write(events, event('a', 'weight 20'))
        .change(canaries, 'web', attempt('2026-01-01T00:01:00Z'))
        .write(events, event('b', 'weight 20')),
  },
  {
    id: 'H6',
    rule: 'a status above 16 KiB',
    breaks: (story) => story.change(canaries, 'web', status('', { note: 'x'.repeat(17_000) })),
    keeps: (story) => story.change(canaries, 'web', status('', { note: 'x'.repeat(15_000) })),
  },
];

function labelled(labels: Readonly<Record<string, string>>) {
  const fieldsV1 = { 'f:metadata': { 'f:labels': { 'f:team': {} } } };
  return service('web', 'web-primary', { labels, managedFields: [{ manager: 'helm', fieldsV1 }] });
}

function ready(is: string, lastTransitionTime: string) {
  return status('', { conditions: [{ type: 'Ready', status: is, lastTransitionTime }] });
}

const handed = route(0, 100, { annotations: { 'serin.dev/canary': 'shop/web' } });

function attempt(startedAt: string) {
  return status('Progressing', { rollout: { startedAt } });
}
