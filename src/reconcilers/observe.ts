// Gathers the World of one Canary from the stores: no call goes out but for configs whose version moved.
import { type Canary, type Problem, asRevision } from '../api/canary.ts';
import type {
  Deployment,
  HorizontalPodAutoscaler,
  KubeObject,
  PodTemplate,
} from '../api/kubernetes.ts';
import { namesOf } from '../api/names.ts';
import { canaryOf, parseCanary } from '../api/parse-canary.ts';
import type { Clock } from '../clock/clock.ts';
import type { Answer, Primary, ScalerFacts, Target, World } from '../decision/world.ts';
import { refusedProvider, routerFor } from '../routers/registry.ts';
import type { RouterInput, RouterProvider } from '../routers/provider.ts';
import { primaryScaler } from '../workloads/autoscaler.ts';
import { crashesOf } from '../workloads/crashes.ts';
import { PRIMARY_ANNOTATIONS } from '../workloads/deployment.ts';
import type { WorkloadKind } from '../workloads/kind.ts';
import { enough } from '../workloads/readiness.ts';
import { workloadFor } from '../workloads/registry.ts';
import { canonicalJson, revisionOf, templateDigest } from '../workloads/revision.ts';
import { claimsOf, conflicts } from './claims.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConfigBook } from './config-book.ts';
import { type ConfigView, NO_CONFIGS, observeConfigs } from './observe-configs.ts';
import { type MetricPlan, planMetrics } from './observe-metrics.ts';
import { asService, observeRoute, observeServices, type RouteMemory } from './observe-traffic.ts';
import { abandoned, ownedBy, writerOf } from './ownership.ts';
import { podTrouble } from './pod-trouble.ts';
import type { Scene, Unreadable } from './scene.ts';

export interface ObserverParts {
  readonly view: ClusterView;
  readonly book: ConfigBook;
  readonly memory: RouteMemory;
  readonly clock: Clock;
  readonly defaultProvider: string;
  readonly selectorLabels: readonly string[];
  readonly allowCrossNamespace: boolean;
}

export type Observed =
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'unreadable';
      readonly scene: Unreadable;
      readonly subjects: ReadonlySet<string>;
    }
  | {
      readonly kind: 'seen';
      readonly scene: Scene;
      readonly plans: readonly MetricPlan[];
      readonly subjects: ReadonlySet<string>;
      /** Something that no watch will tell of must be looked at again. */
      readonly lookAgain: boolean;
    };

export interface Subject {
  readonly key: string;
  /** The Canary as last read or written; undefined = as the store has it. */
  readonly object: KubeObject | undefined;
  readonly answers: ReadonlyMap<string, Answer>;
}

export async function observe(
  parts: ObserverParts,
  subject: Subject,
  signal: AbortSignal,
): Promise<Observed> {
  const raw = subject.object ?? parts.view.canaries.store.get(subject.key);
  if (raw === undefined) return { kind: 'gone' };
  const parsed = parseCanary(raw, { defaultProvider: parts.defaultProvider });
  const canary = canaryOf(parsed);
  const looks = new Looks(parts.view, subject.key);
  for (const claim of claimsOf(raw)) looks.at(claim.mark);
  if (canary === null) {
    return {
      kind: 'unreadable',
      scene: { key: subject.key, parsed, canary: raw },
      subjects: looks.subjects,
    };
  }
  const kind = workloadFor(canary.spec.targetRef.apiVersion, canary.spec.targetRef.kind);
  const router = routerFor(canary.spec.provider);
  if (kind === null || router === null) {
    const { kind: name } = canary.spec.targetRef;
    const message = `targets of kind ${name} are not built yet; use Deployment`;
    const problem =
      router === null
        ? refusedProvider(canary.spec.provider)
        : { reason: 'NotSupported', path: 'spec.targetRef.kind', message };
    const refused = { ...parsed, spec: null, problems: [problem] };
    return {
      kind: 'unreadable',
      scene: { key: subject.key, parsed: refused, canary: raw },
      subjects: looks.subjects,
    };
  }
  return seen(parts, { subject, raw, parsed, canary, kind, router, looks }, signal);
}

interface Known {
  readonly subject: Subject;
  readonly raw: KubeObject;
  readonly parsed: Scene['parsed'];
  readonly canary: Canary;
  readonly kind: WorkloadKind;
  readonly router: RouterProvider;
  readonly looks: Looks;
}

async function seen(parts: ObserverParts, known: Known, signal: AbortSignal): Promise<Observed> {
  const { subject, raw, parsed, canary, kind, router, looks } = known;
  const { spec, namespace } = canary;
  const names = namesOf(spec);
  const now = parts.clock.now();
  const problems: Problem[] = [
    ...conflicts(canary, raw, parts.view.canaries.store.list(namespace)),
  ];
  const target = looks.deployment(namespace, names.target);
  const primary = looks.deployment(namespace, names.targetPrimary);
  const label = labelOf(parts, kind, target, primary, problems);
  if (target === null && !canary.deleting) {
    problems.push({
      reason: 'TargetNotFound',
      path: 'spec.targetRef',
      message: `there is no Deployment ${names.target} in namespace ${namespace}`,
    });
  }
  if (target !== null) problems.push(...kind.validate(target));
  const template = target === null ? null : kind.template(target);
  const configs =
    template === null ? NO_CONFIGS : await configsOf(parts, canary, template, looks, signal);
  problems.push(...configs.problems);
  const services = {
    apex: asService(looks.service(namespace, names.apex)),
    primary: asService(looks.service(namespace, names.primary)),
    canary: asService(looks.service(namespace, names.canary)),
  };
  const service = observeServices({
    canary,
    template: template ?? NO_TEMPLATE,
    label,
    live: services,
  });
  problems.push(...service.problems);
  const routed = routeInput(parts, known, looks, problems);
  const route = observeRoute({
    key: subject.key,
    router,
    input: routed.input,
    memory: parts.memory,
    now,
  });
  problems.push(...route.problems);
  const { refused, warned } = router.validate(spec);
  problems.push(...refused, ...(canary.deleting ? [] : router.missing(routed.input)));
  const scalers = scalersOf(parts, known, looks, problems);
  const metrics = planMetrics({
    canary,
    router,
    allowCrossNamespace: parts.allowCrossNamespace,
    template: (in_, name) => looks.template(in_, name),
  });
  problems.push(...metrics.problems);
  const own =
    primary === null ? null : observePrimary(parts, known, { primary, target, label, problems });
  const world: World = {
    now,
    canary,
    problems,
    warnings: [...parsed.warnings, ...warned],
    target: target === null ? null : observeTarget(parts, known, target, configs, looks),
    primary: own,
    services: service.facts,
    route: route.facts,
    scaler: scalers.facts,
    configs: configs.facts,
    answers: subject.answers,
  };
  const scene: Scene = {
    key: subject.key,
    parsed,
    world,
    canary: raw,
    kind,
    names,
    label,
    target,
    primary: own === null ? null : primary,
    apex: services.apex,
    scaler: scalers.source,
    primaryScaler: scalers.copy,
    configs: configs.tracked,
    router,
    routerInput: routed.input,
  };
  return {
    kind: 'seen',
    scene,
    plans: metrics.plans,
    subjects: looks.subjects,
    lookAgain: routed.unserved,
  };
}

const NO_TEMPLATE: PodTemplate = { spec: { containers: [] } };

/** Reads from the stores, and notes what was looked at. */
class Looks {
  readonly subjects = new Set<string>();
  readonly #view: ClusterView;

  constructor(view: ClusterView, canary: string) {
    this.#view = view;
    this.at(`canaries/${canary}`);
  }

  at(subject: string): void {
    this.subjects.add(subject);
  }

  deployment(namespace: string, name: string): Deployment | null {
    this.at(`deployments/${namespace}/${name}`);
    return this.#view.deployments.store.get(`${namespace}/${name}`) ?? null;
  }

  service(namespace: string, name: string): KubeObject | undefined {
    this.at(`services/${namespace}/${name}`);
    return this.#view.services.store.get(`${namespace}/${name}`);
  }

  scaler(namespace: string, name: string): HorizontalPodAutoscaler | null {
    this.at(`horizontalpodautoscalers/${namespace}/${name}`);
    return this.#view.scalers.store.get(`${namespace}/${name}`) ?? null;
  }

  template(namespace: string, name: string): KubeObject | undefined {
    this.at(`metrictemplates/${namespace}/${name}`);
    return this.#view.metricTemplates.store.get(`${namespace}/${name}`);
  }
}

/** The label that tells target and primary apart; while the target is gone, as the primary has it. */
function labelOf(
  parts: ObserverParts,
  kind: WorkloadKind,
  target: Deployment | null,
  primary: Deployment | null,
  problems: Problem[],
): Scene['label'] {
  if (target !== null) {
    const label = kind.selectorLabel(target, parts.selectorLabels);
    if ('key' in label) return label;
    problems.push(label);
    return { key: 'app', value: target.metadata.name };
  }
  const [key, value] = Object.entries(primary?.spec.selector.matchLabels ?? {})[0] ?? ['app', ''];
  return { key, value: value.replace(/-primary$/, '') };
}

function configsOf(
  parts: ObserverParts,
  canary: Canary,
  template: PodTemplate,
  looks: Looks,
  signal: AbortSignal,
): Promise<ConfigView> {
  if (parts.view.configMaps === null) return Promise.resolve(NO_CONFIGS);
  const place = {
    namespace: canary.namespace,
    status: canary.status,
    look: (subject: string) => looks.at(subject),
  };
  return observeConfigs(parts.book, template, place, signal);
}

function routeInput(
  parts: ObserverParts,
  known: Known,
  looks: Looks,
  problems: Problem[],
): { readonly input: RouterInput; readonly unserved: boolean } {
  const { canary, router } = known;
  const objects = new Map<string, KubeObject>();
  let unserved = false;
  for (const { apiVersion, kind, plural } of router.kinds) {
    const informer = parts.view.routes(apiVersion, kind, plural);
    const { phase } = informer.status();
    if (phase !== 'synced') {
      unserved = true;
      if (!canary.deleting || phase === 'syncing')
        problems.push(notServed(router.name, kind, phase));
    }
    for (const name of router.needs(canary.spec)) {
      if (!name.startsWith(`${kind}/`)) continue;
      const key = `${canary.namespace}/${name.slice(kind.length + 1)}`;
      looks.at(`${plural}/${key}`);
      const object = informer.store.get(key);
      if (object !== undefined) objects.set(name, object);
    }
  }
  return { input: { canary, spec: canary.spec, objects }, unserved };
}

function notServed(provider: string, kind: string, phase: string): Problem {
  const path = 'spec.provider';
  switch (phase) {
    case 'unserved':
      return {
        reason: 'KindNotServed',
        path,
        message: `${provider} needs ${kind}, which this cluster does not serve: install its CRD`,
      };
    case 'forbidden':
      return {
        reason: 'KindForbidden',
        path,
        message: `${provider} needs ${kind}, which the operator may not watch: grant it list and watch`,
      };
    default:
      return { reason: 'Syncing', path, message: `objects of kind ${kind} are being read` };
  }
}

function scalersOf(
  parts: ObserverParts,
  known: Known,
  looks: Looks,
  problems: Problem[],
): {
  readonly facts: ScalerFacts | null;
  readonly source: HorizontalPodAutoscaler | null;
  readonly copy: HorizontalPodAutoscaler | null;
} {
  const { canary } = known;
  const { autoscalerRef, targetRef } = canary.spec;
  const { namespace } = canary;
  const aim = `${namespace}/${targetRef.kind}/${targetRef.name}`;
  looks.at(`scaler-of/${aim}`);
  if (autoscalerRef === null) {
    const stray = parts.view.scalersOf(aim)[0];
    if (stray !== undefined && !canary.deleting) {
      const message = `${stray.kind} ${stray.metadata.name} scales ${targetRef.name}, and a primary of fixed size would be an outage under load: name it here`;
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
  if (copy !== null && !ownedBy(copy, canary) && !abandoned(copy, parts.view.canaries.store)) {
    const message = `HorizontalPodAutoscaler ${copy.metadata.name} is needed and belongs to somebody else`;
    problems.push({ reason: 'NameTaken', path: 'spec.autoscalerRef.name', message });
  }
  const wanted = primaryScaler(source, canary);
  const { minReplicas: min = 1, maxReplicas: max } = wanted.spec;
  const facts: ScalerFacts = {
    min,
    max,
    targetMin: source.spec.minReplicas ?? 1,
    primary: copy === null ? 'absent' : sameButFloor(copy, wanted) ? 'right' : 'wrong',
    primaryFloor: copy?.spec.minReplicas ?? null,
  };
  return { facts, source, copy };
}

function sameButFloor(left: HorizontalPodAutoscaler, right: HorizontalPodAutoscaler): boolean {
  const plain = ({ spec: { minReplicas: _, ...rest } }: HorizontalPodAutoscaler): string =>
    canonicalJson(rest);
  return plain(left) === plain(right);
}

function observeTarget(
  parts: ObserverParts,
  known: Known,
  target: Deployment,
  configs: ConfigView,
  looks: Looks,
): Target {
  const { canary, kind } = known;
  const pods = kind.rollout(target);
  const template = kind.template(target);
  const watched = podsOf(parts, known, target, looks);
  const since = canary.status.rollout?.trafficSince ?? null;
  const readiness = enough(pods, canary.spec.analysis.canaryReadyThreshold);
  const trouble = readiness.ready ? '' : podTrouble(watched);
  return {
    uid: target.metadata.uid ?? '',
    generation: target.metadata.generation ?? 0,
    revision: asRevision(revisionOf(template, configs.facts.digests)),
    template: templateDigest(template),
    turn: kind.turn(target),
    pods,
    readiness: trouble === '' ? readiness : { ready: false, why: `${readiness.why}: ${trouble}` },
    crashes: since === null ? [] : crashesOf(watched, since),
    configStamp: template.metadata?.annotations?.['serin.dev/configs'] ?? '',
    replicasWriter: writerOf(target, ['spec', 'replicas']),
  };
}

/** The canary's pods, watched from the start of a rollout to the end of its promotion. */
function podsOf(parts: ObserverParts, known: Known, target: Deployment, looks: Looks) {
  const { canary, subject } = known;
  const watches: readonly string[] = ['Progressing', 'WaitingPromotion', 'Promoting'];
  if (!watches.includes(canary.status.phase)) {
    parts.view.releasePods(subject.key);
    return [];
  }
  const labels = Object.entries(target.spec.selector.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  looks.at(`pods-of/${canary.namespace}/${labels}`);
  return parts.view.pods(subject.key, { namespace: canary.namespace, labels }).store.list();
}

function observePrimary(
  parts: ObserverParts,
  known: Known,
  facts: {
    readonly primary: Deployment;
    readonly target: Deployment | null;
    readonly label: Scene['label'];
    readonly problems: Problem[];
  },
): Primary | null {
  const { canary, kind } = known;
  const { primary, target, label, problems } = facts;
  const ours = ownedBy(primary, canary);
  const promoted = primary.metadata.annotations?.[PRIMARY_ANNOTATIONS.promoted] ?? '';
  if (!ours && (promoted === '' || !abandoned(primary, parts.view.canaries.store))) {
    const message = `Deployment ${primary.metadata.name} is needed for the primary and belongs to somebody else`;
    problems.push({ reason: 'NameTaken', path: 'spec.targetRef.name', message });
    return null;
  }
  const pods = kind.rollout(primary);
  const same =
    canary.deleting && target !== null
      ? templateDigest(kind.restore(primary, target, { label: label.key })) ===
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
