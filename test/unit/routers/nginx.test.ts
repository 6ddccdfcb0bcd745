// The canary Ingress of ingress-nginx next to the user's own, and the provider without any route.
import { describe, expect, test } from 'vitest';
import { asWeight } from '../../../src/api/canary.ts';
import type { CanarySpec } from '../../../src/api/canary.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { kubernetes } from '../../../src/routers/kubernetes.ts';
import { nginx } from '../../../src/routers/nginx.ts';
import { backend, changed, ingress, input, NOW, split, stored, written } from './fixtures.ts';

const router = nginx();
const PREFIX = 'nginx.ingress.kubernetes.io';
const [rendered] = router.render(input(), split(20), NOW);
const [live] = written(router, split(20));

/** The calm input with another Ingress of the user, or none. */
function withIngress(object: KubeObject | null, more: readonly KubeObject[] = []) {
  const given = input({}, more);
  const objects = new Map(given.objects);
  if (object === null) objects.delete('Ingress/web');
  else objects.set('Ingress/web', object);
  return { ...given, objects };
}

describe('the canary Ingress', () => {
  test('leads to the canary what leads to the apex, and nothing else', () => {
    expect(rendered?.['spec']).toEqual({
      ingressClassName: 'nginx',
      tls: [{ hosts: ['a.example.com'], secretName: 'web-tls' }],
      rules: [
        {
          host: 'a.example.com',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend('podinfo-canary') }] },
        },
      ],
    });
  });

  test('takes over what ingress-nginx reads, and no label or annotation of another tool', () => {
    expect(rendered?.metadata.labels).toBeUndefined();
    const keys = Object.keys(rendered?.metadata.annotations ?? {}).filter(
      (key) => !/serin|toolkit/.test(key),
    );
    expect(keys.sort()).toEqual([
      'kubernetes.io/ingress.class',
      `${PREFIX}/canary`,
      `${PREFIX}/canary-weight`,
      `${PREFIX}/proxy-body-size`,
    ]);
  });

  test('stays at weight 0, and goes when the route is to the apex', () => {
    const [object] = router.render(input(), split(0), NOW);
    expect(object?.metadata.annotations).toMatchObject({
      [`${PREFIX}/canary`]: 'true',
      [`${PREFIX}/canary-weight`]: '0',
    });
    expect(router.render(input(), { kind: 'apex' }, NOW)).toEqual([]);
  });

  test('follows a default backend too', () => {
    const source = { ...ingress, spec: { defaultBackend: backend('podinfo') } };
    const [object] = router.render(withIngress(source), split(20), NOW);
    expect(object?.['spec']).toEqual({ defaultBackend: backend('podinfo-canary') });
  });

  test('uses the prefix of a controller that has its own', () => {
    const [object] = nginx('acme.example').render(input(), split(20), NOW);
    expect(object?.metadata.annotations).toMatchObject({ 'acme.example/canary-weight': '20' });
    expect(object?.metadata.annotations).not.toHaveProperty(`${PREFIX}/canary-weight`);
  });

  test.each<[string, readonly string[], unknown]>([
    ['its weight is no number', ['metadata', 'annotations', `${PREFIX}/canary-weight`], 'all'],
    [
      'a header steers past the weight',
      ['metadata', 'annotations', `${PREFIX}/canary-by-header`],
      'x-new',
    ],
    ['it is no canary any more', ['metadata', 'annotations', `${PREFIX}/canary`], 'false'],
    ['a host was added', ['spec', 'rules', '1'], { host: 'c.example.com' }],
    ['it became the default backend', ['spec', 'defaultBackend'], backend('podinfo-canary')],
  ])('is not intact when %s', (_, path, value) => {
    expect(router.read(input({}, [changed(live, path, value)]))).toMatchObject({
      kind: 'ours',
      intact: false,
    });
  });

  test('is read by its own weight, whoever wrote it', () => {
    const object = changed(live, ['metadata', 'annotations', `${PREFIX}/canary-weight`], '35');
    expect(router.read(input({}, [object]))).toMatchObject({ route: { canary: 35 } });
  });

  test('is not intact when the user changed their Ingress, or took it away', () => {
    const object = stored(rendered ?? ingress);
    const moved = changed(ingress, ['spec', 'rules', '0', 'host'], 'b.example.com');
    expect(router.read(withIngress(moved, [object]))).toMatchObject({ intact: false });
    expect(router.read(withIngress(null, [object]))).toMatchObject({ kind: 'ours', intact: false });
  });
});

describe('the user’s Ingress is missed when', () => {
  test.each<[string, KubeObject | null]>([
    ['it is not there', null],
    ['nothing in it leads to the apex', { ...ingress, spec: { rules: [] } }],
    [
      'it is a canary Ingress itself',
      changed(ingress, ['metadata', 'annotations', `${PREFIX}/canary`], 'true'),
    ],
  ])('%s', (_, object) => {
    expect(router.missing(withIngress(object)).map(({ path }) => path)).toEqual([
      'spec.ingressRef',
    ]);
  });
});

describe('a spec is refused', () => {
  const refused = (over: Partial<CanarySpec>): readonly string[] =>
    router.validate({ ...input().spec, ...over }).refused.map(({ path }) => path);

  test('by ingress-nginx without an Ingress, or with a name that leaves no room', () => {
    const ref = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'x'.repeat(57) };
    expect(refused({ ingressRef: null })).toEqual(['spec.ingressRef']);
    expect(refused({ ingressRef: ref })).toEqual(['spec.ingressRef.name']);
    expect(refused({ ingressRef: { ...ref, kind: 'Route' } })).toEqual(['spec.ingressRef.kind']);
  });

  test('by plain Kubernetes with weights, unless nothing is analysed', () => {
    const { spec } = input({ hosts: ['a.example.com'] });
    const strategy = { kind: 'weighted', weights: [asWeight(10)], promotionStep: null } as const;
    const weighted = { ...spec, analysis: { ...spec.analysis, strategy } };
    const { refused: problems, warned } = kubernetes.validate(weighted);
    expect(problems.map(({ path, message }) => [path, message.includes('iterations')])).toEqual([
      ['spec.analysis', true],
    ]);
    expect(warned.map(({ path }) => path)).toEqual([
      'spec.service.hosts',
      'spec.service.gatewayRefs',
      'spec.ingressRef',
    ]);
    expect(kubernetes.validate({ ...weighted, skipAnalysis: true }).refused).toEqual([]);
  });
});
