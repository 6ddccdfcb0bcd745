// Which pod of the canary a command is run in: one that is ready and surely of the revision under judgement.
import type { Canary } from '../api/canary.ts';
import type { Deployment, Pod } from '../api/kubernetes.ts';
import { workloadFor } from '../workloads/registry.ts';
import { isReady } from '../workloads/replaced.ts';
import type { ClusterView } from './cluster-view.ts';

export type PodChoice =
  | {
      readonly kind: 'pod';
      readonly pod: { readonly namespace: string; readonly name: string };
      readonly container: string;
    }
  | { readonly kind: 'none'; readonly why: string };

/** What the stores hold; the pods are those that the target selects, never the primary's. */
export interface CanaryPods {
  readonly canary: Canary;
  readonly target: Deployment | undefined;
  readonly pods: readonly Pod[];
}

/** As `kubectl exec` reads it. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';
const TEMPLATE_HASH = 'pod-template-hash';

export function podsOf(view: ClusterView, canary: Canary): CanaryPods {
  const key = `${canary.namespace}/${canary.name}`;
  const target = view.deployments.store.get(`${canary.namespace}/${canary.spec.targetRef.name}`);
  return { canary, target, pods: view.heldPods(key) };
}

export function choosePod(of: CanaryPods, container: string | null): PodChoice {
  const { canary, target, pods } = of;
  const { apiVersion, kind } = canary.spec.targetRef;
  const workload = workloadFor(apiVersion, kind);
  if (target === undefined || workload === null) return none('the target is gone');
  const { settled, total, updated } = workload.rollout(target);
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const templates = new Set(live.map((pod) => pod.metadata.labels?.[TEMPLATE_HASH]));
  // While pods of another version are there, a wrong one might be asked.
  if (!settled || total > updated || templates.size > 1)
    return none('pods of another version are still there');
  const serving = live.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
  const [first] = serving.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
  if (first === undefined) return none('no pod of the canary is ready');
  const template = workload.template(target);
  const usual =
    template.metadata?.annotations?.[DEFAULT_CONTAINER] ?? template.spec.containers[0]?.name ?? '';
  const pod = { namespace: canary.namespace, name: name(first) };
  return { kind: 'pod', pod, container: container ?? usual };
}

function none(why: string): PodChoice {
  return { kind: 'none', why };
}

function name(pod: Pod): string {
  return pod.metadata.name;
}
