// Target and primary as they are: revision, readiness, and what their pods went through.
import { asRevision, type Rollout } from '../api/canary.ts';
import type { Deployment, Pod } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import type { Primary, Target } from '../decision/world.ts';
import { crashesOf } from '../workloads/crashes.ts';
import { PRIMARY_ANNOTATIONS } from '../workloads/deployment.ts';
import { otherImages } from '../workloads/images.ts';
import { enough } from '../workloads/readiness.ts';
import { replaced } from '../workloads/replaced.ts';
import { templateDigest } from '../workloads/revision.ts';
import type { Gathering } from './looks.ts';
import type { ConfigView } from './observe-configs.ts';
import { abandoned, ownedBy, writerOf } from './ownership.ts';
import { podTrouble } from './pod-trouble.ts';

export function observeTarget(
  gathering: Gathering,
  target: Deployment,
  { configs, primary }: { readonly configs: ConfigView; readonly primary: Deployment | null },
): Target {
  const { canary, kind, view, now } = gathering;
  const pods = kind.rollout(target);
  const template = kind.template(target);
  const named = view.recall.template(template, configs.facts.digests, target.metadata);
  const watched = podsOf(gathering, target);
  const since = judgedSince(canary.status.rollout);
  const readiness = enough(pods, canary.spec.analysis.canaryReadyThreshold);
  const trouble = readiness.ready ? '' : podTrouble(watched);
  return {
    uid: target.metadata.uid ?? '',
    generation: target.metadata.generation ?? 0,
    revision: named.revision,
    template: named.digest,
    turn: kind.turn(target),
    standsSince: view.recall.standsSince(target, kind.turn(target), now),
    otherImages: primary !== null && otherImages(template, kind.template(primary)),
    pods,
    readiness: trouble === '' ? readiness : { ready: false, why: `${readiness.why}: ${trouble}` },
    crashes: since === null ? [] : crashesOf(watched, since),
    replaced: replaced(watched),
    configStamp: template.metadata?.annotations?.['serin.dev/configs'] ?? '',
    replicasWriter: writerOf(target, ['spec', 'replicas']),
  };
}

/** Since when a crash counts: from the choice of the first weight on, not while the canary stands back. */
function judgedSince(rollout: Rollout | null): Instant | null {
  if (rollout === null || rollout.trafficSince !== null) return rollout?.trafficSince ?? null;
  return rollout.step === 0 || rollout.resumeWeight !== null ? null : rollout.stepSince;
}

/** The canary's pods, watched from the start of a rollout to the end of its promotion. */
function podsOf({ canary, key, view, looks }: Gathering, target: Deployment): readonly Pod[] {
  const watches: readonly string[] = ['Progressing', 'WaitingPromotion', 'Promoting'];
  if (!watches.includes(canary.status.phase)) {
    view.releasePods(key);
    return [];
  }
  const labels = Object.entries(target.spec.selector.matchLabels ?? {})
    .map((label) => label.join('='))
    .join(',');
  looks.at(`pods-of/${canary.namespace}/${labels}`);
  return view.pods(key, { namespace: canary.namespace, labels }).store.list();
}

/** Null, with a problem, when a Deployment of the primary's name belongs to somebody else. */
export function observePrimary(
  { canary, kind, view, problems }: Gathering,
  primary: Deployment,
  target: Deployment | null,
  label: string,
): Primary | null {
  const ours = ownedBy(primary, canary);
  const promoted = primary.metadata.annotations?.[PRIMARY_ANNOTATIONS.promoted] ?? '';
  if (!ours && (promoted === '' || !abandoned(primary, view.canaries.store))) {
    const message = `Deployment ${primary.metadata.name} is needed for the primary and belongs to somebody else`;
    problems.push({ reason: 'NameTaken', path: 'spec.targetRef.name', message });
    return null;
  }
  const pods = kind.rollout(primary);
  const same =
    canary.deleting && target !== null
      ? templateDigest(kind.restore(primary, target, { label })) ===
        templateDigest(kind.template(target))
      : false;
  return {
    owner: ours ? 'ours' : 'left',
    revision: /^[0-9a-f]{64}$/.test(promoted) ? asRevision(promoted) : '',
    pods,
    readiness: enough(pods, canary.spec.analysis.primaryReadyThreshold),
    trouble: pods.stuck ?? '',
    sameTemplate: same,
  };
}
