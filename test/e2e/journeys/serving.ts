// Whether users were served at every moment: endpoints of the apex and of whatever the route names, replayed in order.
import type { HttpRoute } from '../cluster/gateway.ts';
import type { KubeObject, Service } from '../../../src/api/kubernetes.ts';
import type { Journey } from './journey.ts';

interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

interface Change {
  readonly gone: boolean;
  readonly object: KubeObject;
}

/** Follows Services, EndpointSlices and HTTPRoutes of the journey's namespace until disposed of. */
export class Serving implements AsyncDisposable {
  readonly #over = new AbortController();
  readonly #changes: Change[] = [];
  readonly #following: Promise<unknown>;

  constructor(walk: Journey) {
    const { namespace } = walk;
    const paths = [
      `/api/v1/namespaces/${namespace}/services`,
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`,
    ];
    this.#following = Promise.all(paths.map((path) => this.#follow(walk, path)));
  }

  /**
   * Moments at which a request would have found nobody, from the first at which one was served: versions of all
   * resources have one order, that of the store, so that nothing here depends on which watch was faster.
   */
  gaps(apex = 'web'): readonly string[] {
    const state = new State(apex);
    const found: string[] = [];
    let before = '';
    for (const change of this.#changes.toSorted(
      (left, right) => versionOf(left) - versionOf(right),
    )) {
      state.take(change);
      const gap = state.gap();
      if (gap !== before && gap !== '') {
        const { kind, metadata } = change.object;
        found.push(
          `${gap} (after ${change.gone ? 'deletion' : 'change'} of ${kind} ${metadata.name})`,
        );
      }
      before = gap;
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  async #follow(walk: Journey, path: string): Promise<void> {
    for await (const { type, object } of walk.api.follow(path, this.#over.signal))
      this.#changes.push({ gone: type === 'DELETED', object });
  }
}

class State {
  readonly #apex: string;
  readonly #slices = new Map<string, EndpointSlice>();
  #service: Service | null = null;
  #route: HttpRoute | null = null;
  #served = false;
  #routed = false;

  constructor(apex: string) {
    this.#apex = apex;
  }

  take({ gone, object }: Change): void {
    const { name } = object.metadata;
    if (object.kind === 'EndpointSlice') {
      if (gone) this.#slices.delete(name);
      else this.#slices.set(name, object);
    } else if (name === this.#apex && object.kind === 'Service') {
      this.#service = gone ? null : (object as Service);
    } else if (name === this.#apex && object.kind === 'HTTPRoute') {
      this.#route = gone ? null : (object as HttpRoute);
    }
    if (this.#ready(this.#apex) > 0) this.#served = true;
    if (this.#darkness() === '') this.#routed = true;
  }

  /** Empty = everybody is served. */
  gap(): string {
    if (this.#served) {
      if (this.#service === null) return `Service ${this.#apex} is gone`;
      if (this.#ready(this.#apex) === 0) {
        const selector = JSON.stringify(this.#service.spec.selector);
        return `Service ${this.#apex}, which selects ${selector}, has no ready endpoint`;
      }
    }
    return this.#routed ? this.#darkness() : '';
  }

  /** What the route gets wrong; empty = nothing. */
  #darkness(): string {
    if (this.#route === null) return this.#routed ? 'the route is gone' : 'no route yet';
    const backends = (this.#route.spec.rules ?? []).flatMap((rule) => rule.backendRefs ?? []);
    const dark = backends.find(({ name, weight = 1 }) => weight > 0 && this.#ready(name) === 0);
    return dark === undefined
      ? ''
      : `the route gives ${dark.name}, which has no ready endpoint, weight ${dark.weight ?? 1}`;
  }

  #ready(service: string): number {
    return [...this.#slices.values()]
      .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service)
      .flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready === true).length;
  }
}

function versionOf({ object }: Change): number {
  return Number(object.metadata.resourceVersion);
}
