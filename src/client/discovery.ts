// Which resource serves a kind, as the server says; remembered, and asked again when a kind is missing.
import type { Clock } from '../clock/clock.ts';
import type { CallOptions, Resource } from './client.ts';
import { isApiError } from './errors.ts';
import { fieldsOf, itemsOf, textOf } from './fields.ts';

/** A CRD may be installed at any time: a missing kind is asked for again after this, a known one much later. */
const MISS_AGE_MS = 5000;
const HIT_AGE_MS = 600_000;
/** More group versions than any cluster serves; beyond, the oldest is forgotten. */
const GROUP_VERSIONS_MAX = 500;

interface GroupVersion {
  readonly readAtMs: number;
  readonly kinds: ReadonlyMap<string, Resource>;
}

export class Discovery {
  readonly #clock: Clock;
  readonly #read: (path: string, options: CallOptions) => Promise<unknown>;
  readonly #known = new Map<string, GroupVersion>();

  constructor(clock: Clock, read: (path: string, options: CallOptions) => Promise<unknown>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** null if the group version or the kind in it is not served. Throws ApiError if the server does not say. */
  async resourceFor(
    apiVersion: string,
    kind: string,
    options: CallOptions,
  ): Promise<Resource | null> {
    const known = this.#known.get(apiVersion);
    if (known !== undefined) {
      const resource = known.kinds.get(kind) ?? null;
      const ageMsMax = resource === null ? MISS_AGE_MS : HIT_AGE_MS;
      if (this.#clock.since(known.readAtMs) < ageMsMax) return resource;
    }
    const kinds = await this.#kinds(apiVersion, options);
    this.#known.delete(apiVersion);
    this.#known.set(apiVersion, { readAtMs: this.#clock.monotonicMs(), kinds });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= GROUP_VERSIONS_MAX) break;
      this.#known.delete(oldest);
    }
    return kinds.get(kind) ?? null;
  }

  async #kinds(apiVersion: string, options: CallOptions): Promise<ReadonlyMap<string, Resource>> {
    const parts = API_VERSION.exec(apiVersion);
    const version = parts?.[2];
    if (version === undefined) return new Map();
    const group = parts?.[1] ?? '';
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    try {
      const answer = fieldsOf(await this.#read(path, options));
      return new Map(
        itemsOf(answer['resources']).flatMap((item) => {
          const resource = parseResource(item, group, version);
          return resource === null ? [] : [[resource.kind, resource]];
        }),
      );
    } catch (error) {
      if (isApiError(error, 'not-found')) return new Map();
      throw error;
    }
  }
}

const API_VERSION = /^(?:([a-z0-9][a-z0-9.-]*)\/)?([a-z0-9]+)$/;

function parseResource(item: unknown, group: string, version: string): Resource | null {
  const fields = fieldsOf(item);
  const plural = textOf(fields['name']);
  const kind = textOf(fields['kind']);
  // `deployments/scale` is a subresource: its kind is another's.
  if (plural === null || kind === null || plural.includes('/')) return null;
  return { group, version, plural, kind, namespaced: fields['namespaced'] === true };
}
