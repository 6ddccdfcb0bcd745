// ingress-nginx: merges a canary Ingress into its main one and obeys them after a reload. It gives no status.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Clock } from '../../clock/clock.ts';
import { RESOURCES } from '../../client/resources.ts';
import { isRecord, records } from '../../routers/route-objects.ts';
import type { Change } from '../store/change.ts';
import type { ModelStore } from '../store/model-store.ts';
import type { Backend, DataPlane, Table } from './proxies.ts';

export interface IngressControllerOptions {
  readonly clock: Clock;
  readonly store: Pick<ModelStore, 'list' | 'onCommit'>;
  readonly plane: DataPlane;
  /** From a write to the moment at which requests go by it. Asked once for each change. Default 1 s. */
  readonly reloadMs?: (ingress: KubeObject) => number;
  /** Its flag `--annotations-prefix`. */
  readonly prefix?: string;
  /** Ingresses of another class are somebody else's; those that name none count. Default `nginx`. */
  readonly className?: string;
}

/** A way into the cluster: one host and path, and the Service that it leads to. */
interface Location {
  readonly host: string;
  readonly path: string;
  readonly service: string;
  readonly port: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const RELOAD_MS = 1000;
const INGRESSES = RESOURCES.ingresses;
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export class IngressController {
  readonly #parts: IngressControllerOptions;
  readonly #prefix: string;
  /** As last loaded, by namespace and name. */
  readonly #loaded = new Map<string, Map<string, KubeObject>>();
  /** Apexes that have a table, by namespace. */
  readonly #led = new Map<string, ReadonlySet<string>>();
  /** Revision of what was last loaded of each, its deletion included. */
  readonly #newest = new Map<string, number>();
  #away = false;

  constructor(parts: IngressControllerOptions) {
    this.#parts = parts;
    this.#prefix = parts.prefix ?? 'nginx.ingress.kubernetes.io';
    for (const ingress of parts.store.list(INGRESSES)) this.#load(ingress, false);
    parts.store.onCommit((change) => this.#onCommit(change));
  }

  /** While away it reloads nothing; what was in force stays. Back again, it takes all there is at once. */
  away(away: boolean): void {
    if (this.#away === away) return;
    this.#away = away;
    if (away) return;
    const namespaces = new Set(this.#loaded.keys());
    this.#loaded.clear();
    for (const ingress of this.#parts.store.list(INGRESSES)) {
      const { namespace = '' } = ingress.metadata;
      this.#at(namespace).set(ingress.metadata.name, ingress);
      namespaces.add(namespace);
    }
    for (const namespace of namespaces) this.#reload(namespace);
  }

  #onCommit({ resource, type, object }: Change): void {
    if (resource.plural !== INGRESSES.plural || resource.group !== INGRESSES.group) return;
    const reloadMs = this.#parts.reloadMs?.(object) ?? RELOAD_MS;
    this.#parts.clock.newTimer(reloadMs, () => {
      if (!this.#away) this.#load(object, type === 'DELETED');
    });
  }

  #load(ingress: KubeObject, gone: boolean): void {
    const { namespace = '', name } = ingress.metadata;
    const here = this.#at(namespace);
    // Timers of unlike delays may come in another order than the writes; what was loaded never goes back.
    const revision = Number(ingress.metadata.resourceVersion);
    const key = `${namespace}/${name}`;
    if (revision < (this.#newest.get(key) ?? 0)) return;
    this.#newest.set(key, revision);
    if (gone) here.delete(name);
    else here.set(name, ingress);
    this.#reload(namespace);
  }

  #at(namespace: string): Map<string, KubeObject> {
    const here = this.#loaded.get(namespace) ?? new Map<string, KubeObject>();
    this.#loaded.set(namespace, here);
    return here;
  }

  #reload(namespace: string): void {
    const all = [...this.#at(namespace).values()].filter((ingress) => this.#isOurs(ingress));
    const canaries = all.filter((ingress) => this.#annotation(ingress, 'canary') === 'true');
    const tables = new Map<string, Table>();
    for (const ingress of all) {
      if (canaries.includes(ingress)) continue;
      for (const location of locationsOf(ingress)) {
        // The first location of a Service stands for it: the traffic of the model enters by one.
        if (tables.has(location.service)) continue;
        tables.set(location.service, this.#tableOf(ingress, location, canaries));
      }
    }
    const { plane } = this.#parts;
    for (const apex of this.#led.get(namespace) ?? []) {
      if (!tables.has(apex)) plane.obey(namespace, apex, 'ingress', null);
    }
    this.#led.set(namespace, new Set(tables.keys()));
    for (const [apex, table] of tables) plane.obey(namespace, apex, 'ingress', table);
  }

  #tableOf(main: KubeObject, location: Location, canaries: readonly KubeObject[]): Table {
    const { service, port, host, path } = location;
    const found = canaries
      .map((canary) => ({
        canary,
        to: locationsOf(canary).find((each) => each.host === host && each.path === path),
      }))
      .find(({ to }) => to !== undefined);
    const weight = found === undefined ? 0 : this.#weightOf(found.canary);
    const backends: Backend[] = [{ service, port, weight: 1 - weight, canary: false }];
    if (found?.to !== undefined && weight > 0) {
      backends.push({ service: found.to.service, port: found.to.port, weight, canary: true });
    }
    return {
      by: 'ingress',
      name: main.metadata.name,
      hosts: host === '' ? [] : [host],
      backends,
    };
  }

  /** Share of the canary, 0 to 1; weights that nginx cannot read send it nothing. */
  #weightOf(ingress: KubeObject): number {
    const weight = wholeNumber(this.#annotation(ingress, 'canary-weight') ?? '0');
    const total = wholeNumber(this.#annotation(ingress, 'canary-weight-total') ?? '100');
    if (weight === null || total === null || total === 0 || weight > total) return 0;
    return weight / total;
  }

  #annotation({ metadata }: KubeObject, name: string): string | undefined {
    return metadata.annotations?.[`${this.#prefix}/${name}`];
  }

  #isOurs({ metadata, spec }: KubeObject): boolean {
    const className = this.#parts.className ?? 'nginx';
    const named =
      metadata.annotations?.[CLASS_ANNOTATION] ??
      (isRecord(spec) ? spec['ingressClassName'] : undefined) ??
      className;
    return named === className;
  }
}

function locationsOf(ingress: KubeObject): readonly Location[] {
  const spec = isRecord(ingress['spec']) ? ingress['spec'] : {};
  const byRule = records(spec['rules']).flatMap((rule) => {
    const paths = isRecord(rule['http']) ? records(rule['http']['paths']) : [];
    return paths.flatMap((path) =>
      locationOf(path['backend'], text(rule['host'], ''), text(path['path'], '/')),
    );
  });
  return [...byRule, ...locationOf(spec['defaultBackend'], '', '')];
}

function locationOf(backend: unknown, host: string, path: string): readonly Location[] {
  const service: Fields =
    isRecord(backend) && isRecord(backend['service']) ? backend['service'] : {};
  const { name, port } = service;
  if (typeof name !== 'string') return [];
  const number = isRecord(port) ? port['number'] : null;
  return [{ host, path, service: name, port: typeof number === 'number' ? number : null }];
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function wholeNumber(digits: string): number | null {
  return /^\d{1,9}$/.test(digits) ? Number(digits) : null;
}
