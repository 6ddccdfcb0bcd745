// HTTPRoute of Gateway API v1 where its CRD is not handed in: its defaults, and the limits that a route may meet.
import type { StructuralSchema } from './schema-structure.ts';

const KEPT = { 'x-kubernetes-preserve-unknown-fields': true } as const;
const ROOT_PATH = { type: 'PathPrefix', value: '/' };

const serviceReference: StructuralSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    group: { type: 'string', default: '', maxLength: 253 },
    kind: { type: 'string', default: 'Service', minLength: 1, maxLength: 63 },
    name: { type: 'string', minLength: 1, maxLength: 253 },
    port: { type: 'integer', minimum: 1, maximum: 65_535 },
  },
  'x-kubernetes-validations': [
    {
      rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
      message: 'Must have port for Service reference',
    },
  ],
  ...KEPT,
};

const filter: StructuralSchema = {
  type: 'object',
  required: ['type'],
  properties: {
    requestMirror: {
      type: 'object',
      required: ['backendRef'],
      properties: { backendRef: serviceReference },
      ...KEPT,
    },
    requestRedirect: {
      type: 'object',
      properties: { statusCode: { type: 'integer', default: 302 } },
      ...KEPT,
    },
  },
  ...KEPT,
};
const filters: StructuralSchema = { type: 'array', maxItems: 16, items: filter };

const backendReference: StructuralSchema = {
  ...serviceReference,
  properties: {
    ...serviceReference.properties,
    weight: { type: 'integer', default: 1, minimum: 0, maximum: 1_000_000 },
    filters,
  },
};

const exact: StructuralSchema = {
  type: 'object',
  required: ['name', 'value'],
  properties: { type: { type: 'string', default: 'Exact', enum: ['Exact', 'RegularExpression'] } },
  ...KEPT,
};
const exactList: StructuralSchema = {
  type: 'array',
  maxItems: 16,
  items: exact,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
};

const match: StructuralSchema = {
  type: 'object',
  properties: {
    path: {
      type: 'object',
      default: ROOT_PATH,
      properties: {
        type: {
          type: 'string',
          default: 'PathPrefix',
          enum: ['Exact', 'PathPrefix', 'RegularExpression'],
        },
        value: { type: 'string', default: '/', maxLength: 1024 },
      },
      'x-kubernetes-validations': [
        {
          rule: "(self.type in ['Exact','PathPrefix']) ? self.value.startsWith('/') : true",
          message:
            "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
        },
      ],
    },
    headers: exactList,
    queryParams: exactList,
  },
  ...KEPT,
};

const rule: StructuralSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253 },
    matches: { type: 'array', maxItems: 64, items: match, default: [{ path: ROOT_PATH }] },
    filters,
    backendRefs: { type: 'array', maxItems: 16, items: backendReference },
  },
  ...KEPT,
};

const parentReference: StructuralSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    group: { type: 'string', default: 'gateway.networking.k8s.io', maxLength: 253 },
    kind: { type: 'string', default: 'Gateway', minLength: 1, maxLength: 63 },
    name: { type: 'string', minLength: 1, maxLength: 253 },
  },
  ...KEPT,
};

export const HTTP_ROUTE_SCHEMA: StructuralSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      properties: {
        parentRefs: { type: 'array', maxItems: 32, items: parentReference },
        hostnames: { type: 'array', maxItems: 16, items: { type: 'string', maxLength: 253 } },
        rules: {
          type: 'array',
          minItems: 1,
          maxItems: 16,
          items: rule,
          default: [{ matches: [{ path: ROOT_PATH }] }],
        },
      },
      ...KEPT,
    },
    status: {
      type: 'object',
      required: ['parents'],
      properties: {
        parents: {
          type: 'array',
          maxItems: 32,
          items: {
            type: 'object',
            required: ['controllerName', 'parentRef'],
            properties: { parentRef: parentReference },
            ...KEPT,
          },
        },
      },
      ...KEPT,
    },
  },
};
