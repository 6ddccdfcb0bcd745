// A Canary as the API server sends it, made into what the rest of Serin knows: defaults filled in, problems told.
import type {
  AutoscalerRef,
  Canary,
  CanaryIdentity,
  CanarySpec,
  ObjectRef,
  ParsedCanary,
} from './canary.ts';
import { Findings } from './findings.ts';
import { parseIntents } from './intents.ts';
import { isObject, textOf, textsOf } from './json.ts';
import type { KubeObject } from './kubernetes.ts';
import { checkNames } from './names.ts';
import { parseAnalysis } from './parse-analysis.ts';
import { parseService } from './parse-service.ts';
import { analysisSchema } from './schema/canary-analysis.ts';
import { specSchema } from './schema/canary-spec.ts';
import type { RawSpec } from './schema/canary-spec.ts';
import { check } from './schema/check.ts';
import { parseStatus } from './status.ts';
import { parseTimeOrEpoch } from './time.ts';

const PROGRESS_DEADLINE_SECONDS = 600;

export interface ParseOptions {
  /** For Canaries without `spec.provider`. Whether a provider is built is the routers' to say. */
  readonly defaultProvider: string;
}

/** What a spec says; the same for as long as nobody changes the spec. */
export type ReadSpec = Pick<ParsedCanary, 'spec' | 'problems' | 'warnings'>;

/** Total: any JSON gives an answer, never an exception. `read`: what was read of the same spec before. */
export function parseCanary(
  raw: KubeObject,
  options: ParseOptions,
  read: ReadSpec = readSpec(raw, options),
): ParsedCanary {
  const { root, metadata } = partsOf(raw);
  const identity = parseIdentity(metadata);
  const found = new Findings();
  const intents = parseIntents(identity.annotations, metadata['managedFields'], found);
  const problems = [...read.problems, ...found.problems];
  return {
    identity,
    status: parseStatus(root['status']),
    intents,
    spec: problems.length === 0 ? read.spec : null,
    problems,
    warnings: [...read.warnings, ...found.warnings],
  };
}

export function readSpec(raw: KubeObject, options: ParseOptions): ReadSpec {
  const { root, metadata } = partsOf(raw);
  const found = new Findings();
  const spec = parseSpec(root['spec'], textOf(metadata['namespace']), { options, found });
  return { spec, problems: found.problems, warnings: found.warnings };
}

function partsOf(raw: KubeObject): Record<'root' | 'metadata', Readonly<Record<string, unknown>>> {
  const root: Readonly<Record<string, unknown>> = isObject(raw) ? raw : {};
  return { root, metadata: isObject(root['metadata']) ? root['metadata'] : {} };
}

/** The Canary in one piece; null while its spec cannot be obeyed. */
export function canaryOf(parsed: ParsedCanary): Canary | null {
  const { identity, spec, status, intents } = parsed;
  return spec === null ? null : { ...identity, spec, status, intents };
}

function parseIdentity(metadata: Readonly<Record<string, unknown>>): CanaryIdentity {
  const { generation, finalizers } = metadata;
  return {
    namespace: textOf(metadata['namespace']),
    name: textOf(metadata['name']),
    uid: textOf(metadata['uid']),
    resourceVersion: textOf(metadata['resourceVersion']),
    generation: Number.isSafeInteger(generation) ? Number(generation) : 0,
    createdAt: parseTimeOrEpoch(metadata['creationTimestamp']),
    deleting: textOf(metadata['deletionTimestamp']) !== '',
    finalizers: Array.isArray(finalizers)
      ? finalizers.filter((one) => typeof one === 'string')
      : [],
    annotations: textsOf(metadata['annotations']),
  };
}

function parseSpec(
  value: unknown,
  namespace: string,
  { options, found }: { readonly options: ParseOptions; readonly found: Findings },
): CanarySpec | null {
  const checked = check(specSchema, value, 'spec');
  if (!checked.ok) {
    found.problems.push(...checked.problems);
    return null;
  }
  const raw = checked.value;
  refuseNotBuilt(raw, found);
  const analysis = analysisOf(raw, found);
  if (raw.service === undefined) found.invalid('spec.service', 'is needed, with a port');
  if (raw.service === undefined || analysis === null) return null;
  checkNames(
    {
      target: raw.targetRef.name,
      service: raw.service.name,
      hpa: raw.autoscalerRef?.name ?? null,
    },
    found,
  );
  const skipAnalysis = raw.skipAnalysis ?? false;
  return {
    provider: raw.provider ?? options.defaultProvider,
    metricsServer: raw.metricsServer || null,
    targetRef: readTargetRef(raw, found),
    autoscalerRef: readAutoscalerRef(raw, found),
    ingressRef: readIngressRef(raw, found),
    service: parseService(raw.service, raw.targetRef.name, found),
    analysis: parseAnalysis(analysis.raw, { path: analysis.path, namespace, skipAnalysis, found }),
    progressDeadlineMs: (raw.progressDeadlineSeconds ?? PROGRESS_DEADLINE_SECONDS) * 1000,
    skipAnalysis,
    revertOnDeletion: raw.revertOnDeletion ?? true,
    suspend: raw.suspend ?? false,
  };
}

/** The raw analysis and its path; null when there is none that can be read. */
function analysisOf(raw: RawSpec, found: Findings) {
  if (raw.analysis !== undefined) return { raw: raw.analysis, path: 'spec.analysis' };
  if (raw.canaryAnalysis !== undefined) {
    const path = 'spec.canaryAnalysis';
    found.warn('Deprecated', path, 'is deprecated: write analysis');
    const checked = check(analysisSchema, raw.canaryAnalysis, path);
    if (checked.ok) return { raw: checked.value, path };
    found.problems.push(...checked.problems);
    return null;
  }
  if (raw.skipAnalysis === true) return { raw: {}, path: 'spec.analysis' };
  found.invalid('spec.analysis', 'is needed, unless skipAnalysis is true');
  return null;
}

function refuseNotBuilt(raw: RawSpec, found: Findings): void {
  const { targetRef, autoscalerRef } = raw;
  if (targetRef.kind !== 'Deployment') {
    found.notSupported(
      'spec.targetRef.kind',
      `${targetRef.kind} is not built yet: only Deployment is`,
    );
  }
  if (autoscalerRef !== undefined && autoscalerRef.kind !== 'HorizontalPodAutoscaler') {
    found.notSupported(
      'spec.autoscalerRef.kind',
      `${autoscalerRef.kind} is not built yet: only HorizontalPodAutoscaler is`,
    );
  }
  if (raw.upstreamRef !== undefined) {
    found.notSupported('spec.upstreamRef', 'the router for Gloo is not built yet');
  }
  if (raw.routeRef !== undefined) {
    found.notSupported('spec.routeRef', 'the router for APISIX is not built yet');
  }
}

/** Flagger reads only the newest version of a kind whatever the reference says; so do we, and tell. */
function readAs(
  ref: { readonly apiVersion: string; readonly kind: string; readonly name: string },
  apiVersion: string,
  { path, found }: { readonly path: string; readonly found: Findings },
): ObjectRef {
  const groupOf = (version: string): string => version.split('/')[0] ?? '';
  if (ref.apiVersion !== apiVersion) {
    const legacy = ref.apiVersion.startsWith('extensions/');
    if (groupOf(ref.apiVersion) === groupOf(apiVersion) || legacy) {
      found.warn('ReadAs', `${path}.apiVersion`, `is read as ${apiVersion}, not ${ref.apiVersion}`);
    } else {
      found.invalid(`${path}.apiVersion`, `must be ${apiVersion} for kind ${ref.kind}`);
    }
  }
  return { apiVersion, kind: ref.kind, name: ref.name };
}

function readTargetRef(raw: RawSpec, found: Findings): ObjectRef {
  if (raw.targetRef.kind !== 'Deployment') return raw.targetRef;
  return readAs(raw.targetRef, 'apps/v1', { path: 'spec.targetRef', found });
}

function readIngressRef(raw: RawSpec, found: Findings): ObjectRef | null {
  if (raw.ingressRef === undefined) return null;
  return readAs(raw.ingressRef, 'networking.k8s.io/v1', { path: 'spec.ingressRef', found });
}

function readAutoscalerRef(raw: RawSpec, found: Findings): AutoscalerRef | null {
  const ref = raw.autoscalerRef;
  if (ref === undefined) return null;
  const path = 'spec.autoscalerRef';
  const min = ref.primaryScalerReplicas?.minReplicas ?? null;
  const max = ref.primaryScalerReplicas?.maxReplicas ?? null;
  if (min !== null && max !== null && min > max) {
    found.invalid(
      `${path}.primaryScalerReplicas`,
      `minReplicas must not be greater than maxReplicas: ${min} is greater than ${max}`,
    );
  }
  if (ref.primaryScalerQueries !== undefined && ref.kind === 'HorizontalPodAutoscaler') {
    found.noEffect(`${path}.primaryScalerQueries`, 'has no effect: only ScaledObject has queries');
  }
  const read =
    ref.kind === 'HorizontalPodAutoscaler' ? readAs(ref, 'autoscaling/v2', { path, found }) : ref;
  return {
    apiVersion: read.apiVersion,
    kind: read.kind,
    name: read.name,
    primaryMinReplicas: min,
    primaryMaxReplicas: max,
  };
}
