// The gateway: late, honest about which generation it speaks of, and obedient only to what it has not refused.
import { expect, test } from 'vitest';
import type { GatewayRef } from '../../../../src/api/canary.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { acceptance } from '../../../../src/routers/http-route-status.ts';
import { isRecord, records } from '../../../../src/routers/route-objects.ts';
import { Gateway, type GatewayOptions } from '../../../../src/sim/world/gateway.ts';
import { Scene, SHOP } from './scene.ts';

const PUBLIC: GatewayRef = {
  group: 'gateway.networking.k8s.io',
  kind: 'Gateway',
  name: 'public',
  namespace: null,
  sectionName: null,
  port: null,
};

class Walk extends Scene {
  readonly gateway: Gateway;

  constructor(options: Partial<GatewayOptions> = {}) {
    super();
    this.shop();
    const { clock, store, plane } = this;
    this.gateway = new Gateway({ clock, store, plane, ...options });
  }

  accepted(): string {
    const route = this.get(RESOURCES.httpRoutes, 'web');
    if (route === null) return 'absent';
    const answer = acceptance(route, [PUBLIC]);
    return answer.kind === 'yes' ? 'yes' : `${answer.kind}: ${answer.why}`;
  }

  condition(type: string): unknown {
    const status = this.get(RESOURCES.httpRoutes, 'web')?.['status'];
    const [parent] = isRecord(status) ? records(status['parents']) : [];
    return records(parent?.['conditions']).find((each) => each['type'] === type);
  }
}

test('obeys after one delay and says so after another', async () => {
  const walk = new Walk({ delays: () => ({ routeMs: 300, statusMs: 100 }) });
  walk.route({ 'web-primary': 90, 'web-canary': 10 });
  expect(walk.accepted()).toMatch(/^waiting: .*has not seen the route yet/);
  expect(walk.byImage()).toEqual({ v1: 1 });
  await walk.clock.advance(100);
  expect(walk.accepted()).toBe('yes');
  expect(walk.condition('Programmed')).toMatchObject({ status: 'False' });
  expect(walk.byImage()).toEqual({ v1: 1 });
  await walk.clock.advance(200);
  expect(walk.byImage()).toEqual({ v1: 0.9, v2: 0.1 });
  expect(walk.condition('Programmed')).toMatchObject({ status: 'True', observedGeneration: 1 });
  walk.route({ 'web-primary': 80, 'web-canary': 20 });
  expect(walk.accepted()).toMatch(/^waiting: .*has not seen generation 2 yet/);
  await walk.clock.advance(300);
  expect(walk.accepted()).toBe('yes');
  expect(walk.byImage()).toEqual({ v1: 0.8, v2: 0.2 });
  expect(walk.clock.armed).toBe(0);
});

test('never goes back to an older change that took longer', async () => {
  const delays = [500, 50];
  const walk = new Walk({
    delays: () => {
      const ms = delays.shift() ?? 0;
      return { routeMs: ms, statusMs: ms };
    },
  });
  walk.route({ 'web-primary': 90, 'web-canary': 10 });
  walk.route({ 'web-primary': 50, 'web-canary': 50 });
  await walk.clock.advance(50);
  expect(walk.accepted()).toBe('yes');
  await walk.clock.advance(1000);
  expect(walk.accepted()).toBe('yes');
  expect(walk.byImage()).toEqual({ v1: 0.5, v2: 0.5 });
});

test('a refused change leaves in force what was there, until it is refused no longer', async () => {
  const walk = new Walk();
  walk.route({ 'web-primary': 100, 'web-canary': 0 });
  await walk.clock.advance(100);
  walk.gateway.refuse(SHOP, 'web', {
    condition: 'Accepted',
    reason: 'NotAllowedByListeners',
    message: 'no',
  });
  expect(walk.accepted()).toMatch(/^refused: .*Accepted=False, NotAllowedByListeners: no/);
  walk.route({ 'web-primary': 50, 'web-canary': 50 });
  await walk.clock.advance(1000);
  expect(walk.accepted()).toMatch(/^refused/);
  expect(walk.byImage()).toEqual({ v1: 1 });
  walk.gateway.refuse(SHOP, 'web', null);
  expect(walk.accepted()).toBe('yes');
  expect(walk.byImage()).toEqual({ v1: 0.5, v2: 0.5 });
});

test('a backend without a Service is unresolved until the Service comes', async () => {
  const walk = new Walk();
  walk.remove(RESOURCES.services, 'web-canary');
  walk.route({ 'web-primary': 90, 'web-canary': 10 });
  await walk.clock.advance(100);
  expect(walk.accepted()).toMatch(/^refused: .*ResolvedRefs=False, BackendNotFound/);
  expect(walk.plane.unserved(SHOP, 'web')).toBeCloseTo(0.1);
  walk.service('web-canary', 'web');
  await walk.clock.advance(100);
  expect(walk.accepted()).toBe('yes');
});

test('times of transition stay while a condition stays, and others keep their entries', async () => {
  const walk = new Walk();
  walk.route({ 'web-primary': 100 });
  await walk.clock.advance(100);
  const before = walk.condition('Accepted');
  const other = { parentRef: { name: 'inner' }, controllerName: 'other', conditions: [] };
  const live = walk.get(RESOURCES.httpRoutes, 'web');
  const parents = isRecord(live?.['status']) ? records(live['status']['parents']) : [];
  const body = { status: { parents: [other, ...parents] } };
  const key = { namespace: SHOP, name: 'web' };
  walk.store.patch(
    RESOURCES.httpRoutes,
    key,
    { type: 'merge', body },
    { user: 'o', manager: 'o' },
    {
      subresource: 'status',
    },
  );
  await walk.clock.advance(60_000);
  walk.route({ 'web-primary': 90, 'web-canary': 10 });
  await walk.clock.advance(100);
  const status = walk.get(RESOURCES.httpRoutes, 'web')?.['status'];
  const [first, second] = isRecord(status) ? records(status['parents']) : [];
  expect(first).toEqual(other);
  const after = records(second?.['conditions'])[0];
  expect(after).toEqual({ ...(isRecord(before) ? before : {}), observedGeneration: 2 });
});

test('while it is away nothing moves; back again it takes what there is, and what is gone goes', async () => {
  const walk = new Walk();
  walk.route({ 'web-primary': 100, 'web-canary': 0 });
  await walk.clock.advance(100);
  walk.gateway.away(true);
  walk.route({ 'web-primary': 50, 'web-canary': 50 });
  await walk.clock.advance(60_000);
  expect(walk.accepted()).toMatch(/^waiting/);
  expect(walk.byImage()).toEqual({ v1: 1 });
  walk.gateway.away(false);
  await walk.clock.advance(100);
  expect(walk.accepted()).toBe('yes');
  expect(walk.byImage()).toEqual({ v1: 0.5, v2: 0.5 });
  walk.gateway.away(true);
  walk.remove(RESOURCES.httpRoutes, 'web');
  walk.gateway.away(false);
  expect(walk.byImage()).toEqual({ '': 1 });
});

test('a route that is deleted goes after the delay; one made anew at once stays', async () => {
  const walk = new Walk();
  walk.route({ 'web-primary': 100 });
  await walk.clock.advance(100);
  walk.remove(RESOURCES.httpRoutes, 'web');
  walk.route({ 'web-canary': 100 });
  await walk.clock.advance(100);
  expect(walk.accepted()).toBe('yes');
  expect(walk.byImage()).toEqual({ v2: 1 });
  walk.remove(RESOURCES.httpRoutes, 'web');
  expect(walk.byImage()).toEqual({ v2: 1 });
  await walk.clock.advance(100);
  expect(walk.byImage()).toEqual({ '': 1 });
});
