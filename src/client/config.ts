// Which cluster to talk to and as whom: flags, kubeconfig files, or the service account of the pod.
import { access, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { type ClusterConfig, ConfigError, serverUrl } from './cluster-config.ts';
import { sourceCredentials } from './credentials.ts';
import { chooseContext, loadKubeconfigs } from './kubeconfig.ts';

export interface ConfigOptions {
  /** `--kubeconfig`: this file only; an error if it is missing. */
  readonly kubeconfig?: string;
  /** `--master`: overrides the server's address. */
  readonly master?: string;
  /** `--context`: instead of the file's current one. */
  readonly context?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Where the pod's service account is mounted; only tests give another. */
  readonly serviceAccountFolder?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Looks at, in this order: `--kubeconfig`, the files in KUBECONFIG, ~/.kube/config, the pod's service account.
 * `--master` overrides the address of whatever was found, or stands alone without credentials. Throws ConfigError.
 */
export async function loadConfig(
  options: ConfigOptions,
  signal: AbortSignal,
): Promise<ClusterConfig> {
  const found = await find(options, signal);
  if (options.master === undefined || options.master === '') {
    if (found !== null) return found;
    throw new ConfigError(
      'no cluster configured: give --kubeconfig, set KUBECONFIG, or run in a pod with a service account',
    );
  }
  const server = serverUrl(options.master, '--master');
  return found === null ? { ...anonymous(options.clock), server } : { ...found, server };
}

async function find(options: ConfigOptions, signal: AbortSignal): Promise<ClusterConfig | null> {
  const { environment, clock } = options;
  const files = await kubeconfigFiles(options);
  if (files === null) return inCluster(options);
  const merged = await loadKubeconfigs(files, options.kubeconfig !== undefined, signal);
  return chooseContext(merged, { context: options.context ?? null, clock, environment });
}

/** Files to read; null if there is none and the pod's service account should be used. */
async function kubeconfigFiles(options: ConfigOptions): Promise<readonly string[] | null> {
  if (options.kubeconfig !== undefined && options.kubeconfig !== '') return [options.kubeconfig];
  const named = options.environment['KUBECONFIG'];
  if (named !== undefined && named !== '') return named.split(delimiter).filter(Boolean);
  const usual = join(options.environment['HOME'] ?? homedir(), '.kube', 'config');
  return (await exists(usual)) ? [usual] : null;
}

async function inCluster(options: ConfigOptions): Promise<ClusterConfig | null> {
  const host = options.environment['KUBERNETES_SERVICE_HOST'];
  const port = options.environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '') return null;
  const folder = options.serviceAccountFolder ?? SERVICE_ACCOUNT;
  const token = join(folder, 'token');
  if (!(await exists(token))) {
    throw new ConfigError(`this pod has no service account token: ${token} is missing`);
  }
  const credentials = sourceCredentials(
    {
      token: { kind: 'file', path: token },
      basic: null,
      ca: { kind: 'file', path: join(folder, 'ca.crt') },
      cert: { kind: 'none' },
      key: { kind: 'none' },
      impersonation: {},
    },
    options.clock,
  );
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const namespace = options.environment['POD_NAMESPACE'] ?? (await ownNamespace(folder));
  return { ...anonymous(options.clock), server, namespace, credentials };
}

async function ownNamespace(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'namespace'), 'utf8').catch(() => '');
  return text.trim() || 'default';
}

function anonymous(clock: Clock): Omit<ClusterConfig, 'server'> {
  const none = { kind: 'none' } as const;
  const nobody = { token: none, basic: null, ca: none, cert: none, key: none, impersonation: {} };
  return {
    namespace: 'default',
    tlsServerName: null,
    insecureSkipTlsVerify: false,
    proxyUrl: null,
    credentials: sourceCredentials(nobody, clock),
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
