// The one rule of an HTTPRoute that a Canary's spec asks for, with every default of the API written out.
import type { CanarySpec, HeaderChange, ServiceSpec, StringMatch } from '../api/canary.ts';
import { formatDuration, parseDuration } from '../api/duration.ts';
import type { Route } from './provider.ts';
import { isRecord, serviceNames } from './route-objects.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The spec of an HTTPRoute; a host `*` stands for all hosts, which Gateway API says by naming none. `leaving`: the Canary
 * is being deleted, and traffic will soon go to the apex.
 */
export function httpRouteSpec(spec: CanarySpec, route: Route, leaving: boolean): Fields {
  const { service } = spec;
  const timeouts = timeoutsOf(service);
  const filters = filtersOf(service);
  const hostnames = service.hosts.includes('*') ? [] : service.hosts;
  return {
    parentRefs: service.gatewayRefs.map((ref) => ({
      group: ref.group,
      kind: ref.kind,
      name: ref.name,
      ...(ref.namespace === null ? {} : { namespace: ref.namespace }),
      ...(ref.sectionName === null ? {} : { sectionName: ref.sectionName }),
      ...(ref.port === null ? {} : { port: ref.port }),
    })),
    ...(hostnames.length === 0 ? {} : { hostnames }),
    rules: [
      {
        matches: matchesOf(service),
        ...(filters.length === 0 ? {} : { filters }),
        ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
        backendRefs: backendsOf(spec, route, leaving),
      },
    ],
  };
}

/**
 * Primary and canary are always both there, so that a step changes weights and nothing else. A gateway tells its proxies
 * of routes and of Services by separate ways: where one appears or vanishes with the change that moves traffic, they
 * answer 503 until both have come. So from the deletion of the Canary on the apex is there with weight 0 before anything
 * is sent to it, and the others stay a while after.
 */
function backendsOf(spec: CanarySpec, route: Route, leaving: boolean): readonly Fields[] {
  const { apex, primary, canary } = serviceNames(spec);
  const { port } = spec.service;
  const to = (name: string, weight: number) => ({ group: '', kind: 'Service', name, port, weight });
  switch (route.kind) {
    case 'split':
      return [
        to(primary, 100 - route.canary),
        to(canary, route.canary),
        ...(leaving ? [to(apex, 0)] : []),
      ];
    case 'apex':
      return route.trailing === true
        ? [to(primary, 0), to(canary, 0), to(apex, 100)]
        : [to(apex, 100)];
  }
}

function matchesOf({ match }: ServiceSpec): readonly Fields[] {
  if (match.length === 0) return [{ path: ANY_PATH }];
  return match.map(({ uri, method, headers, queryParams }) => {
    const named = { headers: namedMatches(headers), queryParams: namedMatches(queryParams) };
    return {
      path: uri === null ? ANY_PATH : pathMatch(uri),
      ...(method?.exact === undefined ? {} : { method: method.exact }),
      ...(named.headers.length === 0 ? {} : { headers: named.headers }),
      ...(named.queryParams.length === 0 ? {} : { queryParams: named.queryParams }),
    };
  });
}

const ANY_PATH = { type: 'PathPrefix', value: '/' };

function pathMatch(uri: StringMatch): Fields {
  if (uri.exact !== undefined) return { type: 'Exact', value: uri.exact };
  if (uri.prefix !== undefined) return { type: 'PathPrefix', value: uri.prefix };
  return { type: 'RegularExpression', value: patternOf(uri) };
}

function namedMatches(matches: Readonly<Record<string, StringMatch>>): readonly Fields[] {
  return Object.entries(matches).map(([name, match]) =>
    match.exact === undefined
      ? { type: 'RegularExpression', name, value: patternOf(match) }
      : { type: 'Exact', name, value: match.exact },
  );
}

/** A pattern that says the same whether a gateway matches it anywhere or against the whole text. */
function patternOf({ prefix, suffix, regex }: StringMatch): string {
  if (prefix !== undefined) return `^${literal(prefix)}.*`;
  if (suffix !== undefined) return `.*${literal(suffix)}$`;
  return regex ?? '.*';
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function filtersOf(service: ServiceSpec): readonly Fields[] {
  const { headers, rewrite, mirror, corsPolicy } = service;
  return [
    ...changed('RequestHeaderModifier', 'requestHeaderModifier', headers?.request),
    ...changed('ResponseHeaderModifier', 'responseHeaderModifier', headers?.response),
    ...(rewrite === null ? [] : [{ type: 'URLRewrite', urlRewrite: rewriteOf(rewrite) }]),
    ...mirror.filter(isRecord).map((one) => ({
      type: 'RequestMirror',
      requestMirror: {
        ...one,
        backendRef: {
          group: '',
          kind: 'Service',
          ...(isRecord(one['backendRef']) ? one['backendRef'] : {}),
        },
      },
    })),
    ...(corsPolicy === null ? [] : [{ type: 'CORS', cors: corsOf(corsPolicy) }]),
  ];
}

function changed(type: string, field: string, change: HeaderChange | undefined): readonly Fields[] {
  if (change === undefined) return [];
  const set = pairs(change.set);
  const add = pairs(change.add);
  const { remove } = change;
  if (set.length + add.length + remove.length === 0) return [];
  return [
    {
      type,
      [field]: {
        ...(set.length === 0 ? {} : { set }),
        ...(add.length === 0 ? {} : { add }),
        ...(remove.length === 0 ? {} : { remove }),
      },
    },
  ];
}

function pairs(headers: Readonly<Record<string, string>>): readonly Fields[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }));
}

function rewriteOf(rewrite: NonNullable<ServiceSpec['rewrite']>): Fields {
  const { uri, authority, type } = rewrite;
  const path =
    type === 'ReplacePrefixMatch'
      ? { type, replacePrefixMatch: uri }
      : { type: 'ReplaceFullPath', replaceFullPath: uri };
  return {
    ...(authority === null ? {} : { hostname: authority }),
    ...(uri === null ? {} : { path }),
  };
}

function corsOf(cors: NonNullable<ServiceSpec['corsPolicy']>): Fields {
  const lists = {
    allowOrigins: cors.allowOrigins,
    allowMethods: cors.allowMethods,
    allowHeaders: cors.allowHeaders,
    exposeHeaders: cors.exposeHeaders,
  };
  return {
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(cors.maxAgeSeconds === null ? {} : { maxAge: cors.maxAgeSeconds }),
    // Early versions of the field allow `true` only; absent means false in all of them.
    ...(cors.allowCredentials === true ? { allowCredentials: true } : {}),
  };
}

/** Gateway API takes whole numbers only: `1.5s` becomes `1s500ms`. */
function timeoutsOf({ timeout, backendTimeout }: ServiceSpec): Fields {
  const request = timeout === null ? null : parseDuration(timeout);
  const backend = backendTimeout === null ? null : parseDuration(backendTimeout);
  return {
    ...(request === null ? {} : { request: formatDuration(request) }),
    ...(backend === null ? {} : { backendRequest: formatDuration(backend) }),
  };
}
