// The helm chart as helm renders it, and its rights given out for real.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, inject } from 'vitest';
import type { Deployment, KubeObject } from '../../../src/api/kubernetes.ts';
import type { Api } from './api.ts';
import { apply, parseManifests } from './apply.ts';
import { cluster } from './e2e.ts';

export const CHART = join(import.meta.dirname, '../../../deploy/helm/serin');

/** As `describeE2E`, where helm can be had too. */
export const describeChart = describe.skipIf((inject('cluster')?.helm ?? null) === null);

export type Values = Readonly<Record<string, unknown>>;

export function helmPath(): string {
  const path = cluster().helm;
  if (path === null) throw new Error('there is no helm: is this test inside of describeChart?');
  return path;
}

/** What it printed. Rejects, with what it complained of in the message, when helm refuses. */
export async function helm(
  words: readonly string[],
  {
    values = {},
    namespace = 'serin-system',
  }: { readonly values?: Values; readonly namespace?: string } = {},
): Promise<string> {
  const given = Object.entries(values).flatMap(([name, value]) => [
    '--set-json',
    `${name}=${JSON.stringify(value)}`,
  ]);
  const flags = ['--namespace', namespace, '--kube-version', '1.36.0', ...given];
  const { stdout } = await promisify(execFile)(helmPath(), [...words, ...flags], {
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  return stdout;
}

/** Every object of the release `serin`, hooks included. */
export async function rendered(
  values: Values = {},
  namespace?: string,
): Promise<readonly KubeObject[]> {
  const where = namespace === undefined ? {} : { namespace };
  return parseManifests(await helm(['template', 'serin', CHART], { values, ...where }));
}

export function operatorOf(objects: readonly KubeObject[]): Deployment {
  const found = objects.find(({ kind }) => kind === 'Deployment');
  if (found === undefined) throw new Error('the chart rendered no Deployment');
  return found as Deployment;
}

/** The arguments that the chart gives the operator. */
export function argumentsOf(objects: readonly KubeObject[]): readonly string[] {
  const [container] = operatorOf(objects).spec.template.spec.containers;
  return (container as unknown as { readonly args: readonly string[] }).args;
}

const RIGHTS = ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'];

/** Gives the chart's service account the rights that were rendered for it, and writes a kubeconfig with its token alone. */
export async function grantAsRendered(
  api: Api,
  objects: readonly KubeObject[],
  { namespace, file }: { readonly namespace: string; readonly file: string },
): Promise<void> {
  for (const object of objects)
    if (RIGHTS.includes(object.kind)) await apply(api, object, namespace);
  const account = operatorOf(objects).spec.template.spec['serviceAccountName'] as string;
  const { status } = await api.post<{ readonly status: { readonly token: string } }>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  );
  const { server, ca } = api.connection;
  const authority = Buffer.from(ca).toString('base64');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'chart',
      clusters: [{ name: 'chart', cluster: { server, 'certificate-authority-data': authority } }],
      users: [{ name: 'chart', user: { token: status.token } }],
      contexts: [{ name: 'chart', context: { cluster: 'chart', user: 'chart', namespace } }],
    }),
    { mode: 0o600 },
  );
}
