// Digests of ConfigMaps and Secrets. Only metadata is watched; a value is read when its version moves, and not kept.
import type { ConfigObject, KubeObject } from '../api/kubernetes.ts';
import type { Client } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Store } from '../informers/store.ts';
import { tracked } from '../workloads/configs.ts';
import type { ConfigRef } from '../workloads/kind.ts';
import { configDigest, short } from '../workloads/revision.ts';

/** The digest that a copy says it has, in the write that made it. */
export const COPY_DIGEST = 'serin.dev/digest';

export interface ConfigEntry {
  readonly version: string;
  /** 16 hex digits; null = not tracked. */
  readonly digest: string | null;
}

export interface ConfigStores {
  readonly ConfigMap: Store<KubeObject> | null;
  readonly Secret: Store<KubeObject> | null;
}

const ENTRIES_MAX = 20_000;

export class ConfigBook {
  readonly #client: Client;
  readonly #stores: ConfigStores;
  readonly #entries = new Map<string, ConfigEntry>();

  constructor(client: Client, stores: ConfigStores) {
    this.#client = client;
    this.#stores = stores;
  }

  tracks(ref: Pick<ConfigRef, 'kind'>): boolean {
    return this.#stores[ref.kind] !== null;
  }

  /** Metadata as it is now; undefined = there is none. */
  metadata(ref: Pick<ConfigRef, 'kind' | 'name'>, namespace: string): KubeObject | undefined {
    return this.#stores[ref.kind]?.get(`${namespace}/${ref.name}`);
  }

  /**
   * Digest of a config as it is now; null = there is none. `hint`: version and digest that are known to belong together,
   * from the status or from the copy's own word, so that a restart reads nothing again.
   */
  async entry(
    ref: Pick<ConfigRef, 'kind' | 'name'>,
    namespace: string,
    hint: ConfigEntry | null,
    signal: AbortSignal,
  ): Promise<ConfigEntry | null> {
    const object = this.metadata(ref, namespace);
    const version = object?.metadata.resourceVersion;
    if (object === undefined || version === undefined) return null;
    const key = `${ref.kind}/${namespace}/${ref.name}/${object.metadata.uid ?? ''}`;
    const known = this.#entries.get(key);
    if (known?.version === version) return known;
    if (known === undefined && hint?.version === version) return this.#keep(key, hint);
    const read = await this.read(ref, namespace, signal);
    return read === null ? null : this.#keep(key, entryOf(read));
  }

  /** The whole config, live; null = there is none. */
  async read(
    ref: Pick<ConfigRef, 'kind' | 'name'>,
    namespace: string,
    signal: AbortSignal,
  ): Promise<ConfigObject | null> {
    const resource = ref.kind === 'Secret' ? RESOURCES.secrets : RESOURCES.configMaps;
    try {
      const key = { namespace, name: ref.name };
      const config: ConfigObject = await this.#client.get(resource, key, { signal });
      return config;
    } catch (error) {
      if (isApiError(error, 'not-found')) return null;
      throw error;
    }
  }

  /** Remembers what was just written, so that it is not read again. */
  wrote(ref: Pick<ConfigRef, 'kind'>, object: KubeObject, digest: string): void {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const key = `${ref.kind}/${namespace ?? ''}/${name}/${uid ?? ''}`;
    this.#keep(key, { version: resourceVersion ?? '', digest });
  }

  #keep(key: string, entry: ConfigEntry): ConfigEntry {
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.clear();
    this.#entries.set(key, entry);
    return entry;
  }
}

export function entryOf(config: ConfigObject): ConfigEntry {
  const version = config.metadata.resourceVersion ?? '';
  return { version, digest: tracked(config) ? short(configDigest(config)) : null };
}
