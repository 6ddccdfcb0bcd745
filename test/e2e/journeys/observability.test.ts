// What an operator of Serin can see: metrics, log lines, Events and probes; and what nobody may see.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { untilQuiet } from './chronicle.ts';
import {
  canariesPath,
  canaryOf,
  initialized,
  journey,
  type Journey,
  setImage,
  untilPhase,
  untilRolledBack,
} from './journey.ts';

interface ApiEvent extends KubeObject {
  readonly eventTime: string;
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly reportingController: string;
}

const PLANTED = ['s3cret-token', 's3cret-config', 's3cret-answer', 's3cret-query'] as const;

describeE2E('what is told of a rollout', () => {
  test('is its whole story in Events, in order, found by kubectl describe, and no secret', async () => {
    await journey(async (walk) => {
      await plantSecrets(walk);
      let rate = 100;
      walk.prometheus.answer(() => rate);
      walk.hooks.answer('/check', () => ({ status: 200, body: 's3cret-answer' }));
      await initialized(walk, CONTAINER, { analysis: analysis(walk) });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      rate = 50;
      walk.hooks.answer('/check', () => ({ status: 500, body: 's3cret-answer' }));
      await setImage(walk, 'web:3');
      await untilRolledBack(walk, { image: 'web:2' });
      const told = await untilStory(walk, 'RolledBack');
      expect(told.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
        'Normal Initializing',
        'Normal Initialized',
        'Normal NewRevision',
        'Normal Advanced',
        'Normal Advanced',
        'Normal Promoting',
        'Normal Promoted',
        'Normal NewRevision',
        'Normal Advanced',
        'Warning Halted',
        'Warning AnalysisFailed',
        'Warning RolledBack',
      ]);
      expect(told.map(({ note }) => note)).toEqual(
        expect.arrayContaining([
          expect.stringContaining('canary weight 25'),
          expect.stringContaining('canary weight 50'),
        ]),
      );
      const { object } = await canaryOf(walk);
      for (const { regarding, reportingController } of told) {
        expect(regarding).toMatchObject({ kind: 'Canary', name: 'web', uid: object.metadata.uid });
        expect(reportingController).toBe('serin.dev/controller');
      }
      expect(await described(walk, object)).toHaveLength(told.length);
      await expectNoSecret(walk);
    });
  });

  test('is in the metrics by the names that dashboards of Flagger know, until the Canary goes', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 99.5);
      const { namespace } = walk;
      await initialized(walk, {}, { analysis: analysis(walk) });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      // What became true is told after it is stored.
      const ended = { deployment_strategy: 'canary', analysis_status: 'completed' };
      const mine = { name: 'web', namespace, ...ended };
      await until('the end in the metrics', async () => {
        return (await seriesOf(walk))('serin_canary_successes_total', mine) === 1;
      });
      const own = await seriesOf(walk);
      expect(own('serin_canary_total', { namespace })).toBe(1);
      expect(own('serin_canary_status', { name: 'web', namespace })).toBe(1);
      expect(own('serin_canary_weight', { workload: 'web', namespace })).toBe(0);
      expect(own('serin_canary_weight', { workload: 'web-primary', namespace })).toBe(100);
      const rate = { name: 'web', namespace, metric: 'request-success-rate' };
      expect(own('serin_canary_metric_analysis', rate)).toBe(99.5);
      expect(
        own('serin_canary_duration_seconds_count', { name: 'web', namespace }),
      ).toBeGreaterThan(1);
      await walk.api.delete(`${canariesPath(walk)}/web`);
      await until('no series of the Canary', async () => {
        const text = await walk.operator.metrics();
        return !text.includes(`namespace="${namespace}"`) && !text.includes('name="web"');
      });
    });
  });

  test('comes with the state of the machinery: queue, workers, API calls, event loop, calls outside', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 100);
      await initialized(walk, {}, { analysis: analysis(walk) });
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      const own = await seriesOf(walk);
      const counted = [
        'serin_info',
        'controller_runtime_reconcile_total',
        'controller_runtime_reconcile_time_seconds_count',
        'controller_runtime_max_concurrent_reconciles',
        'workqueue_adds_total',
        'workqueue_queue_duration_seconds_count',
        'workqueue_work_duration_seconds_count',
        'rest_client_requests_total',
        'rest_client_request_duration_seconds_count',
        'serin_event_loop_delay_seconds',
        'serin_metric_query_duration_seconds_count',
        'serin_webhook_duration_seconds_count',
        'process_cpu_seconds_total',
        'process_resident_memory_bytes',
      ];
      for (const name of counted) expect(own(name), name).toBeGreaterThan(0);
      const quiet = [
        'workqueue_depth',
        'workqueue_unfinished_work_seconds',
        'controller_runtime_active_workers',
        'controller_runtime_reconcile_panics_total',
        'controller_runtime_reconcile_timeouts_total',
        'serin_invariant_violations_total',
      ];
      await until('the queue to be at rest', async () => {
        const now = await seriesOf(walk);
        return quiet.every((name) => (now(name) ?? 0) === 0);
      });
    });
  });
});

describeE2E('the log', () => {
  test('has one JSON line for each decision that changed something, and none at rest', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded');
      await untilStory(walk, 'Promoted');
      await untilQuiet(walk, 2_000);
      const before = linesOf(walk);
      for (const line of before) {
        expect(['debug', 'info', 'warn']).toContain(line['level']);
        expect(line).toMatchObject({ time: expect.any(String), message: expect.any(String) });
      }
      const recorded = before.filter(({ message }) => message === 'recorded');
      const said = recorded.map(({ why, phase, revision, weight, step }) =>
        JSON.stringify({ why, phase, revision, weight, step }),
      );
      expect(new Set(said).size, 'lines that say something new').toBe(said.length);
      for (const line of recorded) {
        expect(line).toMatchObject({
          why: expect.any(String),
          phase: expect.any(String),
          revision: expect.any(String),
        });
      }
      const looks = (await seriesOf(walk))('controller_runtime_reconcile_total') ?? 0;
      await walk.api.patch(`${canariesPath(walk)}/web`, {
        metadata: { labels: { unrelated: 'yes' } },
      });
      await until('another look at the Canary', async () => {
        return ((await seriesOf(walk))('controller_runtime_reconcile_total') ?? 0) > looks;
      });
      expect(linesOf(walk).slice(before.length)).toEqual([]);
    });
  });
});

describeE2E('the process', () => {
  test('answers probes, and nothing that it does not know', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      const root = `http://127.0.0.1:${await walk.operator.port}`;
      const status = async (path: string): Promise<number> => (await fetch(root + path)).status;
      expect(await status('/healthz')).toBe(200);
      expect(await status('/readyz')).toBe(200);
      expect(await status('/debug')).toBe(404);
      const metrics = await fetch(`${root}/metrics`);
      expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    });
  });

  test('ends with code 0 when it is asked to, and owes no Event then', async () => {
    await journey(async (walk) => {
      await initialized(walk);
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Progressing');
      const { namespace } = walk;
      const told = linesOf(walk).filter(({ message }) => message === 'event').length;
      expect(await walk.operator.end('SIGTERM')).toBe(0);
      expect(told).toBeGreaterThan(0);
      const stored = await story(walk);
      const lines = linesOf(walk).filter(({ message }) => message === 'event');
      expect(stored.map(({ reason }) => reason)).toEqual(lines.map(({ reason }) => reason));
      expect(lines.every(({ regarding }) => regarding === `Canary ${namespace}/web`)).toBe(true);
    });
  });
});

const CONTAINER = {
  container: { envFrom: [{ secretRef: { name: 'settings' } }] },
};

function analysis(walk: Journey): Readonly<Record<string, unknown>> {
  return {
    metrics: [{ name: 'request-success-rate', interval: '1s', thresholdRange: { min: 99 } }],
    webhooks: [{ name: 'check', url: `${walk.hooks.url}/check?key=s3cret-query`, timeout: '5s' }],
  };
}

async function plantSecrets(walk: Journey): Promise<void> {
  await walk.api.post(`/api/v1/namespaces/${walk.namespace}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'settings' },
    stringData: { password: 's3cret-config' },
  });
}

/** What is stored as data of the user's own (Secrets and the spec) aside, the planted words are nowhere. */
async function expectNoSecret(walk: Journey): Promise<void> {
  const { object } = await canaryOf(walk);
  const places = {
    log: walk.log,
    metrics: await walk.operator.metrics(),
    events: JSON.stringify(await story(walk)),
    status: JSON.stringify(object['status']),
  };
  for (const [place, text] of Object.entries(places)) {
    for (const word of PLANTED) expect(text.includes(word), `${word} in ${place}`).toBe(false);
  }
}

/** Events about the Canary, oldest first. */
async function story(walk: Journey): Promise<readonly ApiEvent[]> {
  const { items } = await walk.api.get<{ items: readonly ApiEvent[] }>(
    `/apis/events.k8s.io/v1/namespaces/${walk.namespace}/events?limit=500`,
  );
  return items
    .filter(({ regarding }) => regarding.kind === 'Canary')
    .toSorted((left, right) => left.eventTime.localeCompare(right.eventTime));
}

function untilStory(walk: Journey, end: string): Promise<readonly ApiEvent[]> {
  return until(`the story to end with ${end}`, async () => {
    const told = await story(walk);
    return told.at(-1)?.reason === end ? told : null;
  });
}

/** What `kubectl describe` asks for. */
async function described(walk: Journey, { metadata }: KubeObject): Promise<readonly unknown[]> {
  const { name, namespace = '', uid = '' } = metadata;
  const selector = Object.entries({ name, namespace, kind: 'Canary', uid })
    .map(([field, value]) => `involvedObject.${field}=${value}`)
    .join(',');
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(selector)}`;
  return (await walk.api.get<{ items: unknown[] }>(path)).items;
}

function linesOf(walk: Journey): readonly Readonly<Record<string, unknown>>[] {
  return walk.operator.log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

type Lookup = (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;

/** The sum over all series of a name that have the labels; undefined where there is none. */
async function seriesOf(walk: Journey): Promise<Lookup> {
  const lines = (await walk.operator.metrics()).split('\n');
  return (name, labels = {}) => {
    const found = lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) =>
        Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)),
      )
      .map((line) => Number(line.slice(line.lastIndexOf(' '))));
    return found.length === 0 ? undefined : found.reduce((sum, value) => sum + value, 0);
  };
}
