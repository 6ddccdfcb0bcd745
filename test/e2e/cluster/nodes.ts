// Nodes without machines: objects that are Ready for as long as nobody says otherwise (no controller judges them here).
import type { KubeObject, Pod } from '../../../src/api/kubernetes.ts';
import { type Api, orNull } from './api.ts';

interface Affinity {
  readonly nodeAffinity?: {
    readonly requiredDuringSchedulingIgnoredDuringExecution?: {
      readonly nodeSelectorTerms: readonly {
        readonly matchFields?: readonly {
          readonly key: string;
          readonly values?: readonly string[];
        }[];
      }[];
    };
  };
}

/** `node-1` to `node-<count>`. */
export async function registerNodes(api: Api, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) await registerNode(api, `node-${i}`);
}

async function registerNode(api: Api, name: string): Promise<void> {
  const room = { cpu: '1000', memory: '1Ti', pods: '10000' };
  await orNull(
    409,
    api.post('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    }),
  );
  // Admission marks each new node as not ready; the controller that would take that back does not run.
  await api.patch(`/api/v1/nodes/${name}`, { spec: { taints: null } });
  await api.patch(`/api/v1/nodes/${name}/status`, {
    status: {
      capacity: room,
      allocatable: room,
      conditions: [{ type: 'Ready', status: 'True', reason: 'StandIn', message: '' }],
    },
  });
}

/** A node that takes the pod, in turn; null if none does now. A DaemonSet's pod names its own, cordoned or not. */
export function choose(nodes: readonly KubeObject[], pod: Pod, turn: number): string | null {
  const wanted = nodeNamedBy(pod);
  if (wanted !== null) return nodes.some((node) => node.metadata.name === wanted) ? wanted : null;
  const open = nodes.filter((node) => !isCordoned(node));
  return open[turn % open.length]?.metadata.name ?? null;
}

function isCordoned(node: KubeObject): boolean {
  return (node['spec'] as { unschedulable?: boolean } | undefined)?.unschedulable === true;
}

function nodeNamedBy(pod: Pod): string | null {
  const affinity = pod.spec?.['affinity'] as Affinity | undefined;
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const field = terms
    .flatMap((term) => term.matchFields ?? [])
    .find((one) => one.key === 'metadata.name');
  return field?.values?.[0] ?? null;
}
