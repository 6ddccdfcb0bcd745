// The chart's rights against those in use: nothing that the operator asks for is refused, nothing is granted for nothing.
import { expect, test } from 'vitest';
import { until } from '../cluster/until.ts';
import { parseStatus } from '../../../src/api/status.ts';
import {
  APPS,
  COMMAND,
  type App,
  applyCanary,
  deployApps,
  NEVER,
  releaseApp,
  setMetric,
} from './features.ts';
import {
  CHART,
  helm,
  importImage,
  newPlace,
  onEmptyNode,
  RELEASE,
  rendered,
  SYSTEM,
  valuesOf,
} from './installation.ts';
import { describeNode } from './node.ts';
import { allows, auditPosition, granted, type Request, requestsSince, wordsOf } from './rights.ts';
import type { Place } from './walk.ts';

/** Rights that this run does not use, and why they are granted. One that is used, or granted no more, must go from here. */
const UNUSED: Readonly<Record<string, string>> = {
  'serin * create pods/exec':
    'asked for from 1.35 on beside the get of a WebSocket, with no line of its own in the audit log',
  ...Object.fromEntries(
    [
      'canaries.serin.dev',
      'configmaps',
      'deployments.apps',
      'horizontalpodautoscalers.autoscaling',
      'httproutes.gateway.networking.k8s.io',
      'ingresses.networking.k8s.io',
      'metrictemplates.serin.dev',
      'pods',
      'secrets',
      'services',
    ].map(
      (kind) =>
        [`serin * list ${kind}`, 'a server that does not stream the list into the watch'] as const,
    ),
  ),
};

/** Everybody who is somebody may ask for these. */
const FOR_ALL = ['', 'selfsubjectaccessreviews.authorization.k8s.io'];

const WHOLE = {
  routers: { gatewayApi: true, nginx: true },
  configTracking: { secrets: 'clusterWide' },
  exec: { enabled: true },
};

describeNode('the rights of the chart', () => {
  test('are enough for every feature, and each is used', async () => {
    await importImage('this');
    await onEmptyNode(async (api) => {
      const values = valuesOf('this', WHOLE);
      const rights = granted(await rendered(values), SYSTEM);
      const start = auditPosition();
      await helm('install', RELEASE, CHART, ...values, '--wait', '--timeout=2m');
      await using place = await newPlace(api);
      await useEverything(place);
      await helm('uninstall', RELEASE, '--wait', '--timeout=4m');
      const requests = requestsSince(start);
      expect(refused(requests)).toEqual([]);
      const strange = requests.filter(
        (request) =>
          !FOR_ALL.includes(request.resource) && !rights.some((right) => allows(right, request)),
      );
      expect(strange.map(wordsOf)).toEqual([]);
      const unused = rights.filter((right) => !requests.some((request) => allows(right, request)));
      expect([...new Set(unused.map(wordsOf))].toSorted()).toEqual(Object.keys(UNUSED).toSorted());
    });
  });

  test('by namespace are rights in that namespace alone, and enough', async () => {
    await importImage('this');
    await onEmptyNode(async (api) => {
      await using place = await newPlace(api);
      const values = valuesOf('this', { namespaces: [place.namespace] });
      const rights = granted(await rendered(values), SYSTEM);
      const elsewhere = rights.filter(({ namespace }) => namespace !== place.namespace);
      expect([...new Set(elsewhere.map(({ resource }) => resource))]).toEqual([
        'leases.coordination.k8s.io',
      ]);
      const start = auditPosition();
      await helm('install', RELEASE, CHART, ...values, '--wait', '--timeout=2m');
      await deployApps(place);
      await setMetric(place, 1);
      await applyCanary(place, 'gateway');
      await untilPhase(place, 'gateway', 'Initialized');
      await releaseApp(place, 'gateway', 'v2');
      await untilPhase(place, 'gateway', 'Succeeded');
      await helm('uninstall', RELEASE, '--wait', '--timeout=4m');
      expect(refused(requestsSince(start))).toEqual([]);
    });
  });
});

/** While the rights were there: helm takes them away before the operator's pods have ended. */
function refused(requests: readonly Request[]): readonly string[] {
  const uninstalled = requests.findLastIndex(({ account }) => account === `${RELEASE}-uninstall`);
  expect(uninstalled).toBeGreaterThan(0);
  const denied = requests.slice(0, uninstalled).filter(({ code }) => code === 401 || code === 403);
  return [...new Set(denied.map((request) => `${wordsOf(request)} ${request.url}`))];
}

/** First versions, a good one, one that is rolled back, and the end of all. */
async function useEverything(place: Place): Promise<void> {
  await deployApps(place);
  await setMetric(place, 1);
  await Promise.all(APPS.map((app) => applyCanary(place, app, app === 'gateway' ? COMMAND : {})));
  await untilAll(place, 'Initialized');
  await Promise.all(APPS.map((app) => releaseApp(place, app, 'v2')));
  await untilAll(place, 'Succeeded');
  await setMetric(place, 0);
  await applyCanary(place, 'plain', NEVER);
  await Promise.all(APPS.map((app) => releaseApp(place, app, 'v3')));
  await untilAll(place, 'Failed');
}

function untilAll(place: Place, phase: string): Promise<unknown> {
  return Promise.all(APPS.map((app) => untilPhase(place, app, phase)));
}

function untilPhase({ api, namespace }: Place, app: App, phase: string): Promise<unknown> {
  const path = `/apis/serin.dev/v1beta1/namespaces/${namespace}/canaries/${app}`;
  return until(
    `${app} to be ${phase}`,
    async () => {
      const status = parseStatus((await api.get(path))['status']);
      return status.phase === phase && status.parking === null;
    },
    { limitMs: 90_000 },
  );
}
