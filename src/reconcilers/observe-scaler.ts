// The autoscaler of the target and its copy for the primary.
import type { HorizontalPodAutoscaler } from '../api/kubernetes.ts';
import type { ScalerFacts } from '../decision/world.ts';
import { primaryScaler } from '../workloads/autoscaler.ts';
import { canonicalJson } from '../workloads/revision.ts';
import { scaledBy } from './cluster-view.ts';
import type { Gathering } from './looks.ts';
import { abandoned, leftOver, ownedBy } from './ownership.ts';

export interface Scalers {
  readonly facts: ScalerFacts | null;
  readonly source: HorizontalPodAutoscaler | null;
  readonly copy: HorizontalPodAutoscaler | null;
}

/** A target that an autoscaler scales and the Canary does not name is a problem: its primary would have a fixed size. */
export function observeScaler({ canary, view, looks, problems }: Gathering): Scalers {
  const { autoscalerRef, targetRef } = canary.spec;
  const { namespace } = canary;
  const aim = `${namespace}/${targetRef.kind}/${targetRef.name}`;
  looks.at(`scaler-of/${aim}`);
  if (autoscalerRef === null) {
    const stray = view.scalersOf(aim)[0];
    if (stray !== undefined && !canary.deleting) {
      const message = `${scalerInWords(stray)} scales ${targetRef.name}, and a primary of fixed size would be an outage under load: name it here`;
      problems.push({ reason: 'AutoscalerNotNamed', path: 'spec.autoscalerRef', message });
    }
    return { facts: null, source: null, copy: null };
  }
  const source = looks.scaler(namespace, autoscalerRef.name);
  const copy = looks.scaler(namespace, `${autoscalerRef.name}-primary`);
  if (source === null) {
    const message = `there is no HorizontalPodAutoscaler ${autoscalerRef.name} in namespace ${namespace}`;
    problems.push({ reason: 'AutoscalerNotFound', path: 'spec.autoscalerRef', message });
    return { facts: null, source, copy };
  }
  if (scaledBy(source) !== aim) {
    const { kind, name } = source.spec.scaleTargetRef;
    const message = `HorizontalPodAutoscaler ${source.metadata.name} scales ${kind} ${name}, not ${targetRef.name}`;
    problems.push({ reason: 'AutoscalerMismatch', path: 'spec.autoscalerRef', message });
  }
  const left = copy !== null && leftOver(copy, canary);
  if (copy !== null && !ownedBy(copy, canary) && !(left && abandoned(copy, view.canaries.store))) {
    const message = `HorizontalPodAutoscaler ${copy.metadata.name} is needed and belongs to somebody else`;
    problems.push({ reason: 'NameTaken', path: 'spec.autoscalerRef.name', message });
  }
  const wanted = primaryScaler(source, canary);
  const { minReplicas: min = 1, maxReplicas: max } = wanted.spec;
  const facts: ScalerFacts = {
    min,
    max,
    targetMin: source.spec.minReplicas ?? 1,
    primary: copy === null ? 'absent' : !left && sameButFloor(copy, wanted) ? 'right' : 'wrong',
    primaryFloor: copy?.spec.minReplicas ?? null,
  };
  return { facts, source, copy };
}

function sameButFloor(left: HorizontalPodAutoscaler, right: HorizontalPodAutoscaler): boolean {
  const plain = ({ spec }: HorizontalPodAutoscaler): string =>
    canonicalJson({ ...spec, minReplicas: undefined });
  return plain(left) === plain(right);
}

/** KEDA scales by an autoscaler of its own making: a person knows the ScaledObject. */
function scalerInWords({ kind, metadata }: HorizontalPodAutoscaler): string {
  const owner = metadata.ownerReferences?.find((each) => each.kind === 'ScaledObject');
  return owner === undefined ? `${kind} ${metadata.name}` : `${owner.kind} ${owner.name}`;
}
