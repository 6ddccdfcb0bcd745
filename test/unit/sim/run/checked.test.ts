// The shipped operator on the model cluster under the checker: what it does breaks no invariant, and what breaks one is seen.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Checker } from '../../../../src/sim/check/checker.ts';
import { ClusterTruth } from '../../../../src/sim/run/cluster-truth.ts';
import { ModelCluster, USER } from '../../../../src/sim/run/model-cluster.ts';
import { OPERATOR, Replica } from '../../../../src/sim/run/replica.ts';
import {
  APP,
  openShop,
  release,
  SHOP,
  type ShopOptions,
  statusOf,
} from '../../../../src/sim/run/shop.ts';
import { watchWrites } from '../../../../src/sim/run/watch-writes.ts';
import { kinds } from './kinds.ts';

const LONG_MS = 900_000;

interface Story {
  readonly seed: number;
  readonly errorRate: number;
  readonly shop?: ShopOptions;
  /** What users have of their own. */
  readonly own?: readonly KubeObject[];
}

/** The app stands with web:1 and has users; every write since the beginning is looked at. */
async function opened({ seed, errorRate, shop, own = [] }: Story) {
  const cluster = new ModelCluster({ seed, kinds });
  const truth = new ClusterTruth({ cluster });
  const checker = new Checker(truth);
  const watched = watchWrites(cluster, checker);
  openShop(cluster, shop);
  for (const object of own) cluster.create(object);
  const replica = new Replica({ cluster, gate: watched.gate() });
  const users = cluster.bringUsers({
    namespace: SHOP,
    apex: APP,
    perSecond: 100,
    truth: (image) => ({ errorRate: image === 'web:2' ? errorRate : 0, latencyMs: 10 }),
  });
  truth.count(users);
  const phase = (wanted: string) =>
    cluster.until(() => statusOf(cluster).phase === wanted, LONG_MS);
  expect(await phase('Initialized')).toBe(true);
  await cluster.clock.advance(30_000);
  const finish = async () => {
    await cluster.clock.advance(LONG_MS);
    replica.kill();
    watched.finish();
  };
  return { cluster, truth, checker, replica, phase, finish };
}

test('a good version is promoted, and nothing is broken', async () => {
  const { cluster, checker, phase, finish } = await opened({ seed: 1, errorRate: 0 });
  release(cluster, 'web:2');
  expect(await phase('Succeeded')).toBe(true);
  await finish();
  expect(checker.violations).toEqual([]);
  // Nothing failed, was contested or deleted.
  expect(checker.vacuous).toEqual(['S7', 'S12', 'S13', 'L2']);
});

test('a version with errors is rolled back, and nothing is broken', async () => {
  const { cluster, checker, phase, finish } = await opened({ seed: 2, errorRate: 0.3 });
  release(cluster, 'web:2');
  expect(await phase('Failed')).toBe(true);
  await finish();
  expect(checker.violations).toEqual([]);
  expect(checker.vacuous).toEqual(['S12', 'S13']);
});

test('a canary that is deleted in the middle gives the traffic back, and nothing is broken', async () => {
  const { cluster, checker, finish } = await opened({ seed: 4, errorRate: 0 });
  release(cluster, 'web:2');
  await cluster.clock.advance(15_000);
  cluster.store.delete(RESOURCES.canaries, { namespace: SHOP, name: APP }, USER);
  await finish();
  expect(checker.violations).toEqual([]);
  expect(checker.antecedents.get('S13')).toBe(1);
});

test('a newer version in the middle starts from the bottom, and nothing is broken', async () => {
  const { cluster, checker, phase, finish } = await opened({ seed: 5, errorRate: 0.3 });
  release(cluster, 'web:2');
  await cluster.clock.advance(15_000);
  release(cluster, 'web:3');
  expect(await phase('Succeeded')).toBe(true);
  await finish();
  expect(checker.violations).toEqual([]);
  expect(checker.antecedents.get('S5')).toBe(3);
});

const backend = { service: { name: APP, port: { number: 80 } } };
const INGRESS: readonly KubeObject[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: APP, namespace: SHOP },
    spec: { selector: { app: APP }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: APP, namespace: SHOP },
    spec: {
      ingressClassName: 'nginx',
      rules: [{ host: 'web.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  },
];
const BY_INGRESS = {
  provider: 'nginx',
  service: { port: 80, targetPort: 'http' },
  ingressRef: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: APP },
};

test.each([
  ['Succeeded', 0],
  ['Failed', 0.3],
])('by an Ingress a rollout ends %s, and nothing is broken', async (end, errorRate) => {
  const shop = { spec: BY_INGRESS };
  const story = await opened({ seed: 6, errorRate, shop, own: INGRESS });
  release(story.cluster, 'web:2');
  expect(await story.phase(end)).toBe(true);
  await story.finish();
  expect(story.checker.violations).toEqual([]);
});

/** As if the operator itself had done it. */
const BY = { user: OPERATOR, manager: 'serin' };

/** The new version has its first weight, and no check has passed yet. */
async function climbing(errorRate = 0) {
  const story = await opened({ seed: 3, errorRate });
  release(story.cluster, 'web:2');
  const { cluster, truth } = story;
  const weight = () => truth.dataPlane.inForce(SHOP, APP)?.weights.get('web-canary') ?? 0;
  expect(await cluster.until(() => weight() === 25, LONG_MS)).toBe(true);
  await cluster.clock.advance(3000);
  return story;
}

const WRONG = [
  {
    what: 'a weight beyond the passed checks',
    ids: ['S5', 'S11'],
    write: (cluster: ModelCluster) => {
      const path = (index: number) => `/spec/rules/0/backendRefs/${index}/weight`;
      const operations = [
        { op: 'replace', path: path(0), value: 25 },
        { op: 'replace', path: path(1), value: 75 },
      ] as const;
      const key = { namespace: SHOP, name: APP };
      cluster.store.patch(RESOURCES.httpRoutes, key, { type: 'json', operations }, BY);
    },
  },
  {
    what: 'a promotion before its time',
    ids: ['S4'],
    write: (cluster: ModelCluster) => {
      const path = '/spec/template/spec/containers/0/image';
      const operations = [{ op: 'replace', path, value: 'web:2' }] as const;
      const key = { namespace: SHOP, name: `${APP}-primary` };
      cluster.store.patch(RESOURCES.deployments, key, { type: 'json', operations }, BY);
    },
  },
  {
    what: 'a canary that loses its pods under requests',
    ids: ['S3'],
    write: (cluster: ModelCluster) => {
      const operations = [{ op: 'replace', path: '/spec/replicas', value: 0 }] as const;
      const key = { namespace: SHOP, name: APP };
      cluster.store.patch(RESOURCES.deployments, key, { type: 'json', operations }, BY);
    },
  },
];

test.each(WRONG)('$what is seen', async ({ write, ids }) => {
  const { cluster, checker } = await climbing();
  expect(checker.violations).toEqual([]);
  write(cluster);
  expect(checker.violations.map(({ invariant }) => invariant)).toEqual(ids);
});

test('a rollback that does not come is seen', async () => {
  const { checker, replica, finish } = await climbing(0.3);
  replica.kill();
  await finish();
  expect(checker.violations.map(({ invariant }) => invariant)).toEqual(['L2', 'L4']);
});
