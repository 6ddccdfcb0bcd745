// Before the end-to-end tests: one real control plane with the CRDs for the whole run; after them: nothing of it is left.
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import type { Connection } from './cluster/api.ts';
import { applyCrds } from './cluster/apply.ts';
import { NotAvailable, findComponents } from './cluster/components.ts';
import { type User, USERS, startControlPlane } from './cluster/control-plane.ts';
import { registerNodes } from './cluster/nodes.ts';

/** What each test file gets by `inject('cluster')`; null: there is no cluster, and such tests are skipped. */
export interface ClusterAddress {
  readonly dir: string;
  readonly connections: Readonly<Record<User, Connection>>;
  /** Paths. */
  readonly kubeconfigs: Readonly<Record<User, string>>;
  readonly auditLog: string;
  /** Path of helm; null where it could not be had. */
  readonly helm: string | null;
  /** Gateway API's CRDs are in the cluster. */
  readonly gatewayApi: boolean;
}

export interface ShippedOperator {
  /** Path of the program. */
  readonly program: string;
  /** For its process: what was compiled once is not compiled again. */
  readonly environment: Readonly<Record<string, string>>;
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: ClusterAddress | null;
    /** The operator as it is shipped, in one file. */
    operator: ShippedOperator;
    /** The cache of programs: bin/ crds/ images/. Empty where there is none. */
    components: string;
  }
}

const BUNDLE = join(import.meta.dirname, '../../tools/bundle.ts');
const CRDS = join(import.meta.dirname, '../../crds');

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  let components;
  try {
    components = await findComponents();
  } catch (error) {
    if (!(error instanceof NotAvailable) || process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nEND-TO-END TESTS DO NOT RUN: ${error.message}\n\n`);
    project.provide('cluster', null);
    project.provide('components', '');
    project.provide('operator', { program: '', environment: {} });
    return undefined;
  }
  project.provide('components', components.dir);
  if (process.env['SERIN_NODE'] !== undefined) {
    // A run on the real node (node/run.sh): the other journeys have their own.
    project.provide('cluster', null);
    project.provide('operator', { program: '', environment: {} });
    return undefined;
  }
  if (components.helm === null && process.env['CI'] === 'true')
    throw new Error('there is no helm: the journeys of the chart need it');
  const dir = await ship(project);
  const controlPlane = await startControlPlane({ components });
  const { gatewayCrds } = components;
  try {
    const gateway = gatewayCrds === null ? [] : [gatewayCrds];
    await applyCrds(controlPlane.api, [...crdFiles(), ...gateway]);
    await registerNodes(controlPlane.api, 3);
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  project.provide('cluster', {
    dir: controlPlane.dir,
    connections: perUser((user) => controlPlane.connection(user)),
    kubeconfigs: perUser((user) => controlPlane.kubeconfig(user)),
    auditLog: controlPlane.auditLog,
    helm: components.helm,
    gatewayApi: gatewayCrds !== null,
  });
  return async () => {
    await controlPlane.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

/** Makes the file that is shipped: it starts in half the time of the sources. */
async function ship(project: TestProject): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'serin-shipped-'));
  const program = join(dir, 'serin.mjs');
  await promisify(execFile)(process.execPath, [BUNDLE, program], { timeout: 60_000 });
  const environment = { NODE_COMPILE_CACHE: join(dir, 'compiled') };
  project.provide('operator', { program, environment });
  return dir;
}

/** Our own CRDs. */
export function crdFiles(): readonly string[] {
  return globSync(join(CRDS, '*.yaml')).filter((file) => !file.endsWith('kustomization.yaml'));
}

function perUser<T>(of: (user: User) => T): Readonly<Record<User, T>> {
  return Object.fromEntries(USERS.map((user) => [user, of(user)])) as Record<User, T>;
}
