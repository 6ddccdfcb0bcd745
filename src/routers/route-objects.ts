// What the objects of all routers have in common: names, stamps, whose they are, and whether they were changed.
import { type CanaryIdentity, type CanarySpec, OWNED_BY, type Problem } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { asInstant } from '../clock/clock.ts';
import type { Instant } from '../clock/clock.ts';
import { microTime, parseTime } from '../clock/time-format.ts';
import { ROUTE_ANNOTATIONS, type Route } from './provider.ts';

/** Annotation of a route: which Canary it was made for and may outlive, so that another may take it up. */
export const MADE_FOR = 'serin.dev/canary';

/** GitOps tools that find such an object in no repository of theirs leave it alone. */
export const TOGGLES: Readonly<Record<string, string>> = {
  'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
  'helm.toolkit.fluxcd.io/driftDetection': 'disabled',
};

export interface ServiceNames {
  readonly apex: string;
  readonly primary: string;
  readonly canary: string;
}

export function serviceNames({ service }: CanarySpec): ServiceNames {
  const apex = service.name;
  return { apex, primary: `${apex}-primary`, canary: `${apex}-canary` };
}

/** What a rendered route says of itself, in the same write as the weights. */
export function stamped(
  canary: CanaryIdentity,
  route: Route,
  writtenAt: Instant,
): Readonly<Record<string, string>> {
  const at = {
    [ROUTE_ANNOTATIONS.writtenAt]: microTime(writtenAt),
    [MADE_FOR]: `${canary.namespace}/${canary.name}`,
  };
  switch (route.kind) {
    case 'split':
      return {
        ...at,
        [ROUTE_ANNOTATIONS.revision]: route.revision,
        [ROUTE_ANNOTATIONS.step]: String(route.step),
      };
    case 'apex':
      return at;
  }
}

export interface Stamp {
  readonly revision: string;
  readonly step: number;
  readonly writtenAt: Instant;
}

/** The stamp of a live object; where somebody took it away, values that no route of ours has. */
export function stampOf({ metadata }: KubeObject): Stamp {
  const step = metadata.annotations?.[ROUTE_ANNOTATIONS.step] ?? '';
  const written = metadata.annotations?.[ROUTE_ANNOTATIONS.writtenAt] ?? '';
  return {
    revision: metadata.annotations?.[ROUTE_ANNOTATIONS.revision] ?? '',
    step: /^\d{1,9}$/.test(step) ? Number(step) : -1,
    writtenAt: parseTime(written) ?? asInstant(0),
  };
}

/**
 * Ours by the Canary's uid as an owner or in the mark, or left behind by a Canary that is gone: two that claim the same
 * never work at a time. Such an object may still have the target as a plain owner, and for a while its dead Canary as
 * controller, which is known by its name: two of one name never live at a time.
 */
export function ours({ metadata }: KubeObject, canary: CanaryIdentity): boolean {
  const owners = metadata.ownerReferences ?? [];
  if (owners.some(({ uid }) => uid === canary.uid)) return true;
  if (metadata.annotations?.[OWNED_BY] === canary.uid) return true;
  if (metadata.annotations?.[MADE_FOR] === undefined) return false;
  return owners.every(
    ({ apiVersion, kind, name, controller }) =>
      controller !== true ||
      (apiVersion.startsWith('serin.dev/') && kind === 'Canary' && name === canary.name),
  );
}

/**
 * True when `live` still says what `wanted` says: lists alike in length and order, and every field of `wanted` there.
 * Further fields in `live` are a server's defaults, unless they are among `steering`, which change where requests go.
 */
export function holds(live: unknown, wanted: unknown, steering: ReadonlySet<string>): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((each, index) => holds(live[index], each, steering))
    );
  }
  if (!isRecord(wanted)) return live === wanted;
  if (!isRecord(live)) return false;
  return (
    Object.entries(wanted).every(([key, value]) => holds(live[key], value, steering)) &&
    Object.keys(live).every((key) => wanted[key] !== undefined || !steering.has(key))
  );
}

/** Labels and annotations that we render are there; all others are somebody's own. */
export function holdsMetadata(live: KubeObject, wanted: KubeObject): boolean {
  return (
    holds(live.metadata.labels ?? {}, wanted.metadata.labels ?? {}, NONE) &&
    holds(live.metadata.annotations ?? {}, wanted.metadata.annotations ?? {}, NONE)
  );
}

const NONE: ReadonlySet<string> = new Set();

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The elements of an unknown list that are objects. */
export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function problem(path: string, message: string): Problem {
  return { reason: 'InvalidSpec', path, message };
}
