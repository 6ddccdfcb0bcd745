// The laws that every router keeps. A new one joins by being in the list.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { ROUTERS, refusedProvider, routerFor } from '../../../src/routers/registry.ts';
import { calmCanary, changed, input, NOW, REVISION, split, written } from './fixtures.ts';
import { services } from './services.ts';

describe.each([...ROUTERS])('router $name', (router) => {
  const writes = router.render(input(), split(0), NOW).length > 0;

  test('reads back the route that it rendered, whatever the spec says of requests', () => {
    fc.assert(
      fc.property(
        services,
        fc.integer({ min: 0, max: 100 }),
        fc.nat(1000),
        (service, weight, step) => {
          const route = split(router.can.weight ? weight : 0, step);
          const live = written(router, route, service);
          const asked = { ...input(service, live), canary: atStep(step) };
          expect(router.read(asked)).toEqual({
            kind: 'ours',
            route,
            writtenAt: writes ? NOW : 0,
            intact: true,
            accepted: { kind: 'yes' },
          });
        },
      ),
    );
  });

  test('renders the same objects for the same route', () => {
    expect(router.render(input(), split(20), NOW)).toEqual(router.render(input(), split(20), NOW));
  });

  test('reads as needed what it renders, and declares its kind', () => {
    for (const { apiVersion, kind, metadata } of router.render(input(), split(20), NOW)) {
      expect(router.needs(input().spec)).toContain(`${kind}/${metadata.name}`);
      expect(router.kinds).toContainEqual(expect.objectContaining({ apiVersion, kind }));
      expect(metadata).not.toHaveProperty('ownerReferences');
      expect(metadata).not.toHaveProperty('resourceVersion');
    }
  });

  test('leaves behind a route to the apex alone, which a Canary of the same name takes up again', () => {
    const left = router.render(input(), { kind: 'apex' }, NOW);
    expect(JSON.stringify(left)).not.toMatch(/podinfo-(?:primary|canary)/);
    const before = router.read(input({}, left));
    expect(before.kind).toBe(left.length > 0 || !writes ? 'ours' : 'absent');
    if (left.length > 0) expect(before).toMatchObject({ route: { kind: 'apex' }, intact: true });
  });

  test('has both builtin metrics, of the canary alone', () => {
    for (const name of ['request-success-rate', 'request-duration']) {
      expect(router.builtin[name]).toContain('[{{ interval }}]');
      expect(router.builtin[name]).toContain('namespace="{{ namespace }}"');
    }
    expect(router.builtin['request-success-rate']).toContain('or vector(0)');
  });

  test('finds nothing wrong with the calm Canary', () => {
    expect(router.validate(input().spec).refused).toEqual([]);
    expect(router.missing(input())).toEqual([]);
  });
});

describe.each(ROUTERS.filter(({ kinds }) => kinds.length > 0))(
  'router $name, which writes,',
  (router) => {
    const [live] = written(router, split(20));
    const read = (object: KubeObject | undefined) =>
      router.read(input({}, object === undefined ? [] : [object]));

    test('knows that nothing was written yet', () => {
      expect(read(undefined)).toEqual({ kind: 'absent' });
    });

    test('names an object of somebody else', () => {
      const { kind = '', metadata } = live ?? { metadata: { name: '' } };
      const foreign = { kind: 'foreign', object: `${kind} test/${metadata.name}` };
      const owner = {
        apiVersion: 'serin.dev/v1beta1',
        kind: 'Canary',
        name: 'other',
        uid: 'other',
        controller: true,
      };
      const others = changed(live, ['metadata', 'annotations', 'serin.dev/canary'], undefined);
      expect(read(changed(others, ['metadata', 'ownerReferences'], []))).toEqual(foreign);
      expect(read(changed(others, ['metadata', 'ownerReferences'], [owner]))).toEqual(foreign);
      expect(read(changed(live, ['metadata', 'ownerReferences'], [owner]))).toEqual(foreign);
    });

    test.each([
      ['its step', ['metadata', 'annotations', 'serin.dev/step'], 'soon'],
      ['its time', ['metadata', 'annotations', 'serin.dev/written-at'], 'now'],
      [
        'a mark for GitOps tools',
        ['metadata', 'annotations', 'kustomize.toolkit.fluxcd.io/reconcile'],
        'enabled',
      ],
    ])('sees that somebody changed %s', (_, path, value) => {
      expect(read(changed(live, path, value))).toMatchObject({ kind: 'ours', intact: false });
    });

    test('does not mind what others add to its metadata', () => {
      const added = changed(live, ['metadata', 'annotations', 'note'], 'n');
      expect(read(added)).toMatchObject({ kind: 'ours', intact: true });
    });
  },
);

describe('a router is found by the name in spec.provider', () => {
  test.each([
    ['gatewayapi:v1', 'gatewayapi:v1'],
    ['gatewayapi:v1beta1', 'gatewayapi:v1'],
    ['nginx', 'nginx'],
    ['kubernetes', 'kubernetes'],
    ['istio', undefined],
    ['constructor', undefined],
  ])('%s is %s', (name, found) => {
    expect(routerFor(name)?.name).toBe(found);
  });

  test('and a refusal tells what is not built yet from what is unknown', () => {
    expect(refusedProvider('istio').message).toContain(
      '"istio" is not built yet; use gatewayapi:v1',
    );
    expect(refusedProvider('itsio').message).toContain('"itsio" is unknown');
  });
});

test('pods of the primary are not counted as the canary’s', () => {
  const query = routerFor('kubernetes')?.builtin['request-success-rate'] ?? '';
  const [, pattern = ''] = /pod=~"([^"]+)"/.exec(query.replaceAll('{{ target }}', 'podinfo')) ?? [];
  const own = new RegExp(`^(?:${pattern})$`);
  expect(own.test('podinfo-7d4b9c6f5d-x2k8p')).toBe(true);
  expect(own.test('podinfo-primary-7d4b9c6f5d-x2k8p')).toBe(false);
});

/** Kubernetes alone keeps no object to read a step from: there it is the one in status. */
function atStep(step: number): typeof calmCanary {
  const rollout = { step } as NonNullable<typeof calmCanary.status.rollout>;
  return {
    ...calmCanary,
    status: { ...calmCanary.status, lastAppliedSpec: REVISION as never, rollout },
  };
}
