// Traffic by arithmetic: the same numbers as counting each request, over any window.
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Traffic } from '../../../../src/sim/world/traffic.ts';
import { Scene, SHOP } from './scene.ts';

const truth = (image: string) =>
  image === 'v2' ? { errorRate: 0.5, latencyMs: 300 } : { errorRate: 0, latencyMs: 100 };

function to(scene: Scene, weight: number): void {
  scene.plane.obey(SHOP, 'web', 'gateway', {
    by: 'gateway',
    name: 'web',
    hosts: [],
    backends: [
      { service: 'web-primary', port: 80, weight: 100 - weight, canary: false },
      { service: 'web-canary', port: 80, weight, canary: false },
    ],
  });
}

function flowing(): Scene & { readonly traffic: Traffic } {
  const scene = new Scene().shop();
  to(scene, 0);
  const { clock, plane } = scene;
  const traffic = new Traffic({
    clock,
    plane,
    namespace: SHOP,
    apex: 'web',
    perSecond: 100,
    truth,
  });
  return Object.assign(scene, { traffic });
}

test('counts by share between shifts, and windows may begin and end anywhere', async () => {
  const scene = flowing();
  await scene.clock.advance(10_000);
  to(scene, 20);
  await scene.clock.advance(10_000);
  to(scene, 60);
  await scene.clock.advance(10_000);
  const { traffic } = scene;
  expect(traffic.window('v1', 0, 30_000).requests).toBeCloseTo(1000 + 800 + 400);
  const canary = traffic.window('v2', 5000, 22_000);
  expect(canary.requests).toBeCloseTo(200 + 120);
  expect(canary.failed).toBeCloseTo(160);
  expect(canary.latencyMs / canary.requests).toBeCloseTo(300);
  expect(traffic.window('v2', 0, 10_000).requests).toBe(0);
  expect(traffic.total(0, 30_000).requests).toBeCloseTo(3000);
  expect(scene.clock.armed).toBe(0);
});

test('a window into the future counts what has happened', async () => {
  const scene = flowing();
  await scene.clock.advance(1000);
  expect(scene.traffic.window('v1', 0, 60_000).requests).toBeCloseTo(100);
  expect(scene.traffic.window('v1', 2000, 60_000).requests).toBe(0);
});

test('requests that meet no pod are lost, and belong to no image', async () => {
  const scene = flowing();
  to(scene, 25);
  scene.remove(RESOURCES.pods, 'web-b2-1');
  await scene.clock.advance(4000);
  scene.pod('web-c3-1', 'web', 'v2');
  await scene.clock.advance(4000);
  expect(scene.traffic.lost(0, 8000)).toBeCloseTo(100);
  expect(scene.traffic.window('v2', 0, 8000).requests).toBeCloseTo(100);
  expect(scene.traffic.total(0, 8000)).toMatchObject({ requests: expect.closeTo(800) });
});

test('rate and truth count from the moment at which they change', async () => {
  const scene = flowing();
  await scene.clock.advance(1000);
  scene.traffic.setTruth(() => ({ errorRate: 1, latencyMs: 1 }));
  await scene.clock.advance(1000);
  scene.traffic.setRate(10);
  await scene.clock.advance(1000);
  expect(scene.traffic.window('v1', 0, 3000)).toMatchObject({
    requests: expect.closeTo(210),
    failed: expect.closeTo(110),
  });
});
