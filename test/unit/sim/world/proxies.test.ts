// Where requests really go: by tables, Services, slices and ready pods.
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { Scene, SHOP } from './scene.ts';

const split = (weight: number) => ({
  by: 'gateway' as const,
  name: 'web',
  hosts: [],
  backends: [
    { service: 'web-primary', port: 80, weight: 100 - weight, canary: false },
    { service: 'web-canary', port: 80, weight, canary: false },
  ],
});

test('without a table the Service alone leads, to its ready pods in equal shares', () => {
  const scene = new Scene().shop();
  expect(scene.plane.shares(SHOP, 'web')).toEqual([
    { pod: 'web-primary-a1-1', image: 'v1', hash: 'a1', share: 0.5 },
    { pod: 'web-primary-a1-2', image: 'v1', hash: 'a1', share: 0.5 },
  ]);
  scene.pod('web-primary-a1-2', 'web-primary', 'v1', false);
  expect(scene.plane.shares(SHOP, 'web')).toMatchObject([{ pod: 'web-primary-a1-1', share: 1 }]);
  scene.remove(RESOURCES.pods, 'web-primary-a1-1');
  expect(scene.plane.shares(SHOP, 'web')).toEqual([]);
  expect(scene.plane.unserved(SHOP, 'web')).toBe(1);
});

test('a table splits by weight, and what leads to no ready pod is lost', () => {
  const scene = new Scene().shop();
  scene.plane.obey(SHOP, 'web', 'gateway', split(30));
  expect(scene.byImage()).toEqual({ v1: 0.7, v2: 0.3 });
  scene.pod('web-b2-1', 'web', 'v2', false);
  expect(scene.byImage()).toEqual({ v1: 0.7, '': 0.3 });
  expect(scene.plane.unserved(SHOP, 'web')).toBeCloseTo(0.3);
});

test('a route that is lost is an outage, not a way round by the Service', () => {
  const scene = new Scene().shop();
  scene.plane.obey(SHOP, 'web', 'gateway', split(0));
  scene.plane.obey(SHOP, 'web', 'gateway', null);
  expect(scene.byImage()).toEqual({ '': 1 });
  expect(scene.plane.unserved(SHOP, 'web', 'service')).toBe(0);
});

test('weights that are all zero lead nowhere', () => {
  const scene = new Scene().shop();
  const backends = split(0).backends.map((backend) => ({ ...backend, weight: 0 }));
  scene.plane.obey(SHOP, 'web', 'gateway', { ...split(0), backends });
  expect(scene.plane.unserved(SHOP, 'web')).toBe(1);
});

test('a slice that has not heard of the end of a pod still sends requests there', () => {
  const scene = new Scene().shop();
  scene.slice('web', ['web-primary-a1-1', 'web-primary-a1-2']);
  scene.remove(RESOURCES.pods, 'web-primary-a1-2');
  expect(scene.byImage()).toEqual({ v1: 0.5, '': 0.5 });
  scene.slice('web', ['web-primary-a1-1']);
  expect(scene.byImage()).toEqual({ v1: 1 });
});

test('a shift is told when shares change, and only then', () => {
  const scene = new Scene().shop();
  const told: unknown[] = [];
  scene.plane.onShift(({ apex }) => told.push([apex, scene.byImage()]));
  scene.plane.obey(SHOP, 'web', 'gateway', split(10));
  expect(told).toEqual([]);
  scene.byImage();
  scene.plane.obey(SHOP, 'web', 'gateway', split(10));
  scene.plane.obey(SHOP, 'web', 'gateway', split(20));
  scene.pod('web-b2-1', 'web', 'v2');
  expect(told).toEqual([['web', { v1: 0.8, v2: 0.2 }]]);
});
