// The three Services of a Canary: the apex that clients call, and one each for primary and canary.
import type { Canary, Metadata, Problem, ServiceSpec } from '../api/canary.ts';
import type { PodTemplate, Service, ServicePort } from '../api/kubernetes.ts';
import { digestOf, short } from './revision.ts';
import { namedAsBefore, servicePorts } from './service-ports.ts';

export interface Services {
  readonly apex: Service;
  readonly primary: Service;
  readonly canary: Service;
}

export interface ServicesInput {
  readonly canary: Canary;
  /** Of the target; its ports count when `spec.service.portDiscovery` is on. */
  readonly template: PodTemplate;
  /** The target's label, from `WorkloadKind.selectorLabel`. */
  readonly label: { readonly key: string; readonly value: string };
  /** Whose pods the apex selects: the primary's, or the target's before there is a primary and after it is gone. */
  readonly apexTo: 'primary' | 'target';
  /** The apex Service as it is in the cluster: its own value of the label stays, for monitors may select by it. */
  readonly liveApex?: Service | undefined;
}

/** GitOps tools that find these Services in no repository of theirs leave them alone. */
const TOGGLES = {
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
  'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
};

/** Digest of all that we rendered: without it, a port or label that we no longer render would not look like a change. */
const RENDERED = 'serin.dev/rendered';

/**
 * To be applied by server-side apply: no type, no addresses, no node ports, so that an apex Service that was there
 * before (a LoadBalancer, for one) keeps them, and its clients do not notice that it was taken over.
 */
export function renderServices(input: ServicesInput): Services {
  const { canary, label, apexTo } = input;
  const { service } = canary.spec;
  const target = label.value;
  const primary = `${label.value}-primary`;
  return {
    apex: render(input, {
      name: service.name,
      metadata: service.apex,
      value: apexTo === 'primary' ? primary : target,
      mark: input.liveApex?.metadata.labels?.[label.key],
      livePorts: input.liveApex?.spec.ports,
    }),
    primary: render(input, {
      name: `${service.name}-primary`,
      metadata: service.primary,
      value: primary,
    }),
    canary: render(input, {
      name: `${service.name}-canary`,
      metadata: service.canary,
      value: target,
    }),
  };
}

/** Differences that no write of ours can mend: fields that a Service keeps for its whole life, and ports of its owner's. */
export function serviceConflicts(
  existing: Service | undefined,
  wanted: Service,
): readonly Problem[] {
  if (existing === undefined) return [];
  const { name } = wanted.metadata;
  if (existing.spec.type === 'ExternalName') {
    const text = `service ${name} is an ExternalName: it has no pods to split traffic between; delete it or choose another spec.service.name`;
    return [problem('spec.service.name', text)];
  }
  const wantsHeadless = wanted.spec.clusterIP === 'None';
  const isHeadless = existing.spec.clusterIP === 'None';
  if (wantsHeadless === isHeadless) return portConflicts(existing, wanted);
  const [is, wants] = isHeadless ? ['headless', 'false'] : ['not headless', 'true'];
  const text = `service ${name} is ${is}, which cannot be changed, and spec.service.headless is ${wants}; set it to match, or delete the Service`;
  return [problem('spec.service.headless', text)];
}

/**
 * A Service that was there before keeps its ports beside ours, and the API server takes several only if each has a name
 * of its own. Once it is taken over, what stands there beside our ports was agreed on.
 */
function portConflicts(existing: Service, wanted: Service): readonly Problem[] {
  if (existing.metadata.annotations?.[RENDERED] !== undefined) return [];
  const ours = wanted.spec.ports ?? [];
  const name = wanted.metadata.name;
  const others = (existing.spec.ports ?? []).filter((port) => !ours.some((own) => same(own, port)));
  const clash = others.find(
    (port) => port.name === undefined || ours.some((own) => own.name === port.name),
  );
  if (clash === undefined) return [];
  const [own] = ours;
  const called = clash.name === undefined ? 'without a name' : `of the same name, ${clash.name}`;
  const text = `service ${name} has port ${clash.port} ${called}, beside which port ${own?.port ?? 0} cannot be; set this to ${clash.port}, or give one of them another name`;
  return [problem('spec.service.port', text)];
}

function same(left: ServicePort, right: ServicePort): boolean {
  return left.port === right.port && (left.protocol ?? 'TCP') === (right.protocol ?? 'TCP');
}

/** True when the live Service holds everything that we render; what others added to it is theirs. */
export function intact(live: Service, wanted: Service): boolean {
  const ports = wanted.spec.ports ?? [];
  const { ports: _ports, selector, ...fields } = wanted.spec;
  return (
    holds(live.metadata.labels, wanted.metadata.labels) &&
    holds(live.metadata.annotations, wanted.metadata.annotations) &&
    holds(live.spec.selector, selector) &&
    holds(selector, live.spec.selector) &&
    holds(live.spec, fields) &&
    ports.every((port) =>
      (live.spec.ports ?? []).some((each) => holds({ ...DEFAULTS, ...each }, port)),
    )
  );
}

const DEFAULTS = { protocol: 'TCP' };

function render(
  { canary, template, label }: ServicesInput,
  own: {
    readonly name: string;
    readonly metadata: Metadata;
    readonly value: string;
    readonly mark?: string | undefined;
    readonly livePorts?: readonly ServicePort[] | undefined;
  },
): Service {
  const { service } = canary.spec;
  const labels = { ...own.metadata.labels, [label.key]: own.mark ?? own.name };
  const annotations = { ...TOGGLES, ...own.metadata.annotations };
  const spec: Service['spec'] = {
    selector: { [label.key]: own.value },
    ports: namedAsBefore(servicePorts(service, template), own.livePorts ?? []),
    ...headless(service),
    ...(service.trafficDistribution === null
      ? {}
      : { trafficDistribution: service.trafficDistribution }),
  };
  const { unmanagedMetadata } = service;
  const metadata = {
    labels: without(labels, unmanagedMetadata.labels),
    annotations: without(annotations, unmanagedMetadata.annotations),
  };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: own.name,
      namespace: canary.namespace,
      labels: metadata.labels,
      annotations: { ...metadata.annotations, [RENDERED]: short(digestOf({ metadata, spec })) },
    },
    spec,
  };
}

function headless(service: ServiceSpec): { readonly clusterIP?: string } {
  return service.headless ? { clusterIP: 'None' } : {};
}

function without(
  record: Readonly<Record<string, string>>,
  keys: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}

/** Every field of `wanted` is in `live` with the same plain value. */
function holds(live: object | undefined, wanted: object | undefined): boolean {
  const there = new Map<string, unknown>(Object.entries(live ?? {}));
  return Object.entries(wanted ?? {}).every(([key, value]) => there.get(key) === value);
}

function problem(path: string, message: string): Problem {
  return { reason: 'ServiceConflict', path, message };
}
