// The ConfigMaps and Secrets of a pod template: which there are, which count, their copies, and references to either.
import type {
  ConfigObject,
  Container,
  KubeObject,
  PodTemplate,
  Volume,
} from '../api/kubernetes.ts';
import { inherited } from './inherited.ts';
import type { ConfigRef } from './kind.ts';

const SUFFIX = '-primary';
/** Other types belong to machinery that keeps them up to date by itself: tokens, pull credentials, helm releases. */
const TRACKED_SECRET_TYPES = [
  'Opaque',
  'kubernetes.io/basic-auth',
  'kubernetes.io/ssh-auth',
  'kubernetes.io/tls',
];
const OPT_OUT = ['serin.dev/config-tracking', 'flagger.app/config-tracking'];

type ConfigKind = ConfigRef['kind'];
type Visit = (kind: ConfigKind, name: string, optional: boolean) => string;

/**
 * What the containers and init containers of a template refer to, by volume, projected volume, env and envFrom; each
 * once, sorted by kind and name, optional only if every reference is. CSI volumes, pull secrets and ephemeral
 * containers do not count, as in Flagger.
 */
export function configRefs(template: PodTemplate): readonly ConfigRef[] {
  const found = new Map<string, ConfigRef>();
  visitConfigs(template, (kind, name, optional) => {
    const key = configKey({ kind, name });
    const known = found.get(key);
    found.set(key, { kind, name, optional: optional && (known?.optional ?? true) });
    return name;
  });
  return [...found.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, reference]) => reference);
}

/** `configmap/<name>` or `secret/<name>`: the key in `status.trackedConfigs`. */
export function configKey(reference: Pick<ConfigRef, 'kind' | 'name'>): string {
  return `${reference.kind.toLowerCase()}/${reference.name}`;
}

/** True when the owner of the config has said `disable...` on the object itself. */
export function trackingDisabled(
  annotations: Readonly<Record<string, string>> | undefined,
): boolean {
  return OPT_OUT.some((key) => annotations?.[key]?.startsWith('disable') === true);
}

/** True for a config that is part of the revision and gets a copy for the primary. */
export function tracked(config: Pick<ConfigObject, 'kind' | 'type' | 'metadata'>): boolean {
  if (trackingDisabled(config.metadata.annotations)) return false;
  return config.kind !== 'Secret' || TRACKED_SECRET_TYPES.includes(config.type ?? 'Opaque');
}

/** The name of the copy that the primary uses. */
export function copyNameOf(name: string): string {
  return `${name}${SUFFIX}`;
}

/**
 * The copy of a config under another name. Never immutable, as the next promotion writes it again; without
 * annotations, and with the labels that `includePrefixes` asks for (`*` = all, default none).
 */
export function copyOf(
  config: ConfigObject,
  copyName: string,
  includePrefixes: readonly string[] = [],
): KubeObject {
  const { apiVersion, kind, type, data, binaryData } = config;
  const { namespace, labels } = config.metadata;
  const kept = inherited(labels, includePrefixes);
  return {
    apiVersion,
    kind,
    metadata: {
      name: copyName,
      ...(namespace === undefined ? {} : { namespace }),
      ...(Object.keys(kept).length === 0 ? {} : { labels: kept }),
    },
    ...(type === undefined ? {} : { type }),
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

/** The template with its references to `keys` (as `configKey` gives them) turned to the copies. */
export function withCopies(template: PodTemplate, keys: readonly string[]): PodTemplate {
  const wanted = new Set(keys);
  return visitConfigs(template, (kind, name) =>
    wanted.has(configKey({ kind, name })) ? copyNameOf(name) : name,
  );
}

/**
 * The inverse of `withCopies`. Keys `null` = not known any more: then every name that looks like a copy is one,
 * because the copies go away and a template that still needs them could not start.
 */
export function withoutCopies(template: PodTemplate, keys: readonly string[] | null): PodTemplate {
  const copies = keys === null ? null : new Set(keys);
  return visitConfigs(template, (kind, name) => {
    if (!name.endsWith(SUFFIX)) return name;
    const original = name.slice(0, -SUFFIX.length);
    return copies === null || copies.has(configKey({ kind, name: original })) ? original : name;
  });
}

/** The template with each reference's name replaced by what `visit` answers; nothing else changes. */
function visitConfigs(template: PodTemplate, visit: Visit): PodTemplate {
  const { containers, initContainers, volumes } = template.spec;
  return {
    ...template,
    spec: {
      ...template.spec,
      containers: containers.map((container) => inContainer(container, visit)),
      ...(initContainers === undefined
        ? {}
        : { initContainers: initContainers.map((container) => inContainer(container, visit)) }),
      ...(volumes === undefined ? {} : { volumes: volumes.map((each) => inVolume(each, visit)) }),
    },
  };
}

function inContainer(container: Container, visit: Visit): Container {
  const { env, envFrom } = container;
  return {
    ...container,
    ...(env === undefined
      ? {}
      : {
          env: env.map((variable) => {
            const { configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
            if (configMapKeyRef === undefined && secretKeyRef === undefined) return variable;
            return {
              ...variable,
              valueFrom: {
                ...variable.valueFrom,
                ...(configMapKeyRef && {
                  configMapKeyRef: named(configMapKeyRef, 'ConfigMap', visit),
                }),
                ...(secretKeyRef && { secretKeyRef: named(secretKeyRef, 'Secret', visit) }),
              },
            };
          }),
        }),
    ...(envFrom === undefined
      ? {}
      : {
          envFrom: envFrom.map((from) => ({
            ...from,
            ...(from.configMapRef && {
              configMapRef: named(from.configMapRef, 'ConfigMap', visit),
            }),
            ...(from.secretRef && { secretRef: named(from.secretRef, 'Secret', visit) }),
          })),
        }),
  };
}

function inVolume(volume: Volume, visit: Visit): Volume {
  const { configMap, secret, projected } = volume;
  const sources = projected?.sources;
  return {
    ...volume,
    ...(configMap && { configMap: named(configMap, 'ConfigMap', visit) }),
    ...(secret?.secretName === undefined
      ? {}
      : {
          secret: {
            ...secret,
            secretName: visit('Secret', secret.secretName, secret.optional === true),
          },
        }),
    ...(sources === undefined
      ? {}
      : {
          projected: {
            ...projected,
            sources: sources.map((source) => ({
              ...source,
              ...(source.configMap && { configMap: named(source.configMap, 'ConfigMap', visit) }),
              ...(source.secret && { secret: named(source.secret, 'Secret', visit) }),
            })),
          },
        }),
  };
}

function named<Ref extends { readonly name?: string; readonly optional?: boolean }>(
  reference: Ref,
  kind: ConfigKind,
  visit: Visit,
): Ref {
  const { name } = reference;
  if (name === undefined || name === '') return reference;
  return { ...reference, name: visit(kind, name, reference.optional === true) };
}
