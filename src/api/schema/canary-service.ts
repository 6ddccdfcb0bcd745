// Schema of spec.service: the Services that Serin makes, and what routers put into their routes.
import { baseName, duration, namespaceName, objectName, port, texts } from './common.ts';
import {
  anyObject,
  choice,
  flag,
  integer,
  integerOrText,
  list,
  map,
  object,
  text,
} from './schema.ts';
import type { Raw } from './schema.ts';

const SERVICE_NAME = '^[a-z]([-a-z0-9]*[a-z0-9])?$';

/** One of the given ways to compare a text. */
export function stringMatch(description: string, options: { readonly suffix: boolean }) {
  const ways = options.suffix ? 'exact, prefix, suffix, regex' : 'exact, prefix, regex';
  const names = ways.split(', ');
  const count = names.map((name) => `has(self.${name})`).join(', ');
  return object(description, {
    required: {},
    optional: {
      exact: text('The whole text.', { max: 1024 }),
      prefix: text('How the text begins.', { max: 1024 }),
      ...(options.suffix ? { suffix: text('How the text ends.', { max: 1024 }) } : {}),
      regex: text('RE2 regular expression for the whole text.', { max: 1024 }),
    },
    rules: [
      {
        rule: `[${count}].filter(given, given).size() <= 1`,
        message: `only one of ${ways} can be given`,
      },
    ],
  });
}

const plainMatch = stringMatch('One of exact, prefix, regex.', { suffix: false });

const httpMatch = object(
  'Requests that match every given condition. Several entries are alternatives.',
  {
    required: {},
    optional: {
      name: text('A name for this match. No effect.', { max: 253 }),
      uri: stringMatch('The path.', { suffix: false }),
      method: stringMatch('The HTTP method.', { suffix: false }),
      headers: map('Request headers by name in lower case.', plainMatch, { max: 16 }),
      queryParams: map('Query parameters by name.', plainMatch, { max: 16 }),
      scheme: stringMatch('The URI scheme. Istio only.', { suffix: false }),
      authority: stringMatch('The authority (host). Istio only.', { suffix: false }),
      withoutHeaders: map('Headers that must not match. Istio only.', plainMatch, { max: 16 }),
      port: integer('Port that the client addresses. Istio only.', { min: 1, max: 65_535 }),
      sourceLabels: texts('Labels of the client workload. Istio only.', { max: 32, each: 63 }),
      sourceNamespace: text('Namespace of the client workload. Istio only.', { max: 63 }),
      gateways: list(
        'Gateways that this applies to. Istio only.',
        text('A gateway.', { max: 317 }),
        {
          max: 32,
        },
      ),
      ignoreUriCase: flag('Compare the path without regard to case. Istio only.'),
    },
  },
);

const headerChange = (description: string) =>
  object(description, {
    required: {},
    optional: {
      add: texts('Values to append, by header.', { max: 32, each: 4096 }),
      set: texts('Values to set, by header.', { max: 32, each: 4096 }),
      remove: list('Headers to remove.', text('A header name.', { max: 256 }), { max: 32 }),
    },
  });

const gatewayRef = object('A Gateway (or a Service, for a mesh) that the route belongs to.', {
  required: { name: objectName('Name of the parent.') },
  optional: {
    group: text('API group of the parent. Default gateway.networking.k8s.io.', { max: 253 }),
    kind: text('Kind of the parent. Default Gateway.', { min: 1, max: 63 }),
    namespace: namespaceName("Namespace of the parent. Default: the Canary's."),
    sectionName: objectName('Listener of the Gateway, or port name of the Service.'),
    port: port('Port of the parent.'),
  },
});

const mirror = object('A Gateway API RequestMirror filter, put into the route as it is.', {
  required: {
    backendRef: object('The backend that gets a copy of each request.', {
      required: { name: objectName('Name of the backend.') },
      optional: {
        group: text('API group of the backend. Default: core.', { max: 253 }),
        kind: text('Kind of the backend. Default Service.', { min: 1, max: 63 }),
        namespace: namespaceName("Namespace of the backend. Default: the Canary's."),
        port: port('Port of the backend; required for a Service.'),
      },
      rules: [
        {
          rule: "(has(self.kind) && self.kind != 'Service') || has(self.port)",
          message: 'a Service needs a port',
        },
      ],
    }),
  },
  optional: {},
});

const corsPolicy = object('Cross-origin requests that browsers may make.', {
  required: {},
  optional: {
    allowOrigin: list('Allowed origins, as whole texts.', text('An origin.', { max: 253 }), {
      max: 64,
    }),
    allowOrigins: list(
      'Allowed origins; routers other than Istio take exact ones only.',
      plainMatch,
      {
        max: 64,
      },
    ),
    allowMethods: list('Allowed HTTP methods.', text('A method.', { max: 16 }), { max: 16 }),
    allowHeaders: list('Allowed request headers.', text('A header name.', { max: 256 }), {
      max: 64,
    }),
    exposeHeaders: list(
      'Response headers that scripts may read.',
      text('A header name.', { max: 256 }),
      {
        max: 64,
      },
    ),
    maxAge: duration('How long a preflight answer may be cached, as 24h.', {
      min: '0s',
      max: '8760h',
    }),
    allowCredentials: flag('Whether requests may carry credentials.'),
  },
});

const metadata = (which: string) =>
  object(`Metadata of the ${which} Service.`, {
    required: {},
    optional: {
      labels: texts('Labels to add.', { max: 64, each: 63 }),
      annotations: texts('Annotations to add.', { max: 64, each: 16_384 }),
    },
  });

const keys = (what: string) =>
  list(`Keys of ${what} to leave alone.`, text('A key.', { max: 317 }), { max: 64 });

const ports = {
  port: port('Port of the Services. Required.'),
};

const portOptions = {
  targetPort: integerOrText('Container port, by number or name. Default: port.', [
    {
      rule: 'type(self) == int ? self >= 1 && self <= 65535 : size(string(self)) >= 1 && size(string(self)) <= 15',
      message: 'must be a port number (1 to 65535) or a port name of at most 15 characters',
    },
  ]),
  portName: text(
    'Name of the port. Default http. A name with grpc in it says that the port speaks gRPC.',
    {
      min: 1,
      max: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    },
  ),
  appProtocol: text('Application protocol of the port, put on the Services.', { max: 253 }),
  portDiscovery: flag(
    'Add every other container port of the target to the Services. Default false.',
  ),
};

const forIstioOrMesh = {
  gateways: list('Gateways of the VirtualService. Istio only.', text('A gateway.', { max: 317 }), {
    max: 32,
  }),
  delegation: flag('Make a delegate VirtualService without hosts and gateways. Istio only.'),
  trafficPolicy: anyObject('Traffic policy of the DestinationRules. Istio only.'),
  retries: object('When and how often requests are tried again. Istio and Contour only.', {
    required: {},
    optional: {
      attempts: integer('Number of tries after the first.', { min: 0, max: 100 }),
      perTryTimeout: text('Timeout of one try, as 2s.', { max: 32 }),
      retryOn: text('Conditions for a retry, as gateway-error,connect-failure.', { max: 1024 }),
    },
  }),
  meshName: text('Name of the mesh. App Mesh only.', { max: 253 }),
  backends: list(
    'Backends of the virtual nodes. App Mesh only.',
    text('A backend.', { max: 253 }),
    {
      max: 64,
    },
  ),
};

export const serviceSchema = object(
  'The Services that Serin makes, <name>, <name>-primary and <name>-canary, and the route in front of them.',
  {
    required: ports,
    optional: {
      name: baseName(
        'Name of the Service that clients call. Default: the name of the target. At most 55 characters. A new name leaves the old objects behind.',
        SERVICE_NAME,
      ),
      ...portOptions,
      trafficDistribution: choice('How the Services prefer endpoints.', [
        'PreferClose',
        'PreferSameZone',
        'PreferSameNode',
      ]),
      headless: flag('Make headless Services. Default false.'),
      timeout: text('Longest time for a request, as 15s. Default: that of the router.', {
        max: 32,
      }),
      backendTimeout: text('Longest time for one try at a backend, as 5s. Gateway API only.', {
        max: 32,
      }),
      hosts: list('Host names that the route is for.', text('A host name.', { max: 253 }), {
        max: 64,
      }),
      gatewayRefs: list('Parents of the HTTPRoute. Needed by Gateway API.', gatewayRef, {
        max: 32,
      }),
      match: list('Requests that the route is for. Default: all.', httpMatch, { max: 32 }),
      rewrite: object('Changes of path and host on the way to the backend.', {
        required: {},
        optional: {
          uri: text('New path, or new prefix of it.', { max: 1024 }),
          authority: text('New host.', { max: 253 }),
          type: text('ReplacePrefixMatch, or ReplaceFullPath (default).', { max: 63 }),
        },
      }),
      headers: object('Changes of headers.', {
        required: {},
        optional: {
          request: headerChange('Changes of request headers.'),
          response: headerChange('Changes of response headers.'),
        },
      }),
      mirror: list(
        'Further backends that always get a copy of each request. Gateway API only.',
        mirror,
        {
          max: 16,
        },
      ),
      corsPolicy,
      apex: metadata('apex'),
      primary: metadata('primary'),
      canary: metadata('canary'),
      unmanagedMetadata: object("Metadata of the Services that is somebody else's and stays.", {
        required: {},
        optional: { labels: keys('labels'), annotations: keys('annotations') },
      }),
      ...forIstioOrMesh,
    },
  },
);

export type RawService = Raw<typeof serviceSchema>;
export type RawHttpMatch = Raw<typeof httpMatch>;
export type RawStringMatch = Raw<typeof plainMatch>;
export type RawHeaderChange = Raw<ReturnType<typeof headerChange>>;
