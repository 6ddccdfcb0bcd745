// The model's Prometheus: the routers' own queries, asked as Serin asks them.
import { describe, expect, test } from 'vitest';
import { renderQuery } from '../../../../src/api/render-query.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { readPrometheusAnswer } from '../../../../src/metrics/prometheus-answer.ts';
import { APP_QUERIES, NGINX_QUERIES } from '../../../../src/routers/builtin-queries.ts';
import { IngressController } from '../../../../src/sim/world/ingress-controller.ts';
import { MetricsSource } from '../../../../src/sim/world/metrics-source.ts';
import { Traffic } from '../../../../src/sim/world/traffic.ts';
import { Scene, SHOP } from './scene.ts';

const truth = (image: string) =>
  image === 'v2' ? { errorRate: 0.1, latencyMs: 300 } : { errorRate: 0, latencyMs: 100 };

function rendered(queries: Readonly<Record<string, string>>, name: string, change = {}): string {
  const values = {
    name: 'web',
    namespace: SHOP,
    target: 'web',
    service: 'web',
    ingress: 'web',
    route: 'web',
    intervalMs: 60_000,
    variables: {},
    ...change,
  };
  const query = renderQuery(queries[name] ?? '', values, 'query');
  return query.ok ? query.text : '';
}

class Walk extends Scene {
  readonly traffic: Traffic;
  readonly metrics: MetricsSource;
  readonly controller: IngressController | null = null;

  constructor(change: { readonly lagMs?: number; readonly entrance?: 'ingress' } = {}) {
    super();
    this.shop();
    const { clock, store, plane } = this;
    if (change.entrance === 'ingress') {
      this.ingress('web', 'web');
      this.controller = new IngressController({ clock, store, plane, reloadMs: () => 0 });
    } else this.to(0);
    const app = { namespace: SHOP, apex: 'web', perSecond: 100 };
    this.traffic = new Traffic({ clock, plane, ...app, truth });
    const { lagMs = 0 } = change;
    this.metrics = new MetricsSource({ clock, traffic: [this.traffic], scrapeMs: 5000, lagMs });
  }

  to(weight: number): void {
    this.plane.obey(SHOP, 'web', 'gateway', {
      by: 'gateway',
      name: 'web',
      hosts: [],
      backends: [
        { service: 'web-primary', port: 80, weight: 100 - weight, canary: false },
        { service: 'web-canary', port: 80, weight, canary: false },
      ],
    });
  }

  /** What Serin makes of the answer. */
  ask(text: string): unknown {
    const { status, body } = this.metrics.answer(text);
    const sample = readPrometheusAnswer({ status, body: new TextEncoder().encode(body) });
    return sample.kind === 'number' ? Math.round(sample.value * 1e6) / 1e6 : sample.reason;
  }
}

describe('with the metrics of the app', () => {
  const rate = rendered(APP_QUERIES, 'request-success-rate');
  const duration = rendered(APP_QUERIES, 'request-duration');

  test('only the pods of the target count, not those of the primary', async () => {
    const walk = new Walk();
    expect(walk.ask(rate)).toBe('NoData');
    walk.to(50);
    await walk.clock.advance(30_000);
    expect(walk.ask(rate)).toBe(90);
    expect(walk.ask(duration)).toBe(300);
    expect(walk.ask(rendered(APP_QUERIES, 'request-success-rate', { target: 'web-primary' }))).toBe(
      100,
    );
    expect(walk.ask(rendered(APP_QUERIES, 'request-success-rate', { namespace: 'other' }))).toBe(
      'NoData',
    );
    expect(walk.metrics.unknown).toEqual([]);
  });

  test('a counter needs two scrapes, seen after the lag', async () => {
    const walk = new Walk({ lagMs: 3000 });
    walk.to(50);
    await walk.clock.advance(12_999);
    expect(walk.ask(rate)).toBe('NoData');
    await walk.clock.advance(1);
    expect(walk.ask(rate)).toBe(90);
  });

  test('a pod without requests gives no number, and one that is gone no series', async () => {
    const walk = new Walk();
    walk.to(50);
    await walk.clock.advance(30_000);
    walk.to(0);
    await walk.clock.advance(70_000);
    expect(walk.ask(rate)).toBe('NotANumber');
    expect(walk.ask(duration)).toBe('NotANumber');
    walk.remove(RESOURCES.pods, 'web-b2-1');
    await walk.clock.advance(70_000);
    expect(walk.ask(rate)).toBe('NoData');
  });

  test('the window forgets what was before it', async () => {
    const walk = new Walk();
    walk.to(50);
    walk.traffic.setTruth(() => ({ errorRate: 1, latencyMs: 9000 }));
    await walk.clock.advance(60_000);
    expect(walk.ask(rate)).toBe(0);
    walk.traffic.setTruth(truth);
    await walk.clock.advance(30_000);
    expect(walk.ask(rate)).toBeGreaterThan(30);
    expect(walk.ask(rate)).toBeLessThan(60);
    await walk.clock.advance(30_000);
    expect(walk.ask(rate)).toBe(90);
  });

  test('the quantile is that of the slowest pods if they answer more than the rest of it', async () => {
    const walk = new Walk();
    walk.pod('web-b2-2', 'web', 'v3');
    walk.to(50);
    await walk.clock.advance(30_000);
    expect(walk.ask(duration)).toBe(300);
  });
});

describe('with the metrics of ingress-nginx', () => {
  const rate = rendered(NGINX_QUERIES, 'request-success-rate');
  const duration = rendered(NGINX_QUERIES, 'request-duration');

  test('only what went to the canary upstream counts, after its pods are gone, too', async () => {
    const walk = new Walk({ entrance: 'ingress' });
    await walk.clock.advance(30_000);
    expect(walk.ask(rate)).toBe('NoData');
    walk.canaryIngress('40');
    await walk.clock.advance(30_000);
    expect(walk.ask(rate)).toBe(90);
    expect(walk.ask(duration)).toBe(300);
    expect(walk.ask(rendered(NGINX_QUERIES, 'request-success-rate', { ingress: 'other' }))).toBe(
      'NoData',
    );
    walk.remove(RESOURCES.pods, 'web-b2-1');
    await walk.clock.advance(20_000);
    expect(walk.ask(rate)).toBe(90);
  });
});

test('scripted queries give what they are told, others are an error that is noted', async () => {
  const walk = new Walk();
  const { metrics, clock } = walk;
  metrics.script('\nmy_rate\n', 42.5);
  metrics.script('my_nan', Number.NaN);
  metrics.script('my_none', 'none');
  metrics.script('my_error', { error: 'timeout', status: 503 });
  metrics.script('my_turn', (nowMs) => (nowMs < 1000 ? 1 : 2));
  expect(walk.ask('my_rate')).toBe(42.5);
  expect(walk.ask('my_nan')).toBe('NotANumber');
  expect(walk.ask('my_none')).toBe('NoData');
  expect(walk.ask('my_error')).toBe('Timeout');
  expect(walk.ask('my_turn')).toBe(1);
  await clock.advance(1000);
  expect(walk.ask('my_turn')).toBe(2);
  expect(metrics.unknown).toEqual([]);
  metrics.script('my_rate', null);
  expect(walk.ask('my_rate')).toBe('BadQuery');
  expect(metrics.unknown).toEqual(['my_rate']);
});
