// Stands in for a Gateway controller where there is no data plane: judges HTTPRoutes and writes what it found, no more.
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { type Api, RefusedByApi } from './api.ts';

export interface HttpRoute extends KubeObject {
  readonly spec: {
    readonly parentRefs?: readonly object[];
    readonly rules?: readonly { readonly backendRefs?: readonly BackendRef[] }[];
  };
}

interface BackendRef {
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
}

/** What the stand-in says to a route. */
export type Verdict =
  /** Accepted at the current generation, after so long; ResolvedRefs as the Services are (looked at until all exist). */
  | { readonly kind: 'accept'; readonly afterMs?: number }
  /** Accepted is False, at the current generation. */
  | { readonly kind: 'refuse'; readonly reason?: string }
  /** Nothing is written: the status stays at an older generation, or empty. */
  | { readonly kind: 'silent' };

export interface GatewayOptions {
  /** Only this namespace's routes; default all. */
  readonly namespace?: string;
}

const CONTROLLER = 'test.serin.dev/gateway';
const ROOT = '/apis/gateway.networking.k8s.io/v1';

/** Follows the HTTPRoutes until disposed of. At first it accepts all. */
export function startGateway(api: Api, options: GatewayOptions = {}): Gateway {
  return new Gateway(api, options);
}

export class Gateway {
  readonly #api: Api;
  readonly #over = new AbortController();
  readonly #routes = new Map<
    string,
    { readonly route: HttpRoute; readonly end: AbortController; readonly done: Promise<void> }
  >();
  readonly #following: Promise<void>;
  #judge: (route: HttpRoute) => Verdict = () => ({ kind: 'accept' });

  constructor(api: Api, { namespace }: GatewayOptions) {
    this.#api = api;
    const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
    this.#following = this.#persist(`${ROOT}${place}/httproutes`);
  }

  /** From now on, routes that there are and routes to come. */
  judge(verdictOf: (route: HttpRoute) => Verdict): void {
    this.#judge = verdictOf;
    for (const { route } of this.#routes.values()) this.#see(route);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  /** A cluster may learn of HTTPRoutes later than we start. */
  async #persist(path: string): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await this.#follow(path);
      } catch (error) {
        if (!(error instanceof RefusedByApi) || error.code !== 404) throw error;
        await pause(200, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #follow(path: string): Promise<void> {
    for await (const { type, object } of this.#api.follow<HttpRoute>(path, this.#over.signal)) {
      const uid = object.metadata.uid ?? '';
      const known = this.#routes.get(uid);
      if (type === 'DELETED') {
        known?.end.abort();
        this.#routes.delete(uid);
      } else if (known?.route.metadata.generation !== object.metadata.generation) {
        this.#see(object);
      }
    }
  }

  #see(route: HttpRoute): void {
    const uid = route.metadata.uid ?? '';
    const before = this.#routes.get(uid);
    before?.end.abort();
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#over.signal]);
    // After the answer before it has ended: a late write must not put an older generation back.
    const done = (before?.done ?? Promise.resolve())
      .then(() => (signal.aborted ? undefined : this.#answer(route, signal)))
      .catch((error: unknown) => {
        if (!signal.aborted) process.stderr.write(`gateway stand-in: ${String(error)}\n`);
      });
    this.#routes.set(uid, { route, end, done });
  }

  async #answer(route: HttpRoute, signal: AbortSignal): Promise<void> {
    const verdict = this.#judge(route);
    if (verdict.kind === 'silent') return;
    if (verdict.kind === 'refuse') {
      await this.#write(route, {
        accepted: verdict.reason ?? 'NotAllowedByListeners',
        missing: [],
      });
      return;
    }
    await pause(verdict.afterMs ?? 0, undefined, { signal });
    for (;;) {
      if (await this.#accepted(route, signal)) return;
      await pause(200, undefined, { signal });
    }
  }

  /** Not while backends are missing, nor while the API server is away. */
  async #accepted(route: HttpRoute, signal: AbortSignal): Promise<boolean> {
    try {
      const missing = await this.#missingBackends(route);
      signal.throwIfAborted();
      await this.#write(route, { accepted: 'Accepted', missing });
      return missing.length === 0;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RefusedByApi && error.code < 500 && error.code !== 429) throw error;
      return false;
    }
  }

  async #missingBackends(route: HttpRoute): Promise<readonly string[]> {
    const home = route.metadata.namespace ?? '';
    const refs = (route.spec.rules ?? []).flatMap((rule) => rule.backendRefs ?? []);
    const missing: string[] = [];
    for (const { kind, name, namespace } of refs) {
      if (kind !== undefined && kind !== 'Service') continue;
      const path = `/api/v1/namespaces/${namespace ?? home}/services/${name}`;
      if ((await this.#api.find(path)) === null) missing.push(name);
    }
    return missing;
  }

  async #write(
    route: HttpRoute,
    found: { readonly accepted: string; readonly missing: readonly string[] },
  ): Promise<void> {
    const { name, namespace, uid, generation } = route.metadata;
    const lastTransitionTime = new Date().toISOString();
    const condition = (type: string, status: boolean, reason: string, message = '') => ({
      type,
      status: status ? 'True' : 'False',
      reason,
      message,
      observedGeneration: generation,
      lastTransitionTime,
    });
    const { accepted, missing } = found;
    const resolved = missing.length === 0;
    const conditions = [
      condition('Accepted', accepted === 'Accepted', accepted),
      condition(
        'ResolvedRefs',
        resolved,
        resolved ? 'ResolvedRefs' : 'BackendNotFound',
        missing.join(', '),
      ),
    ];
    const parents = (route.spec.parentRefs ?? []).map((parentRef) => ({
      parentRef,
      controllerName: CONTROLLER,
      conditions,
    }));
    const path = `${ROOT}/namespaces/${namespace ?? ''}/httproutes/${name}/status`;
    try {
      await this.#api.patch(path, { metadata: { uid }, status: { parents } });
    } catch (error) {
      const gone = error instanceof RefusedByApi && (error.code === 404 || error.code === 409);
      if (!gone) throw error;
    }
  }
}
