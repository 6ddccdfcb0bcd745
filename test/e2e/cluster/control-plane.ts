// A real control plane on loopback: etcd, kube-apiserver and kube-controller-manager. No root, no nodes, ready in seconds.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api, type Connection } from './api.ts';
import { Children, type Command } from './children.ts';
import { type Components, findComponents } from './components.ts';
import { AUDIT_POLICY, type Ports, apiserver, controllerManager, etcd } from './flags.ts';
import { freePorts } from './ports.ts';
import { until } from './until.ts';

export type Part = 'etcd' | 'apiserver' | 'kcm';

/** Who may call. `admin` and `operator` may do anything; the others nothing until a test gives them rights. */
export const USERS = ['admin', 'operator', 'alice', 'bob'] as const;
export type User = (typeof USERS)[number];

export interface ControlPlaneOptions {
  /** Made new and removed at the end. Default: a folder of its own under the system's. */
  readonly dir?: string;
  /** Default: found or built (components.ts). */
  readonly components?: Components;
  /** More flags, after ours: the last one counts. */
  readonly flags?: Partial<Record<Part, readonly string[]>>;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const components = options.components ?? (await findComponents());
  for (let attempt = 1; ; attempt++) {
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'serin-cluster-'));
    const controlPlane = new ControlPlane(
      await Children.in(dir),
      await commands(dir, components, options),
    );
    try {
      await controlPlane.start();
      return controlPlane;
    } catch (error) {
      await controlPlane.stop();
      // Ports are found free first and taken a moment later: somebody else may have been faster.
      const taken = String(error).includes('address already in use');
      if (!taken || attempt === 3) throw error;
    }
  }
}

interface Setup extends Record<Part, Command> {
  readonly server: string;
  readonly store: string;
  readonly tokens: Readonly<Record<User, string>>;
}

export class ControlPlane {
  readonly dir: string;
  readonly server: string;
  /** etcd's own address, for what no API server does: `http://127.0.0.1:<port>` */
  readonly store: string;
  readonly #children: Children;
  readonly #setup: Setup;
  #ca = '';
  #api: Api | null = null;

  constructor(children: Children, setup: Setup) {
    this.dir = children.dir;
    this.server = setup.server;
    this.store = setup.store;
    this.#children = children;
    this.#setup = setup;
  }

  /** As `admin`. */
  get api(): Api {
    this.#api ??= new Api(this.connection('admin'));
    return this.#api;
  }

  /** Who called what, one JSON line a request (audit.k8s.io, level Metadata), for every user but `admin` and the cluster's own. */
  get auditLog(): string {
    return join(this.dir, 'audit.log');
  }

  connection(user: User): Connection {
    return { server: this.server, ca: this.#ca, token: this.#setup.tokens[user] };
  }

  /** Path of the user's kubeconfig. */
  kubeconfig(user: User): string {
    return join(this.dir, `${user}.kubeconfig`);
  }

  async start(): Promise<void> {
    this.#children.start('etcd', this.#setup.etcd);
    this.#children.start('apiserver', this.#setup.apiserver);
    // The API server makes its certificate by itself and puts the authority that signed it behind it.
    const certificate = join(this.dir, 'certs/apiserver.crt');
    this.#ca = await this.#alive('apiserver', () => {
      const text = readFileSync(certificate, 'utf8');
      // There before it is written whole: an authority that is missing would be missed for good.
      return text.split('-----END CERTIFICATE-----').length > 2 ? text : null;
    });
    for (const user of USERS)
      writeFileSync(this.kubeconfig(user), kubeconfig(this.connection(user)));
    await this.#ready('apiserver');
    this.#children.start('kcm', this.#setup.kcm);
    await this.#alive('kcm', () =>
      this.api.find('/api/v1/namespaces/default/serviceaccounts/default'),
    );
  }

  pid(part: Part): number {
    return this.#children.pid(part);
  }

  /** For example SIGSTOP and SIGCONT: a server that is there and does not answer. */
  signal(part: Part, signal: NodeJS.Signals): void {
    this.#children.signal(part, signal);
  }

  /** Ends one part and leaves it down. */
  async kill(part: Part, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#children.stop(part, signal);
  }

  /** Brings a part back that was killed, and waits until it serves. */
  async revive(part: Part): Promise<void> {
    this.#children.start(part, this.#setup[part]);
    await this.#ready(part);
  }

  async restart(part: Part, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(part, signal);
    await this.revive(part);
  }

  async stop(): Promise<void> {
    await this.#api?.close();
    await this.#children.stopAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ready(part: Part): Promise<void> {
    if (part === 'kcm') return;
    // etcd is as ready as the API server says.
    await this.#alive('apiserver', () => this.api.text('GET', '/readyz'));
  }

  /** Waits for something from a part; does not wait for the dead. */
  async #alive<T>(part: Part, look: () => Promise<T | null> | T | null): Promise<T> {
    const dead = new AbortController();
    return until(
      `${part} in ${this.dir}`,
      () => {
        try {
          this.#children.pid(part);
          if (part === 'apiserver') this.#children.pid('etcd');
        } catch (error) {
          dead.abort(error);
        }
        return look();
      },
      { limitMs: 60_000, signal: dead.signal },
    );
  }
}

async function commands(
  dir: string,
  components: Components,
  options: ControlPlaneOptions,
): Promise<Setup> {
  const [api = 0, client = 0, peer = 0] = await freePorts(3);
  const ports: Ports = { api, client, peer };
  const server = `https://127.0.0.1:${api}`;
  const tokens = {
    admin: randomUUID(),
    operator: randomUUID(),
    alice: randomUUID(),
    bob: randomUUID(),
  };
  const kcmToken = randomUUID();
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  writeFileSync(join(dir, 'accounts.key'), key.export({ type: 'pkcs1', format: 'pem' }), {
    mode: 0o600,
  });
  writeFileSync(join(dir, 'audit.yaml'), AUDIT_POLICY);
  writeFileSync(
    join(dir, 'tokens.csv'),
    tokensFile({ ...tokens, 'system:kube-controller-manager': kcmToken }),
  );
  writeFileSync(join(dir, 'kcm.kubeconfig'), kubeconfig({ server, ca: '', token: kcmToken }));
  const { program } = components;
  const { flags = {} } = options;
  return {
    server,
    store: `http://127.0.0.1:${client}`,
    tokens,
    etcd: { program: program.etcd, args: [...etcd(dir, ports), ...(flags.etcd ?? [])] },
    apiserver: {
      program: program['kube-apiserver'],
      args: [...apiserver(dir, ports), ...(flags.apiserver ?? [])],
    },
    kcm: {
      program: program['kube-controller-manager'],
      args: [...controllerManager(dir), ...(flags.kcm ?? [])],
    },
  };
}

function tokensFile(tokens: Readonly<Record<string, string>>): string {
  const powerful = ['admin', 'operator', 'system:kube-controller-manager'];
  return Object.entries(tokens)
    .map(
      ([user, token]) =>
        `${token},${user},${user}${powerful.includes(user) ? ',system:masters' : ''}\n`,
    )
    .join('');
}

/** JSON is YAML. No authority given: the certificate is not looked at. */
function kubeconfig({ server, ca, token }: Connection): string {
  const trust =
    ca === ''
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, ...trust } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  });
}
