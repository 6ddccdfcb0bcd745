// Gathers the World of one Canary from the stores: no call goes out but for configs whose version moved.
import type { Canary, CanarySpec, ParsedCanary, Problem } from '../api/canary.ts';
import type { Deployment, KubeObject, PodTemplate } from '../api/kubernetes.ts';
import { namesOf } from '../api/names.ts';
import { canaryOf } from '../api/parse-canary.ts';
import type { Clock } from '../clock/clock.ts';
import { endUnfinished, ROLLING } from '../decision/record.ts';
import type { Answer, World } from '../decision/world.ts';
import { refusedProvider, routerFor } from '../routers/registry.ts';
import type { RouterProvider } from '../routers/provider.ts';
import type { WorkloadKind } from '../workloads/kind.ts';
import { refusedTarget, workloadFor } from '../workloads/registry.ts';
import { claimsOf, conflicts } from './claims.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ConfigBook } from './config-book.ts';
import { type Gathering, Looks } from './looks.ts';
import { type ConfigView, NO_CONFIGS, observeConfigs } from './observe-configs.ts';
import { refusedHooks } from './observe-hooks.ts';
import { type MetricPlan, planMetrics } from './observe-metrics.ts';
import { routeInput } from './observe-route-input.ts';
import { observeScaler } from './observe-scaler.ts';
import { asService, observeRoute, observeServices, type RouteMemory } from './observe-traffic.ts';
import { observePrimary, observeTarget } from './observe-workloads.ts';
import type { Scene, Unreadable } from './scene.ts';

export interface ObserverParts {
  readonly view: ClusterView;
  readonly book: ConfigBook;
  readonly memory: RouteMemory;
  readonly clock: Clock;
  readonly defaultProvider: string;
  readonly execEnabled: boolean;
  readonly selectorLabels: readonly string[];
  readonly allowCrossNamespace: boolean;
}

export type Observed =
  | { readonly kind: 'gone' }
  /** Routes or pods are being read for the first time: nothing can be said yet. */
  | { readonly kind: 'filling' }
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
  /** By how much the wall clock was set since the last look. */
  readonly clockSetMs: number;
  /** The last spec of this Canary that could be read: a rollout under way goes by it while the present one is wrong. */
  readonly lastSpec?: CanarySpec | undefined;
  /** What the last decision on this Canary would have broken. */
  readonly violation?: string | undefined;
}

export async function observe(
  parts: ObserverParts,
  subject: Subject,
  signal: AbortSignal,
): Promise<Observed> {
  const raw = subject.object ?? parts.view.canaries.store.get(subject.key);
  if (raw === undefined) return { kind: 'gone' };
  const parsed = parts.view.recall.canary(raw, parts.defaultProvider);
  const canary = canaryOf(parsed) ?? carriedOn(parsed, subject.lastSpec);
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
    const { apiVersion, kind: name } = canary.spec.targetRef;
    const problem =
      router === null ? refusedProvider(canary.spec.provider) : refusedTarget(apiVersion, name);
    const refused = { ...parsed, spec: null, problems: [problem] };
    return {
      kind: 'unreadable',
      scene: { key: subject.key, parsed: refused, canary: raw },
      subjects: looks.subjects,
    };
  }
  const unseen = parts.view.neverRead(canary.namespace);
  if (unseen !== null)
    throw new Error(
      `${unseen} in namespace ${canary.namespace} cannot be read: grant the operator list and watch`,
    );
  const phases = router.kinds.map(
    (of) => parts.view.routes(of.apiVersion, of.kind, of.plural).status(canary.namespace).phase,
  );
  if (phases.includes('syncing')) return { kind: 'filling' };
  return seen(parts, { subject, raw, parsed, canary, kind, router, looks }, signal);
}

/**
 * A spec that became wrong in the middle of a rollout must not leave a crashing canary with its traffic: the rollout is
 * watched by the last good spec, its analysis has no verdict, and nothing new is begun.
 */
function carriedOn(parsed: ParsedCanary, lastSpec: CanarySpec | undefined): Canary | null {
  const { identity, status, intents } = parsed;
  const rolling = endUnfinished(status) || ROLLING.includes(status.phase);
  if (lastSpec === undefined || identity.deleting || !rolling) return null;
  return { ...identity, spec: lastSpec, status, intents };
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
  const claimed = conflicts(canary, raw, parts.view.claimants(raw));
  const problems = [...parsed.problems, ...claimed, ...refusedHooks(parts, canary.spec)];
  const gathering: Gathering = {
    key: subject.key,
    now: parts.clock.now(),
    canary,
    kind,
    view: parts.view,
    looks,
    problems,
  };
  const workloads = await observeWorkloads(parts, gathering, signal);
  const traffic = observeTraffic(parts, known, gathering, workloads);
  const scalers = observeScaler(gathering);
  const { allowCrossNamespace } = parts;
  const template = looks.template.bind(looks);
  const metrics = planMetrics({ canary, router, allowCrossNamespace, template });
  problems.push(...metrics.problems);
  const { target, primary, configs, label } = workloads;
  const own = primary === null ? null : observePrimary(gathering, primary, target, label.key);
  const world: World = {
    now: gathering.now,
    clockSetMs: subject.clockSetMs,
    canary,
    problems,
    warnings: [...parsed.warnings, ...traffic.warnings],
    target: target === null ? null : observeTarget(gathering, target, workloads),
    primary: own,
    services: traffic.services,
    route: traffic.route,
    scaler: scalers.facts,
    configs: configs.facts,
    answers: subject.answers,
    violation: subject.violation,
  };
  // Pods that are not known yet may have crashed.
  if (parts.view.fillsPods(subject.key)) return { kind: 'filling' };
  const scene: Scene = {
    key: subject.key,
    parsed,
    world,
    canary: raw,
    kind,
    names: namesOf(canary.spec),
    label,
    target,
    primary: own === null ? null : primary,
    apex: traffic.apex,
    scaler: scalers.source,
    primaryScaler: scalers.copy,
    configs: configs.tracked,
    router,
    routerInput: traffic.routerInput,
  };
  const lookAgain = traffic.unserved || problems.some(ungranted);
  return { kind: 'seen', scene, plans: metrics.plans, subjects: looks.subjects, lookAgain };
}

interface Workloads {
  readonly target: Deployment | null;
  readonly primary: Deployment | null;
  readonly label: Scene['label'];
  readonly template: PodTemplate;
  readonly configs: ConfigView;
}

async function observeWorkloads(
  parts: ObserverParts,
  gathering: Gathering,
  signal: AbortSignal,
): Promise<Workloads> {
  const { canary, kind, looks, problems } = gathering;
  const { namespace } = canary;
  const names = namesOf(canary.spec);
  const target = looks.deployment(namespace, names.target);
  const primary = looks.deployment(namespace, names.targetPrimary);
  const label = labelOf(parts, kind, target, primary, problems);
  if (target === null) {
    const message = `there is no Deployment ${names.target} in namespace ${namespace}`;
    if (!canary.deleting)
      problems.push({ reason: 'TargetNotFound', path: 'spec.targetRef', message });
    return { target, primary, label, template: NO_TEMPLATE, configs: NO_CONFIGS };
  }
  problems.push(...kind.validate(target));
  const template = kind.template(target);
  const configs = await configsOf(parts, canary, template, looks, signal);
  problems.push(...configs.problems);
  return { target, primary, label, template, configs };
}

function observeTraffic(
  parts: ObserverParts,
  known: Known,
  { looks, now, problems }: Gathering,
  { target, template, label }: Workloads,
) {
  const { subject, canary, router, parsed } = known;
  const names = namesOf(canary.spec);
  const live = {
    apex: asService(looks.service(canary.namespace, names.apex)),
    primary: asService(looks.service(canary.namespace, names.primary)),
    canary: asService(looks.service(canary.namespace, names.canary)),
  };
  const wish = [canary.uid, canary.generation, parsed.spec === null, label.key, label.value];
  const of = [target?.metadata.uid, target?.metadata.generation, ...Object.values(live), ...wish];
  const services = parts.memory.services(subject.key, of, () =>
    observeServices({ canary, template, label, live }),
  );
  const { input, unserved } = routeInput(parts.view, known, looks, problems);
  const route = observeRoute({ key: subject.key, router, input, memory: parts.memory, now });
  problems.push(...services.problems, ...route.problems);
  return {
    services: services.facts,
    route: route.facts,
    apex: live.apex,
    routerInput: input,
    unserved,
    warnings: route.warnings,
  };
}

const NO_TEMPLATE: PodTemplate = { spec: { containers: [] } };

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
    mayMiss: (plural: 'configmaps' | 'secrets') => parts.view.mayMiss(plural),
  };
  return observeConfigs(parts.book, template, place, signal);
}

function ungranted({ reason }: Problem): boolean {
  return reason === 'ConfigForbidden';
}
