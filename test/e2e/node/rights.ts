// The rights that a chart grants to its ServiceAccounts, and those that the API server's audit log shows in use.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { nodeDir } from './node.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Role extends KubeObject {
  readonly rules?: readonly Rule[];
}

interface Binding extends KubeObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string }[];
}

/** One verb on one resource for one account, in one namespace or (`*`) in all. */
export interface Right {
  readonly account: string;
  readonly namespace: string;
  readonly verb: string;
  /** `deployments.apps/scale`, `services` */
  readonly resource: string;
  /** Null = any. */
  readonly name: string | null;
}

/** A request as the API server wrote it down. */
export interface Request extends Right {
  readonly code: number;
  readonly url: string;
}

/** What the ServiceAccounts among these objects may do; `namespace` is that of objects that name none. */
export function granted(objects: readonly KubeObject[], namespace: string): readonly Right[] {
  const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding')) as Binding[];
  return bindings.flatMap((binding) => {
    const everywhere = binding.kind === 'ClusterRoleBinding';
    const where = everywhere ? '*' : (binding.metadata.namespace ?? namespace);
    const role: Role | undefined = objects.find(
      ({ kind, metadata }) =>
        kind === binding.roleRef.kind &&
        metadata.name === binding.roleRef.name &&
        (kind === 'ClusterRole' || (metadata.namespace ?? namespace) === where),
    );
    if (role === undefined)
      throw new Error(`${binding.metadata.name} binds a role that is not there`);
    return binding.subjects.flatMap(({ name: account }) =>
      (role.rules ?? []).flatMap((rule) => rightsOf(rule, { account, namespace: where })),
    );
  });
}

function rightsOf(rule: Rule, by: Pick<Right, 'account' | 'namespace'>): readonly Right[] {
  const { apiGroups = [], resources = [], resourceNames, verbs } = rule;
  const names: readonly (string | null)[] = resourceNames ?? [null];
  return apiGroups.flatMap((group) =>
    resources.flatMap((plural) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({ ...by, verb, resource: resourceName(group, plural), name })),
      ),
    ),
  );
}

function resourceName(group: string, plural: string): string {
  const [name = '', ...subresource] = plural.split('/');
  return [group === '' ? name : `${name}.${group}`, ...subresource].join('/');
}

/** `serin * patch deployments.apps/scale`, the name last where only that one may be touched. */
export function wordsOf({ account, namespace, verb, resource, name }: Right): string {
  return [account, namespace, verb, resource, ...(name === null ? [] : [name])].join(' ');
}

export function allows(right: Right, request: Request): boolean {
  return (
    right.account === request.account &&
    (right.namespace === '*' || right.namespace === request.namespace) &&
    right.verb === request.verb &&
    right.resource === request.resource &&
    (right.name === null || right.name === request.name)
  );
}

const LOG = 'log/audit.log';

/** Where the log ends now. */
export function auditPosition(): number {
  return statSync(join(nodeDir(), LOG)).size;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** What the ServiceAccounts of conf/audit.yaml have asked for since; discovery and the like have no resource: ''. */
export function requestsSince(position: number): readonly Request[] {
  return readFileSync(join(nodeDir(), LOG))
    .subarray(position)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => requestOf(JSON.parse(line) as AuditEvent))
    .flatMap((request) => (makes(request) ? [request, { ...request, verb: 'create' }] : [request]));
}

/** A server-side apply that makes its object has been checked for the right to create too. */
function makes({ verb, code }: Request): boolean {
  return verb === 'patch' && code === 201;
}

function requestOf({ verb, requestURI, user, objectRef, responseStatus }: AuditEvent): Request {
  const { resource: plural, subresource, apiGroup = '', namespace = '', name } = objectRef ?? {};
  const whole = subresource === undefined ? plural : `${plural}/${subresource}`;
  return {
    account: user.username.split(':').at(-1) ?? '',
    namespace,
    verb,
    resource: whole === undefined ? '' : resourceName(apiGroup, whole),
    name: name ?? null,
    code: responseStatus?.code ?? 0,
    url: requestURI,
  };
}
