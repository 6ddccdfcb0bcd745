// Kinds are found as the server serves them, asked for seldom, and found soon after they are installed.
import { beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { Discovery } from '../../../src/client/discovery.ts';
import { ApiError, type ApiErrorKind } from '../../../src/client/errors.ts';

const { signal } = new AbortController();
const apps = {
  resources: [
    { name: 'deployments', kind: 'Deployment', namespaced: true },
    { name: 'deployments/scale', kind: 'Scale', namespaced: true },
    { name: 'deployments/status', kind: 'Deployment', namespaced: true },
  ],
};
const deployment = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};

let clock: VirtualClock;
let served: Record<string, object | ApiErrorKind>;
let asked: string[];
let discovery: Discovery;

beforeEach(() => {
  clock = new VirtualClock();
  served = { '/apis/apps/v1': apps };
  asked = [];
  discovery = new Discovery(clock, async (path) => {
    asked.push(path);
    const answer = served[path] ?? 'not-found';
    if (typeof answer === 'object') return answer;
    const fields = { kind: answer, code: 0, status: null, retryAfterMs: null };
    throw new ApiError(`get ${path}`, fields);
  });
});

const find = (apiVersion: string, kind: string) =>
  discovery.resourceFor(apiVersion, kind, { signal });

test('a served kind is found once and remembered, for ten minutes', async () => {
  expect(await find('apps/v1', 'Deployment')).toEqual(deployment);
  await clock.advance(599_000);
  expect(await find('apps/v1', 'Deployment')).toEqual(deployment);
  expect(asked).toEqual(['/apis/apps/v1']);
  await clock.advance(1000);
  await find('apps/v1', 'Deployment');
  expect(asked.length).toBe(2);
});

test('a missing kind is asked for again, but not within five seconds', async () => {
  const version = 'gateway.networking.k8s.io/v1';
  expect(await find(version, 'HTTPRoute')).toBeNull();
  await clock.advance(4999);
  expect(await find(version, 'HTTPRoute')).toBeNull();
  expect(asked.length).toBe(1);
  served[`/apis/${version}`] = {
    resources: [{ name: 'httproutes', kind: 'HTTPRoute', namespaced: true }],
  };
  await clock.advance(1);
  expect(await find(version, 'HTTPRoute')).toMatchObject({ plural: 'httproutes' });
});

test('a subresource is not the resource of its kind', async () => {
  expect(await find('apps/v1', 'Scale')).toBeNull();
});

test('the core group is asked at its own place', async () => {
  served['/api/v1'] = { resources: [{ name: 'nodes', kind: 'Node', namespaced: false }] };
  expect(await find('v1', 'Node')).toMatchObject({ group: '', plural: 'nodes', namespaced: false });
});

test('a failing server is not taken for a missing kind', async () => {
  served['/apis/apps/v1'] = 'transient';
  await expect(find('apps/v1', 'Deployment')).rejects.toMatchObject({ kind: 'transient' });
  served['/apis/apps/v1'] = apps;
  expect(await find('apps/v1', 'Deployment')).toEqual(deployment);
});

test.each(['', 'a/b/c', '../v1', 'apps/', 'apps/v1?x', '/v1'])(
  'the apiVersion %j is never sent',
  async (apiVersion) => {
    expect(await find(apiVersion, 'Deployment')).toBeNull();
    expect(asked).toEqual([]);
  },
);
