// Metrics: Flagger's names and meanings, nothing left of what is gone, and never more series than planned.
import { describe, expect, test } from 'vitest';
import { Metrics, type MetricsOptions } from '../../../src/recorder/metrics.ts';

const web = { namespace: 'shop', name: 'web', target: 'web' };

function start(options: Partial<MetricsOptions> = {}) {
  const metrics = new Metrics({ version: '1.2.3', meshProvider: 'gatewayapi:v1', ...options });
  /** The samples whose name starts so, `name{labels} value` each. */
  const samples = async (name: string) => {
    const lines = (await metrics.render()).split('\n');
    return lines.filter((line) => line.startsWith(name));
  };
  return { metrics, samples };
}

describe('a Canary', () => {
  test.each([
    ['Progressing', 0],
    ['Initialized', 1],
    ['Succeeded', 1],
    ['Promoting', 1],
    ['Failed', 2],
  ] as const)('in phase %s has status %d', async (phase, status) => {
    const { metrics, samples } = start();
    metrics.canaries.stands(web, phase, 0);
    expect(await samples('serin_canary_status')).toEqual([
      `serin_canary_status{name="web",namespace="shop"} ${status}`,
    ]);
  });

  test('shows the weights of both its workloads', async () => {
    const { metrics, samples } = start();
    metrics.canaries.stands(web, 'Progressing', 20);
    expect(await samples('serin_canary_weight')).toEqual([
      'serin_canary_weight{workload="web",namespace="shop"} 20',
      'serin_canary_weight{workload="web-primary",namespace="shop"} 80',
    ]);
  });

  test('is counted once in its namespace', async () => {
    const { metrics, samples } = start();
    for (const name of ['web', 'api', 'web']) {
      metrics.canaries.stands({ namespace: 'shop', name, target: name }, 'Initialized', 0);
    }
    expect(await samples('serin_canary_total')).toEqual(['serin_canary_total{namespace="shop"} 2']);
  });

  test('leaves nothing behind when it is gone', async () => {
    const { metrics } = start();
    const empty = await metrics.render();
    const other = { namespace: 'shop', name: 'api', target: 'api' };
    for (const labels of [web, other]) {
      metrics.canaries.stands(labels, 'Progressing', 20);
      metrics.canaries.reconciled(labels, 0.01);
      metrics.canaries.measured(labels, 'request-success-rate', 99.5);
      metrics.canaries.finished(labels, {
        succeeded: true,
        strategy: 'canary',
        analysis: 'completed',
      });
      metrics.canaries.finished(labels, {
        succeeded: false,
        strategy: 'canary',
        analysis: 'completed',
      });
    }
    metrics.canaries.forgetCanary('shop', 'web');
    const left = await metrics.render();
    expect(left).not.toContain('"web');
    expect(left).toContain('serin_canary_total{namespace="shop"} 1');
    metrics.canaries.forgetCanary('shop', 'api');
    metrics.canaries.forgetCanary('shop', 'api');
    expect(await metrics.render()).toBe(empty);
  });

  test('that gets another target is not shown under the old one', async () => {
    const { metrics, samples } = start();
    metrics.canaries.stands(web, 'Progressing', 20);
    metrics.canaries.stands({ ...web, target: 'web2' }, 'Progressing', 30);
    expect(await samples('serin_canary_status')).toEqual([
      'serin_canary_status{name="web2",namespace="shop"} 0',
    ]);
    expect(await samples('serin_canary_total')).toEqual(['serin_canary_total{namespace="shop"} 1']);
  });

  test('cannot fill the registry with metric names', async () => {
    const { metrics, samples } = start();
    for (let i = 0; i < 1000; i++) metrics.canaries.measured(web, `metric-${i}`, i);
    const analysis = await samples('serin_canary_metric_analysis');
    expect(analysis).toHaveLength(33);
    expect(analysis.at(-1)).toContain('metric="other"');
    metrics.canaries.forgetCanary('shop', 'web');
    expect(await samples('serin_canary_metric_analysis')).toEqual([]);
  });

  test('with a nasty metric name cannot forge a sample', async () => {
    const { metrics, samples } = start();
    metrics.canaries.measured(web, 'x"} 1\nserin_canary_status{name="api', 1);
    expect(await samples('serin_canary_status{')).toEqual([]);
  });

  test('that ended is counted by how it ended', async () => {
    const { metrics, samples } = start();
    const finish = { strategy: 'blue-green', analysis: 'skipped' } as const;
    metrics.canaries.finished(web, { ...finish, succeeded: true });
    metrics.canaries.finished(web, { ...finish, succeeded: true });
    metrics.canaries.finished(web, { ...finish, succeeded: false });
    const labels =
      '{name="web",namespace="shop",deployment_strategy="blue-green",analysis_status="skipped"}';
    expect(await samples('serin_canary_successes_total')).toEqual([
      `serin_canary_successes_total${labels} 2`,
    ]);
    expect(await samples('serin_canary_failures_total')).toEqual([
      `serin_canary_failures_total${labels} 1`,
    ]);
  });
});

describe('the machinery', () => {
  test('has all results of a controller from the start', async () => {
    const { metrics, samples } = start();
    const observer = metrics.runtime.controllerObserver('canary');
    expect(await samples('controller_runtime_reconcile_total')).toHaveLength(4);
    observer.attached(4);
    observer.started();
    observer.started();
    observer.ended({
      result: 'error',
      tookMs: 30_000,
      terminal: true,
      unforeseen: true,
      timedOut: true,
    });
    const expected = {
      'controller_runtime_reconcile_total{controller="canary",result="error"}': 1,
      'controller_runtime_reconcile_errors_total{controller="canary"}': 1,
      'controller_runtime_terminal_reconcile_errors_total{controller="canary"}': 1,
      'controller_runtime_reconcile_panics_total{controller="canary"}': 1,
      'controller_runtime_reconcile_timeouts_total{controller="canary"}': 1,
      'controller_runtime_reconcile_time_seconds_sum{controller="canary"}': 30,
      'controller_runtime_max_concurrent_reconciles{controller="canary"}': 4,
      'controller_runtime_active_workers{controller="canary"}': 1,
    };
    for (const [sample, value] of Object.entries(expected)) {
      expect(await samples(sample)).toEqual([`${sample} ${value}`]);
    }
  });

  test('reads what a queue has under way when it is scraped', async () => {
    const { metrics, samples } = start();
    const observer = metrics.runtime.queueObserver('canary');
    let longestMs = 1000;
    observer.attached(() => ({ unfinishedMs: 1500, longestMs }));
    observer.depth('user', 3);
    longestMs = 2000;
    const labels = 'name="canary",controller="canary"';
    expect(await samples('workqueue_longest')).toEqual([
      `workqueue_longest_running_processor_seconds{${labels}} 2`,
    ]);
    expect(await samples('workqueue_unfinished')).toEqual([
      `workqueue_unfinished_work_seconds{${labels}} 1.5`,
    ]);
    expect(await samples('workqueue_depth')).toEqual([
      `workqueue_depth{${labels},priority="user"} 3`,
    ]);
  });

  test('counts calls to the API server, those without an answer too', async () => {
    const { metrics, samples } = start();
    const call = {
      verb: 'get',
      method: 'GET',
      host: '10.0.0.1:443',
      code: 200,
      seconds: 0.02,
      bytes: 900,
      retries: 0,
    };
    metrics.runtime.onRequest(call);
    metrics.runtime.onRequest({ ...call, code: 0, retries: 2 });
    const host = 'host="10.0.0.1:443"';
    expect(await samples('rest_client_requests_total')).toEqual([
      `rest_client_requests_total{code="200",method="GET",${host}} 1`,
      `rest_client_requests_total{code="<error>",method="GET",${host}} 1`,
    ]);
    expect(await samples('rest_client_request_retries_total')).toEqual([
      `rest_client_request_retries_total{code="<error>",verb="GET",${host}} 2`,
    ]);
    expect(await samples('rest_client_request_duration_seconds_count')).toEqual([
      `rest_client_request_duration_seconds_count{verb="GET",${host}} 2`,
    ]);
  });
});

test('the event loop is told of since the last scrape, even if it never turned', async () => {
  let resets = 0;
  const eventLoopDelay = {
    count: 0,
    mean: Number.NaN,
    max: 0,
    percentile: () => 0,
    reset: () => {
      resets += 1;
    },
  };
  const { samples } = start({ eventLoopDelay });
  for (const sample of await samples('serin_event_loop_delay_seconds')) {
    expect(sample).toMatch(/ 0$/);
  }
  eventLoopDelay.count = 1;
  eventLoopDelay.max = 250_000_000;
  expect(await samples('serin_event_loop_delay_seconds{quantile="1"}')).toEqual([
    'serin_event_loop_delay_seconds{quantile="1"} 0.25',
  ]);
  expect(resets).toBe(2);
});

test('use of CPU and memory is read when scraped', async () => {
  let cpuSeconds = 1;
  const usage = () => ({ cpuSeconds, residentBytes: 2e6, heapUsedBytes: 1e6 });
  const { samples } = start({ usage });
  await samples('process_cpu');
  cpuSeconds = 3;
  expect(await samples('process_')).toEqual([
    'process_cpu_seconds_total 3',
    'process_resident_memory_bytes 2000000',
  ]);
});

test('words from elsewhere share a last label', async () => {
  const { metrics, samples } = start();
  for (let i = 0; i < 200; i++) metrics.eventDropped(`reason-${i}`);
  metrics.invariantViolated('weights-sum');
  expect(await samples('serin_events_dropped_total')).toHaveLength(65);
  expect(await samples('serin_invariant_violations_total')).toEqual([
    'serin_invariant_violations_total{invariant="other"} 1',
  ]);
});

test('what runs here is told by labels', async () => {
  expect(await start().samples('serin_info')).toEqual([
    'serin_info{version="1.2.3",mesh_provider="gatewayapi:v1"} 1',
  ]);
});
