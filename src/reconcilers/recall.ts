// What was worked out of an object of the stores, for as long as it is that object: most looks come after another one moved.
import type { Revision, ParsedCanary } from '../api/canary.ts';
import type { KubeObject, ObjectMeta, PodTemplate } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';
import { parseCanary, type ReadSpec, readSpec } from '../api/parse-canary.ts';
import { revisionOf, templateDigest } from '../workloads/revision.ts';

/** More targets than a cluster has; those of Canaries that are gone make room in the end. */
const WORKLOADS_MAX = 10_000;

interface Named {
  readonly digest: string;
  /** The configs that `revision` was made with, as one text. */
  readonly configs: string;
  readonly revision: Revision;
}

/** Objects of the stores are never changed, only replaced, so that an object that is the same says the same. */
export class Recall {
  readonly #parsed = new WeakMap<KubeObject, { provider: string; parsed: ParsedCanary }>();
  /** By the uid of the Canary: its own status writes leave the spec as it was. */
  readonly #specs = new Map<string, { readonly mark: string; readonly read: ReadSpec }>();
  /** By the uid of its workload: what a status changes leaves generation and template as they were. */
  readonly #named = new Map<string, { readonly generation: number; readonly named: Named }>();
  readonly #stands = new Map<string, { readonly mark: string; readonly since: Instant }>();

  canary(raw: KubeObject, defaultProvider: string): ParsedCanary {
    const known = this.#parsed.get(raw);
    if (known?.provider === defaultProvider) return known.parsed;
    const parsed = parseCanary(raw, { defaultProvider }, this.#spec(raw, defaultProvider));
    this.#parsed.set(raw, { provider: defaultProvider, parsed });
    return parsed;
  }

  #spec(raw: KubeObject, defaultProvider: string): ReadSpec {
    const { uid = '', generation = 0 } = raw.metadata;
    const mark = `${generation}/${defaultProvider}`;
    const known = this.#specs.get(uid);
    if (known?.mark === mark) return known.read;
    const read = readSpec(raw, { defaultProvider });
    this.#specs.delete(uid);
    this.#specs.set(uid, { mark, read });
    bound(this.#specs);
    return read;
  }

  /** Since when a workload's generation and count of templates stand; now at first sight. */
  standsSince({ metadata }: KubeObject, turn: string, now: Instant): Instant {
    const { uid = '', generation = 0 } = metadata;
    const mark = `${generation}/${turn}`;
    const known = this.#stands.get(uid);
    if (known?.mark === mark) return known.since;
    this.#stands.delete(uid);
    this.#stands.set(uid, { mark, since: now });
    bound(this.#stands);
    return now;
  }

  /** Digest and revision of a workload's template with its tracked configs. */
  template(
    template: PodTemplate,
    configDigests: Readonly<Record<string, string>>,
    { uid = '', generation = 0 }: Pick<ObjectMeta, 'uid' | 'generation'>,
  ): Named {
    const configs = JSON.stringify(configDigests);
    const last = this.#named.get(uid);
    const known = last?.generation === generation ? last.named : null;
    if (known?.configs === configs) return known;
    const named = {
      digest: known?.digest ?? templateDigest(template),
      configs,
      revision: revisionOf(template, configDigests),
    };
    this.#named.delete(uid);
    this.#named.set(uid, { generation, named });
    bound(this.#named);
    return named;
  }
}

function bound(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > WORKLOADS_MAX && oldest !== undefined) map.delete(oldest);
}
