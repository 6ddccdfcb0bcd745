// spec.service with its defaults. What only routers know is theirs to check.
import type {
  CorsPolicy,
  GatewayRef,
  HeaderChange,
  HttpMatch,
  Metadata,
  ServiceSpec,
  StringMatch,
} from './canary.ts';
import { readDuration } from './findings.ts';
import type { Findings } from './findings.ts';
import type {
  RawHeaderChange,
  RawHttpMatch,
  RawService,
  RawStringMatch,
} from './schema/canary-service.ts';

/** Conditions that narrow a match in Istio only. */
const ISTIO_CONDITIONS = [
  'scheme',
  'authority',
  'withoutHeaders',
  'port',
  'sourceLabels',
  'sourceNamespace',
  'gateways',
  'ignoreUriCase',
] as const;

/** Fields of routers that are not built; Flagger's other routers ignore them too. */
const OF_OTHER_ROUTERS = [
  ['gateways', 'Istio'],
  ['delegation', 'Istio'],
  ['trafficPolicy', 'Istio'],
  ['retries', 'Istio and Contour'],
  ['meshName', 'App Mesh'],
  ['backends', 'App Mesh'],
] as const;

export function parseService(raw: RawService, targetName: string, found: Findings): ServiceSpec {
  for (const [field, routers] of OF_OTHER_ROUTERS) {
    if (isSet(raw[field])) {
      found.noEffect(
        `spec.service.${field}`,
        `has no effect: only the routers of ${routers} use it`,
      );
    }
  }
  const { unmanagedMetadata, headers, rewrite } = raw;
  return {
    name: raw.name ?? targetName,
    port: raw.port,
    targetPort: targetPort(raw, found),
    portName: raw.portName ?? 'http',
    appProtocol: raw.appProtocol ?? null,
    trafficDistribution: raw.trafficDistribution ?? null,
    portDiscovery: raw.portDiscovery ?? false,
    headless: raw.headless ?? false,
    timeout: timeout(raw.timeout, 'spec.service.timeout', found),
    backendTimeout: timeout(raw.backendTimeout, 'spec.service.backendTimeout', found),
    hosts: raw.hosts ?? [],
    gatewayRefs: (raw.gatewayRefs ?? []).map(gatewayRef),
    match: (raw.match ?? []).map((match, index) =>
      httpMatch(match, `spec.service.match[${index}]`, found),
    ),
    rewrite:
      rewrite === undefined
        ? null
        : {
            uri: rewrite.uri ?? null,
            authority: rewrite.authority ?? null,
            type: rewrite.type ?? null,
          },
    headers:
      headers === undefined
        ? null
        : { request: headerChange(headers.request), response: headerChange(headers.response) },
    mirror: raw.mirror ?? [],
    corsPolicy: corsPolicy(raw.corsPolicy, found),
    apex: metadata(raw.apex),
    primary: metadata(raw.primary),
    canary: metadata(raw.canary),
    unmanagedMetadata: {
      labels: unmanagedMetadata?.labels ?? [],
      annotations: unmanagedMetadata?.annotations ?? [],
    },
  };
}

/** An empty list or a plain `false` asks for nothing. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === false || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}

function targetPort(raw: RawService, found: Findings): number | string {
  const given = raw.targetPort ?? raw.port;
  // A number in quotes would be taken for the name of a port that no container has.
  const port = typeof given === 'string' && /^[0-9]+$/.test(given) ? Number(given) : given;
  const path = 'spec.service.targetPort';
  if (typeof port === 'number') {
    if (port < 1 || port > 65_535) found.invalid(path, `must be from 1 to 65535; it is ${port}`);
  } else if (!/^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/.test(port) || port.length > 15) {
    found.invalid(
      path,
      'must be a port number, or the name of a container port: at most 15 lower case letters, digits and dashes',
    );
  }
  return port;
}

function timeout(text: string | undefined, path: string, found: Findings): string | null {
  if (text === undefined || text === '') return null;
  readDuration(text, { path, found }, { fallbackMs: 0, min: '1ms', max: '8760h' });
  return text;
}

function gatewayRef(raw: NonNullable<RawService['gatewayRefs']>[number]): GatewayRef {
  return {
    group: raw.group ?? 'gateway.networking.k8s.io',
    kind: raw.kind ?? 'Gateway',
    name: raw.name,
    namespace: raw.namespace ?? null,
    sectionName: raw.sectionName ?? null,
    port: raw.port ?? null,
  };
}

function httpMatch(raw: RawHttpMatch, path: string, found: Findings): HttpMatch {
  for (const condition of ISTIO_CONDITIONS) {
    if (isSet(raw[condition])) {
      found.noEffect(
        `${path}.${condition}`,
        'has no effect: only Istio knows this condition, so the route matches without it',
      );
    }
  }
  const one = (match: RawStringMatch | undefined, name: string): StringMatch | null =>
    match === undefined ? null : stringMatch(match, `${path}.${name}`, found);
  const all = (
    matches: Readonly<Record<string, RawStringMatch>> | undefined,
    name: string,
  ): Record<string, StringMatch> =>
    Object.fromEntries(
      Object.entries(matches ?? {}).map(([key, match]) => [
        key,
        stringMatch(match, `${path}.${name}[${JSON.stringify(key)}]`, found),
      ]),
    );
  return {
    uri: one(raw.uri, 'uri'),
    method: one(raw.method, 'method'),
    headers: all(raw.headers, 'headers'),
    queryParams: all(raw.queryParams, 'queryParams'),
  };
}

function stringMatch(raw: RawStringMatch, path: string, found: Findings): StringMatch {
  const { exact, prefix, regex } = raw;
  if ([exact, prefix, regex].filter((one) => one !== undefined).length > 1) {
    found.invalid(path, 'only one of exact, prefix, regex can be given');
  }
  return { exact, prefix, suffix: undefined, regex };
}

function headerChange(raw: RawHeaderChange | undefined): HeaderChange {
  return { add: raw?.add ?? {}, set: raw?.set ?? {}, remove: raw?.remove ?? [] };
}

function metadata(raw: RawService['apex']): Metadata {
  return { labels: raw?.labels ?? {}, annotations: raw?.annotations ?? {} };
}

function corsPolicy(raw: RawService['corsPolicy'], found: Findings): CorsPolicy | null {
  if (raw === undefined) return null;
  const path = 'spec.service.corsPolicy';
  const exact = (raw.allowOrigins ?? []).flatMap((origin, index) => {
    if (origin.exact !== undefined) return [origin.exact];
    const place = `${path}.allowOrigins[${index}]`;
    found.noEffect(place, 'has no effect: only exact origins can be routed, write exact');
    return [];
  });
  const maxAgeMs = readDuration(
    raw.maxAge,
    { path: `${path}.maxAge`, found },
    { fallbackMs: -1, min: '0s', max: '8760h' },
  );
  return {
    allowOrigins: [...(raw.allowOrigin ?? []), ...exact],
    allowMethods: raw.allowMethods ?? [],
    allowHeaders: raw.allowHeaders ?? [],
    exposeHeaders: raw.exposeHeaders ?? [],
    maxAgeSeconds: maxAgeMs < 0 ? null : Math.floor(maxAgeMs / 1000),
    allowCredentials: raw.allowCredentials ?? null,
  };
}
