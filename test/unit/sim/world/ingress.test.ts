// ingress-nginx: main and canary Ingress as one, after a reload.
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { IngressController } from '../../../../src/sim/world/ingress-controller.ts';
import { Scene, SHOP } from './scene.ts';

function started(reloadMs = 1000): Scene & { readonly controller: IngressController } {
  const scene = new Scene().shop();
  const { clock, store, plane } = scene;
  scene.ingress('web', 'web');
  const controller = new IngressController({ clock, store, plane, reloadMs: () => reloadMs });
  return Object.assign(scene, { controller });
}

test('the canary gets its weight after a reload, the main Ingress the rest', async () => {
  const scene = started();
  scene.canaryIngress('30');
  await scene.clock.advance(999);
  expect(scene.byImage()).toEqual({ v1: 1 });
  await scene.clock.advance(1);
  expect(scene.byImage()).toEqual({ v1: 0.7, v2: 0.3 });
  scene.canaryIngress('60');
  scene.canaryIngress('80');
  await scene.clock.advance(1000);
  expect(scene.byImage()).toEqual({ v1: 0.2, v2: 0.8 });
  scene.remove(RESOURCES.ingresses, 'web-canary');
  await scene.clock.advance(1000);
  expect(scene.byImage()).toEqual({ v1: 1 });
});

test.each(['150', 'many', '-1', ''])('a weight of %j sends the canary nothing', async (weight) => {
  const scene = started(0);
  scene.canaryIngress(weight);
  await scene.clock.advance(0);
  expect(scene.byImage()).toEqual({ v1: 1 });
});

test('a canary without a ready pod gets nothing; a main backend without one loses its share', async () => {
  const scene = started(0);
  scene.canaryIngress('30');
  await scene.clock.advance(0);
  scene.pod('web-b2-1', 'web', 'v2', false);
  expect(scene.byImage()).toEqual({ v1: 1 });
  scene.pod('web-b2-1', 'web', 'v2');
  scene.pod('web-primary-a1-1', 'web-primary', 'v1', false);
  scene.pod('web-primary-a1-2', 'web-primary', 'v1', false);
  expect(scene.byImage()).toEqual({ '': 0.7, v2: 0.3 });
});

test('a canary Ingress without its main one leads nowhere', async () => {
  const scene = started(0);
  scene.canaryIngress('30');
  scene.remove(RESOURCES.ingresses, 'web');
  await scene.clock.advance(0);
  expect(scene.plane.unserved(SHOP, 'web')).toBe(1);
});

test('a reload that took longer does not bring back what was before, nor what was deleted', async () => {
  const scene = new Scene().shop();
  const { clock, store, plane } = scene;
  scene.ingress('web', 'web');
  const delays = [3000, 2000, 0];
  const reloadMs = () => delays.shift() ?? 0;
  const controller = new IngressController({ clock, store, plane, reloadMs });
  scene.canaryIngress('30');
  scene.canaryIngress('60');
  await clock.advance(2000);
  expect(scene.byImage()).toEqual({ v1: 0.4, v2: 0.6 });
  await clock.advance(500);
  scene.remove(RESOURCES.ingresses, 'web-canary');
  await clock.advance(5000);
  expect(scene.byImage()).toEqual({ v1: 1 });
  controller.away(false);
});

test('while the controller is away nothing moves', async () => {
  const scene = started(0);
  scene.canaryIngress('30');
  await scene.clock.advance(0);
  scene.controller.away(true);
  scene.canaryIngress('50');
  await scene.clock.advance(60_000);
  expect(scene.byImage()).toEqual({ v1: 0.7, v2: 0.3 });
  scene.controller.away(false);
  expect(scene.byImage()).toEqual({ v1: 0.5, v2: 0.5 });
});
