// Which cluster and which user are chosen, from flags, files and the pod's own account.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { type ConfigOptions, loadConfig } from '../../../src/client/config.ts';

const { signal } = new AbortController();
const clock = new VirtualClock();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : stringify(content));
  return path;
}

function kubeconfig(
  name: string,
  over: { cluster?: object; user?: object; context?: object } = {},
) {
  return {
    'current-context': name,
    clusters: [{ name, cluster: { server: `https://${name}:6443`, ...over.cluster } }],
    users: [{ name, user: { token: `${name}-token`, ...over.user } }],
    contexts: [{ name, context: { cluster: name, user: name, ...over.context } }],
  };
}

function load(over: Partial<ConfigOptions> = {}, environment: Record<string, string> = {}) {
  const home = { HOME: folder, ...environment };
  return loadConfig({ clock, serviceAccountFolder: folder, environment: home, ...over }, signal);
}

test('the flag wins over KUBECONFIG, and that over the file at home', async () => {
  const flag = write('flag', kubeconfig('flag'));
  const named = write('named', kubeconfig('named'));
  write('.kube/config', kubeconfig('home'));
  const inPod = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
  expect((await load({ kubeconfig: flag }, { KUBECONFIG: named })).server.host).toBe('flag:6443');
  expect((await load({}, { KUBECONFIG: named, ...inPod })).server.host).toBe('named:6443');
  expect((await load({}, inPod)).server.host).toBe('home:6443');
});

test('of several files the first to name an entry wins it, and missing files are passed over', async () => {
  const first = write('1', { ...kubeconfig('a'), 'current-context': 'b', contexts: [] });
  const second = write('2', {
    ...kubeconfig('b'),
    'current-context': 'c',
    clusters: [
      { name: 'a', cluster: { server: 'https://other' } },
      { name: 'b', cluster: { server: 'https://b:6443' } },
    ],
    contexts: [{ name: 'b', context: { cluster: 'a', user: 'b', namespace: 'shop' } }],
  });
  const KUBECONFIG = [join(folder, 'missing'), first, second].join(delimiter);
  const config = await load({}, { KUBECONFIG });
  expect([config.server.host, config.namespace]).toEqual(['a:6443', 'shop']);
  const { headers } = await config.credentials.current(signal);
  expect(headers).toEqual({ authorization: 'Bearer b-token' });
});

test('paths are relative to the file that names them, and files win over tokens', async () => {
  write('deep/token', 'from file\n');
  write('deep/ca.pem', 'CA');
  write('deep/key.pem', 'KEY');
  const file = write(
    'deep/config',
    kubeconfig('x', {
      cluster: { 'certificate-authority': 'ca.pem' },
      user: {
        tokenFile: './token',
        'client-key': 'key.pem',
        'client-certificate-data': Buffer.from('CERT').toString('base64'),
      },
    }),
  );
  const { credentials } = await load({ kubeconfig: file });
  expect(await credentials.current(signal)).toEqual({
    headers: { authorization: 'Bearer from file' },
    tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
  });
});

test('options of the cluster and impersonation of the user are kept', async () => {
  const file = write(
    'config',
    kubeconfig('x', {
      cluster: {
        'insecure-skip-tls-verify': true,
        'tls-server-name': 'inside',
        'proxy-url': 'http://proxy:3128',
      },
      user: {
        token: '',
        username: 'me',
        password: 'pä',
        as: 'other',
        'as-groups': ['g1', 'g2'],
        'as-user-extra': { Scopes: ['view'] },
      },
    }),
  );
  const config = await load({ kubeconfig: file });
  expect(config).toMatchObject({
    insecureSkipTlsVerify: true,
    tlsServerName: 'inside',
    proxyUrl: 'http://proxy:3128',
    namespace: 'default',
  });
  expect((await config.credentials.current(signal)).headers).toEqual({
    authorization: `Basic ${Buffer.from('me:pä').toString('base64')}`,
    'impersonate-user': 'other',
    'impersonate-group': ['g1', 'g2'],
    'impersonate-extra-scopes': ['view'],
  });
});

test('without files the account of the pod is used, and IPv6 addresses are understood', async () => {
  write('token', 'pod-token');
  write('ca.crt', 'CA');
  const KUBERNETES_SERVICE_HOST = 'fd00::1';
  const config = await load({}, { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT: '6443' });
  expect([config.server.href, config.namespace]).toEqual(['https://[fd00::1]:6443/', 'default']);
  expect((await config.credentials.current(signal)).tls.ca).toBe('CA');
});

test('--master overrides the address that was found and may stand alone', async () => {
  const file = write('config', kubeconfig('x'));
  const over = await load({ kubeconfig: file, master: 'http://localhost:8080/base' });
  expect(over.server.href).toBe('http://localhost:8080/base');
  expect((await over.credentials.current(signal)).headers).toEqual({
    authorization: 'Bearer x-token',
  });
  const alone = await load({ master: '10.0.0.1:6443' });
  expect(alone.server.href).toBe('https://10.0.0.1:6443/');
  expect((await alone.credentials.current(signal)).headers).toEqual({});
});

test('--context chooses another context', async () => {
  const two = kubeconfig('a');
  two.contexts.push({ name: 'z', context: { cluster: 'a', user: 'a', namespace: 'zz' } as never });
  expect((await load({ kubeconfig: write('c', two), context: 'z' })).namespace).toBe('zz');
});

test.each([
  ['nothing at all', undefined, 'no cluster configured'],
  ['no YAML', 'a: [', 'is not YAML'],
  ['no current context', { clusters: [] }, 'no current-context'],
  ['an unknown context', { 'current-context': 'x' }, 'is named "x"'],
  ['an unknown user', { ...kubeconfig('x'), users: [] }, 'no user of context x is named "x"'],
  ['a bad address', kubeconfig('x', { cluster: { server: 'ftp://x' } }), 'not the address'],
  ['exec without command', kubeconfig('x', { user: { exec: {} } }), 'exec without a command'],
])('%s is refused with words', async (_, content, words) => {
  const options = content === undefined ? {} : { kubeconfig: write('config', content) };
  await expect(load(options)).rejects.toMatchObject({
    name: 'ConfigError',
    message: expect.stringContaining(words),
  });
});

test('a file named by the flag must exist', async () => {
  await expect(load({ kubeconfig: join(folder, 'missing') })).rejects.toThrow('cannot read');
});

test('a pod without a mounted token is refused with words', async () => {
  const inPod = load({}, { KUBERNETES_SERVICE_HOST: '10.96.0.1' });
  await expect(inPod).rejects.toThrow('no service account token');
});

test('an exec plugin gives the token, is told what it is for, and runs again once it was refused', async () => {
  write(
    'plugin',
    `#!/bin/sh
echo run >> ${folder}/runs
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' "$(wc -l < ${folder}/runs | tr -d ' ')$FROM$(printf %s "$KUBERNETES_EXEC_INFO" | grep -c '"kind":"ExecCredential"')"
`,
  );
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'sh',
    args: [join(folder, 'plugin')],
    env: [{ name: 'FROM', value: '-env-' }],
  };
  const file = write('config', kubeconfig('x', { user: { token: '', exec } }));
  const { credentials } = await load({ kubeconfig: file });
  const first = await credentials.current(signal);
  expect(first.headers).toEqual({ authorization: 'Bearer 1-env-1' });
  await clock.advance(60_000);
  expect(await credentials.current(signal)).toBe(first);
  credentials.refuse(first);
  const [second, third] = await Promise.all([
    credentials.current(signal),
    credentials.current(signal),
  ]);
  expect(second.headers).toEqual({ authorization: 'Bearer 2-env-1' });
  expect(third).toBe(second);
});
