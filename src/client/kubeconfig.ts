// Kubeconfig files: several are merged as kubectl does it, then one context becomes a ClusterConfig.
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { User } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Clock } from '../clock/clock.ts';
import { type ClusterConfig, ConfigError, serverUrl } from './cluster-config.ts';
import { type Credentials, type Source, sourceCredentials } from './credentials.ts';
import { type Fields, fieldsOf, isFields, itemsOf, textOf } from './fields.ts';
import { pluginCredentials } from './plugin-credentials.ts';

/** An entry and the folder of the file that it came from: its relative paths start there. */
interface Entry {
  readonly fields: Fields;
  readonly folder: string;
}

export interface Kubeconfig {
  readonly files: readonly string[];
  readonly currentContext: string | null;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
}

/** The first file that names an entry wins it. Files that do not exist are passed over unless `required`. */
export async function loadKubeconfigs(
  files: readonly string[],
  required: boolean,
  signal: AbortSignal,
): Promise<Kubeconfig> {
  let currentContext: string | null = null;
  const clusters = new Map<string, Entry>();
  const users = new Map<string, Entry>();
  const contexts = new Map<string, Entry>();
  for (const file of files) {
    const root = await readYaml(file, required, signal);
    if (root === null) continue;
    const folder = dirname(resolve(file));
    currentContext ??= textOf(root['current-context']);
    collect(clusters, root['clusters'], 'cluster', folder);
    collect(users, root['users'], 'user', folder);
    collect(contexts, root['contexts'], 'context', folder);
  }
  return { files, currentContext, clusters, users, contexts };
}

export interface Choice {
  readonly context: string | null;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Throws ConfigError if the context, or what it names, is missing or cannot be used. */
export function chooseContext(config: Kubeconfig, choice: Choice): ClusterConfig {
  const where = config.files.join(', ');
  const name = choice.context ?? config.currentContext;
  if (name === null) throw new ConfigError(`${where}: no current-context`);
  const context = entry(config.contexts, name, `context of ${where}`);
  const clusterName = textOf(context.fields['cluster']) ?? '';
  const cluster = entry(config.clusters, clusterName, `cluster of context ${name}`);
  const userName = textOf(context.fields['user']);
  const user = userName === null ? null : entry(config.users, userName, `user of context ${name}`);
  const server = serverUrl(textOf(cluster.fields['server']) ?? '', `cluster ${clusterName}`);
  return {
    server,
    namespace: textOf(context.fields['namespace']) ?? 'default',
    tlsServerName: textOf(cluster.fields['tls-server-name']),
    insecureSkipTlsVerify: cluster.fields['insecure-skip-tls-verify'] === true,
    proxyUrl: textOf(cluster.fields['proxy-url']),
    credentials: credentialsOf({ cluster, user, userName, server, choice }),
  };
}

interface Chosen {
  readonly cluster: Entry;
  readonly user: Entry | null;
  readonly userName: string | null;
  readonly server: URL;
  readonly choice: Choice;
}

function credentialsOf({ cluster, user, userName, server, choice }: Chosen): Credentials {
  const fields = user?.fields ?? {};
  const username = textOf(fields['username']);
  const base = sourceCredentials(
    {
      token: tokenSource(user),
      basic: username === null ? null : { username, password: textOf(fields['password']) ?? '' },
      ca: source(cluster, 'certificate-authority'),
      cert: source(user, 'client-certificate'),
      key: source(user, 'client-key'),
      impersonation: impersonation(fields),
    },
    choice.clock,
  );
  if (user === null || !(isFields(fields['exec']) || isFields(fields['auth-provider'])))
    return base;
  const plugin = pluginUser(userName ?? '', user, server);
  return pluginCredentials({ user: plugin, server: server.href, base }, choice.clock);
}

/** A file wins over a value, as it is the one that is kept fresh. */
function tokenSource(user: Entry | null): Source {
  const path = textOf(user?.fields['tokenFile']);
  if (user !== null && path !== null) return { kind: 'file', path: resolve(user.folder, path) };
  const text = textOf(user?.fields['token']);
  return text === null ? { kind: 'none' } : { kind: 'value', text };
}

/** `<field>-data` in base64, or `<field>` with a path; the former wins, as in kubectl. */
function source(from: Entry | null, field: string): Source {
  if (from === null) return { kind: 'none' };
  const encoded = textOf(from.fields[`${field}-data`]);
  if (encoded !== null) {
    return { kind: 'value', text: Buffer.from(encoded, 'base64').toString('utf8') };
  }
  const path = textOf(from.fields[field]);
  return path === null ? { kind: 'none' } : { kind: 'file', path: resolve(from.folder, path) };
}

function impersonation(fields: Fields): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = {};
  const as = textOf(fields['as']);
  const uid = textOf(fields['as-uid']);
  const groups = texts(fields['as-groups']);
  if (as !== null) headers['impersonate-user'] = as;
  if (uid !== null) headers['impersonate-uid'] = uid;
  if (groups.length > 0) headers['impersonate-group'] = groups;
  for (const [key, values] of Object.entries(fieldsOf(fields['as-user-extra']))) {
    headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] = texts(values);
  }
  return headers;
}

function texts(value: unknown): readonly string[] {
  return itemsOf(value).flatMap((item) => textOf(item) ?? []);
}

/** In the package's shape. Plugins need KUBERNETES_EXEC_INFO, which it does not set. */
function pluginUser(name: string, user: Entry, server: URL): User {
  const provider = fieldsOf(user.fields['auth-provider']);
  if (isFields(user.fields['auth-provider'])) {
    return {
      name,
      authProvider: { name: textOf(provider['name']) ?? '', config: provider['config'] },
    };
  }
  const exec = fieldsOf(user.fields['exec']);
  const command = textOf(exec['command']);
  if (command === null) throw new ConfigError(`user ${name}: exec without a command`);
  const request = JSON.stringify({
    apiVersion: exec['apiVersion'],
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec['provideClusterInfo'] === true ? { cluster: { server: server.href } } : {}),
    },
  });
  const beside = command.includes('/') && !isAbsolute(command);
  return {
    name,
    exec: {
      ...exec,
      command: beside ? resolve(user.folder, command) : command,
      env: [...itemsOf(exec['env']), { name: 'KUBERNETES_EXEC_INFO', value: request }],
    },
  };
}

function entry(entries: ReadonlyMap<string, Entry>, name: string, what: string): Entry {
  const found = entries.get(name);
  if (found === undefined) throw new ConfigError(`no ${what} is named "${name}"`);
  return found;
}

function collect(into: Map<string, Entry>, list: unknown, field: string, folder: string): void {
  for (const item of itemsOf(list)) {
    const named = fieldsOf(item);
    const name = textOf(named['name']);
    if (name !== null && !into.has(name))
      into.set(name, { fields: fieldsOf(named[field]), folder });
  }
}

async function readYaml(
  file: string,
  required: boolean,
  signal: AbortSignal,
): Promise<Fields | null> {
  let text: string;
  try {
    text = await readFile(file, { encoding: 'utf8', signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!required && error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return null;
    throw new ConfigError(`cannot read ${file}`, error);
  }
  try {
    return fieldsOf(parse(text));
  } catch (error) {
    throw new ConfigError(`${file} is not YAML`, error);
  }
}
