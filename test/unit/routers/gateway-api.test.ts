// HTTPRoutes: what is rendered, what changes are seen, what gateways say, and what is refused.
import { describe, expect, test } from 'vitest';
import type { CanarySpec, ServiceSpec, StringMatch } from '../../../src/api/canary.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { gatewayApi } from '../../../src/routers/gateway-api.ts';
import type { Route, RouteState } from '../../../src/routers/provider.ts';
import { MADE_FOR } from '../../../src/routers/route-objects.ts';
import { calmCanary, changed, gatewayRef, input, NOW, split, stored, written } from './fixtures.ts';

type Ours = Extract<RouteState, { kind: 'ours' }>;

function read(object: KubeObject, service: Partial<ServiceSpec> = {}): Ours {
  const state = gatewayApi.read(input(service, [object]));
  if (state.kind !== 'ours') throw new Error(`read as ${state.kind}`);
  return state;
}

function live(service: Partial<ServiceSpec> = {}, weight = 20): KubeObject {
  const [object] = written(gatewayApi, split(weight), service);
  if (object === undefined) throw new Error('nothing rendered');
  return object;
}

function ruleOf(service: Partial<ServiceSpec>): Record<string, unknown> {
  const { rules } = live(service)['spec'] as { rules: readonly Record<string, unknown>[] };
  return rules[0] ?? {};
}

const none: StringMatch = {
  exact: undefined,
  prefix: undefined,
  suffix: undefined,
  regex: undefined,
};

describe('a rendered route', () => {
  test('always has both backends, whose weights sum to 100', () => {
    expect(ruleOf({})['backendRefs']).toEqual([
      { group: '', kind: 'Service', name: 'podinfo-primary', port: 80, weight: 80 },
      { group: '', kind: 'Service', name: 'podinfo-canary', port: 80, weight: 20 },
    ]);
  });

  test('takes * as every host', () => {
    expect(live({ hosts: ['a.example.com', '*'] })['spec']).not.toHaveProperty('hostnames');
    expect(live({ hosts: ['a.example.com'] })['spec']).toMatchObject({
      hostnames: ['a.example.com'],
    });
  });

  test('matches by path, method, header and parameter, with the text of a prefix taken literally', () => {
    const match = [
      {
        uri: { ...none, prefix: '/api' },
        method: { ...none, exact: 'GET' },
        headers: { 'x-user': { ...none, prefix: 'a.b' } },
        queryParams: { v: { ...none, suffix: '+' } },
      },
    ];
    expect(ruleOf({ match })['matches']).toEqual([
      {
        path: { type: 'PathPrefix', value: '/api' },
        method: 'GET',
        headers: [{ type: 'RegularExpression', name: 'x-user', value: String.raw`^a\.b.*` }],
        queryParams: [{ type: 'RegularExpression', name: 'v', value: String.raw`.*\+$` }],
      },
    ]);
  });

  test('writes durations in whole numbers', () => {
    expect(ruleOf({ timeout: '1.5s', backendTimeout: '90s' })['timeouts']).toEqual({
      request: '1s500ms',
      backendRequest: '1m30s',
    });
  });
});

describe('a route that somebody changed is read as', () => {
  const backends = ['spec', 'rules', '0', 'backendRefs'];
  const at = (name: string, weight?: number): unknown => ({
    name,
    port: 80,
    ...(weight === undefined ? {} : { weight }),
  });

  test.each<[string, readonly unknown[], number]>([
    ['its new share, for other weights', [at('podinfo-primary', 1), at('podinfo-canary', 3)], 75],
    ['half, for no weights', [at('podinfo-primary'), at('podinfo-canary')], 50],
    [
      'one percent at least, while the canary gets any',
      [at('podinfo-primary', 9999), at('podinfo-canary', 1)],
      1,
    ],
    ['nothing, without the canary', [at('podinfo-primary', 1)], 0],
    ['nothing, with no backend', [], 0],
  ])('%s', (_, refs, weight) => {
    expect(read(changed(live(), backends, refs))).toMatchObject({
      route: { canary: weight },
      intact: false,
    });
  });

  test('not drained, while any rule still sends the canary something', () => {
    const object = live({}, 0);
    const more = [
      ...(object['spec'] as { rules: readonly unknown[] }).rules,
      { backendRefs: [at('podinfo-canary')] },
    ];
    expect(read(changed(object, ['spec', 'rules'], more))).toMatchObject({
      route: { canary: 100 },
      intact: false,
    });
  });

  test.each<[string, readonly string[], unknown]>([
    ['hosts were added', ['spec', 'hostnames'], ['b.example.com']],
    ['a filter was added', ['spec', 'rules', '0', 'filters'], [{ type: 'RequestMirror' }]],
    ['a timeout was added', ['spec', 'rules', '0', 'timeouts'], { request: '1s' }],
    [
      'a match was narrowed',
      ['spec', 'rules', '0', 'matches', '0', 'headers'],
      [{ name: 'x', value: 'y' }],
    ],
    ['a gateway was taken away', ['spec', 'parentRefs'], []],
  ])('not intact, when %s', (_, path, value) => {
    expect(read(changed(live(), path, value)).intact).toBe(false);
  });

  test('intact, with defaults that a server adds', () => {
    const object = changed(live(), ['spec', 'rules', '0', 'name'], 'rule-0');
    expect(read(changed(object, ['spec', 'useDefaultGateways'], 'None')).intact).toBe(true);
  });

  test('not intact, when the spec of the Canary asks for more', () => {
    expect(read(live(), { hosts: ['a.example.com'] }).intact).toBe(false);
  });
});

describe('what gateways say', () => {
  const conditions = ['status', 'parents', '0', 'conditions'];
  const fine = { status: 'True', observedGeneration: 2, reason: 'Fine', message: '' };
  const accepted = { ...fine, type: 'Accepted' };
  const resolved = { ...fine, type: 'ResolvedRefs' };
  const say = (...all: readonly unknown[]): Ours['accepted'] =>
    read(changed(live(), conditions, all)).accepted;

  test.each<[string, readonly unknown[], string, string]>([
    ['both conditions hold', [accepted, resolved], 'yes', ''],
    [
      'one is of an earlier generation',
      [accepted, { ...resolved, observedGeneration: 1 }],
      'waiting',
      'has not seen generation 2',
    ],
    [
      'one does not tell its generation',
      [accepted, { ...resolved, observedGeneration: undefined }],
      'waiting',
      'does not say which generation',
    ],
    ['one is missing', [accepted], 'waiting', 'does not say ResolvedRefs'],
    ['one is not known', [accepted, { ...resolved, status: 'Unknown' }], 'waiting', 'not known'],
    [
      'backends are not found',
      [
        accepted,
        { ...resolved, status: 'False', reason: 'BackendNotFound', message: 'no podinfo-canary' },
      ],
      'refused',
      'Gateway public: ResolvedRefs=False, BackendNotFound: no podinfo-canary (example.com/gateway)',
    ],
    [
      'it was refused earlier',
      [{ ...accepted, status: 'False', observedGeneration: 1 }, resolved],
      'waiting',
      'has not seen',
    ],
    [
      'a part is dropped',
      [accepted, resolved, { ...fine, type: 'PartiallyInvalid' }],
      'refused',
      'PartiallyInvalid=True',
    ],
  ])('%s: %s', (_, all, kind, why) => {
    const answer = say(...all);
    expect(answer.kind).toBe(kind);
    expect('why' in answer ? answer.why : '').toContain(why);
  });

  test('must be said by every gateway', () => {
    const two = { gatewayRefs: [gatewayRef, { ...gatewayRef, name: 'private' }] };
    expect(read(live(two), two).accepted).toEqual({
      kind: 'waiting',
      why: 'Gateway private has not seen the route yet',
    });
  });

  test('is told apart by section and port', () => {
    const gatewayRefs = [{ ...gatewayRef, sectionName: 'https' }];
    expect(read(live({ gatewayRefs }), { gatewayRefs }).accepted.kind).toBe('waiting');
  });

  test('does not include what a former controller left behind', () => {
    const object = live();
    const { parents } = object['status'] as { parents: readonly Record<string, unknown>[] };
    const old = {
      ...parents[0],
      conditions: [{ ...accepted, observedGeneration: 1, status: 'False' }],
    };
    expect(read(changed(object, ['status', 'parents'], [old, ...parents])).accepted).toEqual({
      kind: 'yes',
    });
  });
});

describe('the route of a Canary that is being deleted', () => {
  const { canary, ...rest } = input();
  const leaving = { ...rest, canary: { ...canary, deleting: true } };

  test('makes the proxies know the apex before anything is sent to it', () => {
    const [rendered] = gatewayApi.render(leaving, split(0), NOW);
    if (rendered === undefined) throw new Error('nothing rendered');
    const { rules } = rendered['spec'] as { rules: readonly Record<string, unknown>[] };
    expect(rules[0]?.['backendRefs']).toMatchObject([
      { name: 'podinfo-primary', weight: 100 },
      { name: 'podinfo-canary', weight: 0 },
      { name: 'podinfo', weight: 0 },
    ]);
    const objects = new Map([['HTTPRoute/podinfo', stored(rendered)]]);
    const state = gatewayApi.read({ ...leaving, objects });
    expect(state).toMatchObject({
      kind: 'ours',
      intact: true,
      route: { kind: 'split', canary: 0 },
    });
  });

  test('names the others until the proxies have followed, and reads as what it is', () => {
    const readBack = (route: Route) => {
      const [rendered] = gatewayApi.render(leaving, route, NOW);
      if (rendered === undefined) throw new Error('nothing rendered');
      const objects = new Map([['HTTPRoute/podinfo', stored(rendered)]]);
      return gatewayApi.read({ ...leaving, objects });
    };
    for (const route of [{ kind: 'apex', trailing: true }, { kind: 'apex' }] as const)
      expect(readBack(route)).toMatchObject({ kind: 'ours', intact: true, route });
    expect(readBack({ kind: 'apex' })).not.toHaveProperty('route.trailing');
  });

  test('is not the one that it had before', () => {
    const objects = new Map([['HTTPRoute/podinfo', live({}, 0)]]);
    expect(gatewayApi.read({ ...leaving, objects })).toMatchObject({ intact: false });
  });
});

describe('a route that a deleted Canary left behind', () => {
  const [rendered] = gatewayApi.render(input(), { kind: 'apex' }, NOW);
  const left = rendered === undefined ? live() : stored(rendered, 'uid-of-the-dead');
  const state = (object: KubeObject): string => gatewayApi.read(input({}, [object])).kind;

  test('is ours while its owner is still named, and when only the target owns it', () => {
    expect(state(left)).toBe('ours');
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo', uid: 't' };
    expect(state(changed(left, ['metadata', 'ownerReferences'], [target]))).toBe('ours');
  });

  test('is for any Canary that claims it when nobody controls it any more', () => {
    const others = changed(left, ['metadata', 'annotations', MADE_FOR], 'test/other');
    expect(state(changed(others, ['metadata', 'ownerReferences'], []))).toBe('ours');
  });

  test('is not ours without the mark, or when something else controls it now', () => {
    expect(state(changed(left, ['metadata', 'annotations', MADE_FOR], undefined))).toBe('foreign');
    const other = {
      apiVersion: 'example.com/v1',
      kind: 'App',
      name: 'podinfo',
      uid: 'x',
      controller: true,
    };
    expect(state(changed(left, ['metadata', 'ownerReferences'], [other]))).toBe('foreign');
  });
});

describe('a spec is refused with the path of the field', () => {
  const uri = (match: Partial<StringMatch>) => ({
    uri: { ...none, ...match },
    method: null,
    headers: {},
    queryParams: {},
  });
  const rewrite = { uri: '/', authority: null, type: 'ReplacePrefixMatch' };

  test.each<[string, Partial<ServiceSpec>, string]>([
    ['without a gateway', { gatewayRefs: [] }, 'spec.service.gatewayRefs'],
    [
      'with too many hosts',
      { hosts: Array.from({ length: 17 }, (_, at) => `h${at}.example.com`) },
      'spec.service.hosts',
    ],
    [
      'with a path that starts nowhere',
      { match: [uri({ prefix: 'api' })] },
      'spec.service.match[0].uri',
    ],
    [
      'with a pattern for a method',
      { match: [{ ...uri({}), method: { ...none, regex: 'GET|PUT' } }] },
      'spec.service.match[0].method',
    ],
    [
      'with a prefix rewrite of two matches',
      { rewrite, match: [uri({ prefix: '/a' }), uri({ prefix: '/b' })] },
      'spec.service.rewrite.type',
    ],
    ['with an empty rewrite', { rewrite: { ...rewrite, uri: null } }, 'spec.service.rewrite'],
    [
      'with a try longer than the request',
      { timeout: '1s', backendTimeout: '2s' },
      'spec.service.backendTimeout',
    ],
    ['with a time that is none', { timeout: 'soon' }, 'spec.service.timeout'],
    ['with a mirror to nowhere', { mirror: [{}] }, 'spec.service.mirror[0].backendRef'],
  ])('%s', (_, service, path) => {
    const { refused } = gatewayApi.validate(input(service).spec);
    expect(refused.map((problem) => problem.path)).toEqual([path]);
  });

  test('and a field without effect is only told', () => {
    const spec: CanarySpec = calmCanary.spec;
    expect(gatewayApi.validate(spec).warned.map(({ path }) => path)).toEqual(['spec.ingressRef']);
  });
});
