// Kinds admit what the API server admits: defaults, pruning, and refusals with its causes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import { ApiError } from '../../../../src/client/errors.ts';
import { RESOURCES } from '../../../../src/client/resources.ts';
import { frozenJson } from '../../../../src/sim/store/frozen-json.ts';
import { createKinds } from '../../../../src/sim/store/kinds.ts';
import { ruleEvaluator } from '../../../../src/sim/store/schema-rules.ts';

const ROOT = new URL('../../../../', import.meta.url);

function filesOf(folder: string): readonly string[] {
  const place = new URL(`${folder}/`, ROOT);
  return readdirSync(place).map((name) => readFileSync(new URL(name, place), 'utf8'));
}

const kinds = createKinds(filesOf('crds').map((text) => parse(text) as KubeObject));

const service = { port: 80 };
const spec = {
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
  service,
  analysis: { interval: '30s', threshold: 3, stepWeight: 10, maxWeight: 50 },
};

function canary(change: object = {}): KubeObject {
  return frozenJson({
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { ...spec, ...change },
  });
}

function causesOf(object: KubeObject, before: KubeObject | null = null): readonly string[] {
  const resource = kinds.find(object.apiVersion, object.kind);
  if (resource === null) throw new Error('not served');
  try {
    kinds.admit(resource, object, before);
    return [];
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 422) throw error;
    return (error.status?.causes ?? []).map(
      ({ reason, field, message }) => `${reason} ${field}: ${message}`,
    );
  }
}

describe('custom resources', () => {
  const examples = filesOf('examples').flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as KubeObject),
  );

  test('every example is admitted', () => {
    const served = examples.filter(({ apiVersion, kind }) => kinds.find(apiVersion, kind) !== null);
    expect(served.filter(({ kind }) => kind === 'Canary').length).toBeGreaterThan(4);
    expect(served.flatMap((object) => causesOf(object))).toEqual([]);
  });

  test('a valid Canary comes back as it is: our CRDs default nothing', () => {
    const object = canary();
    expect(kinds.admit(RESOURCES.canaries, object, null)).toBe(object);
    const ours = examples.filter(({ kind }) => kind === 'Canary');
    for (const one of ours) expect(kinds.admit(RESOURCES.canaries, one, null)).toEqual(one);
  });

  test('unknown fields are cut off, but not where they are to be kept', () => {
    const object = canary({ bogus: 1, canaryAnalysis: { any: { thing: 1 } } });
    const { spec: admitted } = kinds.admit(RESOURCES.canaries, object, null);
    expect(admitted).toEqual({ ...spec, canaryAnalysis: { any: { thing: 1 } } });
  });

  test('types, limits, choices and missing fields are refused in the words of the API server', () => {
    const object = canary({ service: { port: 0 }, provider: 'bogus', skipAnalysis: 'no' });
    expect(causesOf(object).toSorted()).toEqual([
      'FieldValueInvalid <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      'FieldValueInvalid spec.service.port: Invalid value: 0: spec.service.port in body should be greater than or equal to 1',
      expect.stringMatching(
        /^FieldValueNotSupported spec\.provider: Unsupported value: "bogus": supported values: "apisix", "appmesh"/,
      ),
      'FieldValueTypeInvalid spec.skipAnalysis: Invalid value: "string": spec.skipAnalysis in body must be of type boolean: "string"',
    ]);
    expect(causesOf(canary({ targetRef: { kind: 'Deployment' } }))).toContain(
      'FieldValueRequired spec.targetRef.name: Required value',
    );
  });

  test('rules are judged: durations, lists that grow, exclusive choices', () => {
    const analysis = { ...spec.analysis, interval: '30 s' };
    expect(causesOf(canary({ analysis }))).toEqual([
      'FieldValueInvalid spec.analysis.interval: Invalid value: "string": must be a duration such as 30s or 1m30s',
    ]);
    const both = { ...spec.analysis, iterations: 3 };
    expect(causesOf(canary({ analysis: both }))[0]).toContain('only one of iterations');
    const shrinking = { interval: '30s', stepWeights: [10, 10] };
    expect(causesOf(canary({ analysis: shrinking }))[0]).toContain('must grow');
  });

  test('what is fixed once a rollout has begun cannot be changed; before, it can', () => {
    const other = canary({ targetRef: { ...spec.targetRef, name: 'other' } });
    expect(causesOf(other, canary())).toEqual([]);
    const begun = { ...canary(), status: { phase: 'Initialized' } };
    const moved = { ...other, status: begun.status };
    expect(causesOf(moved, begun)).toEqual([
      expect.stringContaining('spec.targetRef cannot be changed'),
    ]);
  });

  test('what was wrong before and is as it was may stay', () => {
    const wrong = canary({ provider: 'bogus' });
    expect(
      causesOf({ ...wrong, metadata: { ...wrong.metadata, labels: { a: 'b' } } }, wrong),
    ).toEqual([]);
  });

  test('defaults are filled in from the top down, and entries of list maps must differ', () => {
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  spec: {
                    type: 'object',
                    default: {},
                    properties: {
                      size: {
                        type: 'integer',
                        default: 3,
                        'x-kubernetes-validations': [
                          { rule: 'self >= oldSelf', message: 'must not shrink' },
                        ],
                      },
                      parts: {
                        type: 'array',
                        'x-kubernetes-list-type': 'map',
                        'x-kubernetes-list-map-keys': ['id'],
                        items: {
                          type: 'object',
                          properties: {
                            id: { type: 'string' },
                            on: { type: 'boolean', default: true },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        ],
      },
    };
    const own = createKinds([crd]);
    const resource = own.find('example.com/v1', 'Thing')!;
    const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' } };
    expect(own.admit(resource, thing, null)['spec']).toEqual({ size: 3 });
    const grown = { ...thing, spec: { size: 4 } };
    expect(() => own.admit(resource, thing, grown)).toThrow('must not shrink');
    const twice = { ...thing, spec: { parts: [{ id: 'a' }, { id: 'a' }] } };
    expect(() => own.admit(resource, twice, null)).toThrow(
      'Thing.example.com "t" is invalid: spec.parts[1]: Duplicate value: {"id":"a"}',
    );
    expect(own.lists(resource).keysAt('spec.parts')).toEqual(['id']);
    expect(own.hasStatus(resource)).toBe(false);
  });
});

describe('built-in kinds', () => {
  const web: KubeObject = frozenJson({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [{ name: 'app', image: 'registry:5000/app', ports: [{ containerPort: 80 }] }],
        },
      },
    },
  });
  const http: KubeObject = frozenJson({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { ports: [{ port: 80 }] },
  });

  test('a Deployment gets the defaults of the server, once', () => {
    const admitted = kinds.admit(RESOURCES.deployments, web, null);
    expect(admitted['spec']).toMatchObject({
      replicas: 1,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
      },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      template: {
        spec: {
          restartPolicy: 'Always',
          dnsPolicy: 'ClusterFirst',
          schedulerName: 'default-scheduler',
          securityContext: {},
          terminationGracePeriodSeconds: 30,
          containers: [
            {
              imagePullPolicy: 'Always',
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
              ports: [{ containerPort: 80, protocol: 'TCP' }],
            },
          ],
        },
      },
    });
    expect(kinds.admit(RESOURCES.deployments, admitted, admitted)).toBe(admitted);
  });

  test('the selector of a Deployment cannot be changed and must match', () => {
    const selector = { matchLabels: { app: 'other' } };
    const other = { ...web, spec: { ...(web['spec'] as object), selector } };
    expect(causesOf(other, web)).toEqual([
      'FieldValueInvalid spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      'FieldValueInvalid spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable',
    ]);
  });

  test('a Service gets an address that it keeps', () => {
    const admitted = kinds.admit(RESOURCES.services, http, null);
    const { clusterIP } = admitted['spec'] as { readonly clusterIP: string };
    expect(admitted['spec']).toMatchObject({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      clusterIPs: [clusterIP],
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    });
    expect(kinds.admit(RESOURCES.services, http, admitted)['spec']).toMatchObject({ clusterIP });
    const moved = { ...http, spec: { ports: [{ port: 80 }], clusterIP: '10.96.0.9' } };
    expect(causesOf(moved, admitted)).toEqual([
      'FieldValueInvalid spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set',
    ]);
    const given = frozenJson({ ...http, spec: { ports: [{ port: 80 }], clusterIP: '10.96.0.9' } });
    const own = kinds.admit(RESOURCES.services, given, null);
    expect(kinds.admit(RESOURCES.services, http, own)['spec']).toMatchObject({
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9'],
    });
    const headless = { ...http, spec: { ports: [{ port: 80 }], clusterIP: 'None' } };
    expect(kinds.admit(RESOURCES.services, headless, null)['spec']).toMatchObject({
      clusterIPs: ['None'],
    });
  });

  test('an HTTPRoute gets the defaults of Gateway API', () => {
    const route: KubeObject = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { parentRefs: [{ name: 'gw' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
    };
    const { spec: admitted } = kinds.admit(RESOURCES.httpRoutes, route, null);
    expect(admitted).toEqual({
      parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1 }],
        },
      ],
    });
    const portless = { ...route, spec: { rules: [{ backendRefs: [{ name: 'web' }] }] } };
    expect(causesOf(portless)[0]).toContain('Must have port for Service reference');
  });
});

describe('rules', () => {
  const judge = (rule: string, self: unknown): boolean => ruleEvaluator().prepare(rule)({ self });

  test.each([
    ['type(self) == int ? self >= 1 && self <= 65535 : size(string(self)) <= 15', 8080, true],
    ['type(self) == int ? self >= 1 && self <= 65535 : size(string(self)) <= 15', 0, false],
    ['self.a == 1 || has(self.b)', { b: 2 }, true],
    ['!has(self.min) || !has(self.max) || self.min <= self.max', { min: 2, max: 1 }, false],
    ["duration(self) <= duration('24h')", '25h', false],
    ["self[0] != ''", [''], false],
    [
      "self.type in ['Exact','PathPrefix'] && self.value.startsWith('/')",
      { type: 'Exact', value: '/' },
      true,
    ],
    ['self.exists_one(p, p.x == 1)', [{ x: 1 }, { x: 1 }], false],
    [String.raw`self.matches(r"""^[-a-z]+$""")`, 'a-b', true],
  ])('%s of %j is %j', (rule, self, expected) => {
    expect(judge(rule, self)).toBe(expected);
  });

  test('a rule that cannot be read is refused when it is made ready', () => {
    expect(() => ruleEvaluator().prepare('self.foo(')).toThrow(SyntaxError);
    expect(() => ruleEvaluator().prepare('self.unknown()')).toThrow(SyntaxError);
  });
});
