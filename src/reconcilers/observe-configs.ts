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
  /** Whether the store of a kind may lack what is there, as the kind may not be listed. */
  readonly mayMiss: (plural: 'configmaps' | 'secrets') => boolean;
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
  for (const ref of configRefs(template).filter((each) => book.tracks(each))) {
    const found = await observeOne(book, ref, place, signal);
    if (found === 'untracked' || (found === 'missing' && ref.optional)) continue;
    if (typeof found === 'string') problems.push(unread(ref, place, found));
    const known = typeof found === 'string' ? await lastKnown(book, ref, place, signal) : found;
    if (known === null) continue;
    tracked.push(known.config);
    copies.push(known.copy);
  }
  const digests = Object.fromEntries(tracked.map(({ key, digest }) => [key, digest]));
  const versions = Object.fromEntries(tracked.map(({ key, version }) => [key, version]));
  const state = copies.includes('absent') ? 'absent' : copies.includes('wrong') ? 'wrong' : 'right';
  const stamp =
    tracked.length === 0 ? '' : short(configDigest({ kind: 'ConfigMap', data: digests }));
  return { facts: { digests, versions, copies: state, stamp }, tracked, problems };
}

interface Found {
  readonly config: TrackedConfig;
  readonly copy: Present;
}

async function observeOne(
  book: ConfigBook,
  ref: ConfigRef,
  place: ConfigPlace,
  signal: AbortSignal,
): Promise<Found | 'missing' | 'forbidden' | 'untracked'> {
  const { namespace, status, look } = place;
  const key = configKey(ref);
  look(`${plural(ref)}/${namespace}/${ref.name}`);
  look(`${plural(ref)}/${namespace}/${copyNameOf(ref.name)}`);
  try {
    const entry = await book.entry(ref, namespace, hintOf(status, key), signal);
    if (entry === null) return place.mayMiss(plural(ref)) ? 'forbidden' : 'missing';
    if (entry.digest === null) return 'untracked';
    return await withCopy(
      book,
      ref,
      place,
      { version: entry.version, digest: entry.digest },
      signal,
    );
  } catch (error) {
    if (isApiError(error, 'forbidden')) return 'forbidden';
    throw error;
  }
}

async function withCopy(
  book: ConfigBook,
  ref: ConfigRef,
  { namespace }: ConfigPlace,
  { version, digest }: { readonly version: string; readonly digest: string },
  signal: AbortSignal,
): Promise<Found> {
  const copyRef = { kind: ref.kind, name: copyNameOf(ref.name) };
  const copyObject = book.metadata(copyRef, namespace);
  const copy = await book.entry(copyRef, namespace, ownWord(copyObject), signal);
  return {
    config: { ref, key: configKey(ref), digest, version },
    copy: copy === null ? 'absent' : copy.digest === digest ? 'right' : 'wrong',
  };
}

/** A config that is away for a moment, to be made anew, is no revision of its own: it counts as it was. */
async function lastKnown(
  book: ConfigBook,
  ref: ConfigRef,
  place: ConfigPlace,
  signal: AbortSignal,
): Promise<Found | null> {
  const known = hintOf(place.status, configKey(ref));
  if (known === null || known.digest === null) return null;
  const { version, digest } = known;
  const unseen = { config: { ref, key: configKey(ref), digest, version }, copy: 'right' } as const;
  if (place.mayMiss(plural(ref))) return unseen;
  try {
    return await withCopy(book, ref, place, { version, digest }, signal);
  } catch (error) {
    if (!isApiError(error, 'forbidden')) throw error;
    return unseen;
  }
}

function unread(ref: ConfigRef, { namespace }: ConfigPlace, why: 'missing' | 'forbidden'): Problem {
  const path = 'spec.targetRef';
  const what = `${ref.kind} ${ref.name}`;
  return why === 'missing'
    ? {
        reason: 'ConfigNotFound',
        path,
        message: `${what}, which the pods of the target need, is not in namespace ${namespace}`,
      }
    : {
        reason: 'ConfigForbidden',
        path,
        message: `${what} cannot be read: grant the operator list, watch and get on ${plural(ref)} in namespace ${namespace}`,
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
