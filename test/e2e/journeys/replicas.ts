// Two replicas of the operator on one namespace, told apart in the audit log by whom they act as.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { apiAs, cluster, newNamespace } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { type Journey, OperatorProcess, startJourney } from './journey.ts';

const LEASE = 'serin-controller';

/** Who a replica is to the API server: `as` this user, with all rights unless `groups` says otherwise. */
export class Person implements Disposable {
  readonly name: string;
  readonly kubeconfig: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-person-'));

  constructor(name: string, groups: readonly string[] = ['system:masters']) {
    this.name = name;
    this.kubeconfig = join(this.#dir, 'kubeconfig');
    const config = JSON.parse(readFileSync(cluster().kubeconfigs.operator, 'utf8')) as {
      readonly users: readonly { readonly user: Record<string, unknown> }[];
    };
    for (const { user } of config.users) Object.assign(user, { as: name, 'as-groups': groups });
    writeFileSync(this.kubeconfig, JSON.stringify(config));
  }

  /** What it asked of the API server, as far as the audit log tells. */
  get requests(): readonly AuditedRequest[] {
    return readFileSync(cluster().auditLog, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`"${this.name}"`) && line.endsWith('}'))
      .map((line) => JSON.parse(line) as AuditLine)
      .filter(({ impersonatedUser }) => impersonatedUser?.username === this.name)
      .map(({ verb, requestURI, requestReceivedTimestamp, responseStatus }) => ({
        verb,
        uri: requestURI,
        at: Date.parse(requestReceivedTimestamp),
        code: responseStatus?.code ?? 0,
      }));
  }

  /** Its writes, those to the lease aside. */
  get writes(): readonly AuditedRequest[] {
    return this.requests.filter(
      ({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && !uri.includes('/leases'),
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

interface AuditLine {
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly impersonatedUser?: { readonly username: string };
  readonly responseStatus?: { readonly code?: number };
}

export interface AuditedRequest {
  readonly verb: string;
  readonly uri: string;
  readonly at: number;
  readonly code: number;
}

export interface Replica {
  readonly person: Person;
  readonly operator: OperatorProcess;
}

export interface Replicas {
  readonly walk: Journey;
  readonly leaseNamespace: string;
  readonly leader: Replica;
  readonly standby: Replica;
}

/** Both are ready, and one of them leads. On failure the words of both are printed. */
export async function twoReplicas(go: (replicas: Replicas) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const api = apiAs();
  stack.defer(() => api.close());
  const { name: leaseNamespace } = stack.use(await newNamespace(api, 'lease'));
  const people = ['first', 'second'].map((each) =>
    stack.use(new Person(`${leaseNamespace}-${each}`)),
  );
  const [one, two] = people;
  if (one === undefined || two === undefined) throw new Error('two people');
  const flags = ['--enable-leader-election=true', '--leader-election-namespace', leaseNamespace];
  const walk = stack.use(await startJourney({ flags, kubeconfig: one.kubeconfig }));
  const first = { person: one, operator: walk.operator };
  const { url } = walk.prometheus;
  const started = new OperatorProcess(walk.namespace, url, { flags, kubeconfig: two.kubeconfig });
  const second = { person: two, operator: stack.use(started) };
  try {
    for (const { operator } of [first, second])
      await until('a replica to be ready', async () => (await probe(operator, 'readyz')) === 200, {
        limitMs: 60_000,
      });
    const leader = await until('a leader', async () => {
      const leads = await Promise.all([first, second].map(({ operator }) => leading(operator)));
      return leads[0] === true ? first : leads[1] === true ? second : null;
    });
    const standby = leader === first ? second : first;
    await go({ walk, leaseNamespace, leader, standby });
  } catch (error) {
    for (const { person, operator } of [first, second])
      process.stderr.write(
        `--- ${person.name}:\n${operator.log.split('\n').slice(-40).join('\n')}\n`,
      );
    throw error;
  }
}

/** As its metrics say. */
export async function leading(operator: OperatorProcess): Promise<boolean> {
  return /^leader_election_master_status\{[^}]*\} 1$/m.test(await operator.metrics());
}

/** The status code of one of its probes. */
export async function probe(operator: OperatorProcess, path: string): Promise<number> {
  return (await fetch(`http://127.0.0.1:${await operator.port}/${path}`)).status;
}

export function leasePath(leaseNamespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases/${LEASE}`;
}

export async function leaseSpec({
  walk,
  leaseNamespace,
}: Replicas): Promise<{ readonly holderIdentity: string; readonly leaseTransitions: number }> {
  const lease = await walk.api.get<
    KubeObject & { spec: { holderIdentity: string; leaseTransitions: number } }
  >(leasePath(leaseNamespace));
  return lease.spec;
}

/** Milliseconds from now until the other replica writes. */
export async function untilItWrites({ person }: Replica, limitMs: number): Promise<number> {
  const start = Date.now();
  const first = await until(`a write of ${person.name}`, () => person.writes[0], { limitMs });
  return first.at - start;
}
