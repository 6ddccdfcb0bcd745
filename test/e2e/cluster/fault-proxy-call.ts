// A request to an API server in the words of Kubernetes: which verb on which object; and who a Status with a code comes from.

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'apply'
  | 'delete'
  | 'deletecollection';

export interface Call {
  readonly verb: Verb;
  readonly method: string;
  /** With query. */
  readonly path: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural; empty where the path is no resource's: `/version`, discovery. */
  readonly resource: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** Empty: none. */
  readonly namespace: string;
  /** Empty: the collection, or an object that is to be made (then see `body`). */
  readonly name: string;
  /** As sent; empty for reads. */
  readonly body: string;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

export function parseCall({ method, path, contentType, body }: RawRequest): Call {
  const url = new URL(path, 'https://api');
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const core = parts[0] === 'api';
  const group = core || parts[0] !== 'apis' ? '' : (parts[1] ?? '');
  const rest = core ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : [];
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [resource = '', name = '', subresource = ''] = namespaced ? rest.slice(2) : rest;
  const verb = verbOf(method, { named: name !== '', watch: watches(url), contentType });
  return {
    verb,
    method,
    path,
    group,
    resource,
    subresource,
    namespace: namespaced ? (rest[1] ?? '') : '',
    name: name === '' && verb === 'create' ? nameIn(body) : name,
    body,
  };
}

function watches(url: URL): boolean {
  return ['true', '1'].includes(url.searchParams.get('watch') ?? '');
}

function verbOf(
  method: string,
  how: { readonly named: boolean; readonly watch: boolean; readonly contentType: string },
): Verb {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return how.contentType.startsWith('application/apply-patch') ? 'apply' : 'patch';
    case 'DELETE':
      return how.named ? 'delete' : 'deletecollection';
    default:
      return how.watch ? 'watch' : how.named ? 'get' : 'list';
  }
}

function nameIn(body: string): string {
  try {
    const { metadata } = JSON.parse(body) as { readonly metadata?: { readonly name?: string } };
    return metadata?.name ?? '';
  } catch {
    return '';
  }
}

/** Something is changed by it, if it is obeyed. */
export function isWrite({ verb }: Call): boolean {
  return verb !== 'get' && verb !== 'list' && verb !== 'watch';
}

/** A write that a rollout consists of: what is only told (Events), and the lease, are none. */
export function isDeed(call: Call): boolean {
  return isWrite(call) && call.resource !== 'events' && call.resource !== 'leases';
}

/** `apply httproutes web`, `update canaries/status web` */
export function titleOf({ verb, resource, subresource, name }: Call): string {
  return `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`} ${name}`.trimEnd();
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export interface Refusal {
  readonly code: number;
  /** Default: the code's. */
  readonly reason?: string;
  readonly message?: string;
  /** Header and field of the Status. Default: none. */
  readonly retryAfterSeconds?: number;
}

/** As an API server would say it. */
export function statusObject({ code, reason, message, retryAfterSeconds }: Refusal): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: message ?? `a fault of the test: ${code}`,
    reason: reason ?? REASONS[code] ?? '',
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
    code,
  };
}
