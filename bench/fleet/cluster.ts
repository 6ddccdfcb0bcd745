// The cluster of the benchmarks: a real control plane and scheduler on loopback, and kwok, which lets pods run on nothing.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Api } from '../../test/e2e/cluster/api.ts';
import { applyCrds } from '../../test/e2e/cluster/apply.ts';
import { Children } from '../../test/e2e/cluster/children.ts';
import { type ControlPlane, startControlPlane } from '../../test/e2e/cluster/control-plane.ts';
import { until } from '../../test/e2e/cluster/until.ts';
import { AuditLog } from './audit-log.ts';

const ROOT = join(import.meta.dirname, '../..');
const BUILD = join(ROOT, 'tools/components/build.sh');
const NODES = ['kwok-1', 'kwok-2', 'kwok-3'];

export interface Cluster extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly api: Api;
  readonly audit: AuditLog;
  /** Of the operator. */
  readonly kubeconfig: string;
}

/** `pods`: with a scheduler and nodes; without, nothing ever runs. */
export async function startCluster({ pods }: { readonly pods: boolean }): Promise<Cluster> {
  const dir = await programs();
  const stack = new AsyncDisposableStack();
  try {
    const plane = stack.use(await startControlPlane());
    const crds = ['canaries', 'metrictemplates', 'alertproviders'];
    await applyCrds(
      plane.api,
      crds.map((name) => join(ROOT, `crds/serin.dev_${name}.yaml`)),
    );
    if (pods) {
      const children = await Children.in(mkdtempSync(join(tmpdir(), 'serin-bench-')));
      stack.defer(() => children.stopAll());
      await startNodes(plane, children, dir);
    }
    const whole = stack.move();
    return {
      plane,
      api: plane.api,
      audit: new AuditLog(plane.auditLog),
      kubeconfig: plane.kubeconfig('operator'),
      [Symbol.asyncDispose]: () => whole.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Where bin/ and kwok.yaml are; builds what is missing, which takes minutes once. */
async function programs(): Promise<string> {
  const run = promisify(execFile);
  const dir = (await run('bash', [BUILD, 'dir'])).stdout.trim();
  const needed = ['bin/etcd', 'bin/kube-apiserver', 'bin/kube-controller-manager'];
  needed.push('bin/kube-scheduler', 'bin/kwok', 'kwok.yaml');
  if (needed.some((file) => !existsSync(join(dir, file)))) await run('bash', [BUILD, 'fleet']);
  return dir;
}

async function startNodes(plane: ControlPlane, children: Children, dir: string): Promise<void> {
  const kubeconfig = plane.kubeconfig('admin');
  children.start('scheduler', {
    program: join(dir, 'bin/kube-scheduler'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--leader-elect=false',
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      '--secure-port=0',
    ],
  });
  children.start('kwok', {
    program: join(dir, 'bin/kwok'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--manage-all-nodes=true',
      '--cidr=198.18.0.0/16',
      '--node-ip=127.0.0.1',
      '--node-lease-duration-seconds=40',
      `--config=${join(dir, 'kwok.yaml')}`,
    ],
  });
  for (const name of NODES) await registerNode(plane.api, name);
  await until('the nodes to be ready', async () => {
    children.pid('kwok');
    const nodes = await Promise.all(NODES.map((name) => plane.api.get(`/api/v1/nodes/${name}`)));
    return nodes.every((node) => JSON.stringify(node['status'] ?? {}).includes('KubeletReady'));
  });
}

async function registerNode(api: Api, name: string): Promise<void> {
  const room = { cpu: '256', memory: '1Ti', pods: '100000' };
  await api.post('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { type: 'kwok', 'kubernetes.io/hostname': name },
    },
  });
  // Admission marks each new node as not ready; the controller that would take that back does not run here.
  await api.patch(`/api/v1/nodes/${name}`, { spec: { taints: null } });
  await api.patch(`/api/v1/nodes/${name}/status`, {
    status: { capacity: room, allocatable: room },
  });
}
