// The ConfigMaps and Secrets of a target: what they digest to now, and whether the primary's copies hold the same.
import type { CanaryStatus, Problem } from '../api/canary.ts';
import type { KubeObject, PodTemplate } from '../api/kubernetes.ts';
import { isApiError } from '../client/errors.ts';
import type { ConfigFacts, Present } from '../decision/world.ts';
import { configKey, configRefs, copyNameOf } from '../workloads/configs.ts';
import type { ConfigRef } from '../workloads/kind.ts';
import { configDigest, short } from '../workloads/revision.ts';
import { type ConfigBook, type ConfigEntry, COPY_DIGEST } from './config-book.ts';
import type { TrackedConfig } from './scene.ts';

export interface ConfigView {
  readonly facts: ConfigFacts;
  readonly tracked: readonly TrackedConfig[];
  readonly problems: readonly Problem[];
}

export const NO_CONFIGS: ConfigView = {
  facts: { digests: {}, versions: {}, copies: 'right', stamp: '' },
  tracked: [],
  problems: [],
};

export interface ConfigPlace {
  readonly namespace: string;
  readonly status: CanaryStatus;
  /** Told of each object that was looked at: `configmaps/<namespace>/<name>`. */
  readonly look: (subject: string) => void;
}

/** Reads only what moved; a Secret that may not be read is a problem of this Canary alone. */
export async function observeConfigs(
  book: ConfigBook,
  template: PodTemplate,
  place: ConfigPlace,
  signal: AbortSignal,
): Promise<ConfigView> {
  const tracked: TrackedConfig[] = [];
  const copies: Present[] = [];
  const problems: Problem[] = [];
  for (const ref of configRefs(template)) {
    try {
      const found = await observeOne(book, ref, place, signal);
      if (found === null) continue;
      tracked.push(found.config);
      copies.push(found.copy);
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
      const message = `${ref.kind} ${ref.name} cannot be read: grant the operator get on ${plural(ref)} in namespace ${place.namespace}`;
      problems.push({ reason: 'ConfigForbidden', path: 'spec.targetRef', message });
    }
  }
  const digests = Object.fromEntries(tracked.map(({ key, digest }) => [key, digest]));
  const versions = Object.fromEntries(tracked.map(({ key, version }) => [key, version]));
  const state = copies.includes('absent') ? 'absent' : copies.includes('wrong') ? 'wrong' : 'right';
  const stamp =
    tracked.length === 0 ? '' : short(configDigest({ kind: 'ConfigMap', data: digests }));
  return { facts: { digests, versions, copies: state, stamp }, tracked, problems };
}

async function observeOne(
  book: ConfigBook,
  ref: ConfigRef,
  place: ConfigPlace,
  signal: AbortSignal,
): Promise<{ readonly config: TrackedConfig; readonly copy: Present } | null> {
  const { namespace, status, look } = place;
  const key = configKey(ref);
  const copyRef = { kind: ref.kind, name: copyNameOf(ref.name) };
  look(`${plural(ref)}/${namespace}/${ref.name}`);
  look(`${plural(ref)}/${namespace}/${copyRef.name}`);
  const entry = await book.entry(ref, namespace, hintOf(status, key), signal);
  if (entry === null || entry.digest === null) return null;
  const copyObject = book.metadata(copyRef, namespace);
  const copy = await book.entry(copyRef, namespace, ownWord(copyObject), signal);
  const config = { ref, key, digest: entry.digest, version: entry.version };
  return {
    config,
    copy: copy === null ? 'absent' : copy.digest === entry.digest ? 'right' : 'wrong',
  };
}

function hintOf(status: CanaryStatus, key: string): ConfigEntry | null {
  const version = status.configVersions[key];
  const digest = status.trackedConfigs[key];
  return version === undefined || digest === undefined ? null : { version, digest };
}

function ownWord(copy: KubeObject | undefined): ConfigEntry | null {
  const digest = copy?.metadata.annotations?.[COPY_DIGEST];
  const version = copy?.metadata.resourceVersion;
  return digest === undefined || version === undefined ? null : { version, digest };
}

export function plural(ref: Pick<ConfigRef, 'kind'>): 'configmaps' | 'secrets' {
  return ref.kind === 'Secret' ? 'secrets' : 'configmaps';
}
