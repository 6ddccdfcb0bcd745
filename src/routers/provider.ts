// What a router is to Serin: pure translations between a route and objects, and what it can do. It never talks to a cluster.
import type { Canary, CanarySpec, Problem, Weight } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Instant } from '../clock/clock.ts';

/** A kind of object that a router reads or writes. */
export interface RouterKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

/** Where requests for the apex go. */
export type Route =
  /** Between primary and canary; written for one revision and step, which the object carries. */
  | {
      readonly kind: 'split';
      readonly canary: Weight;
      readonly revision: string;
      readonly step: number;
    }
  /**
   * To the apex Service: alone, as it is left behind when a Canary is deleted; or, `trailing`, with primary and canary
   * still named at weight 0. Routers that need no such stage render both alike.
   */
  | { readonly kind: 'apex'; readonly trailing?: true };

/** What the live objects say. */
export type RouteState =
  | { readonly kind: 'absent' }
  /** An object of the name that we need belongs to somebody else. */
  | { readonly kind: 'foreign'; readonly object: string }
  | {
      readonly kind: 'ours';
      readonly route: Route;
      /** When it was written, from the annotation that the same write set. */
      readonly writtenAt: Instant;
      /** False when anything that Serin renders differs in the cluster: somebody changed it. */
      readonly intact: boolean;
      /** What the data plane's owner says: obeyed, not yet, or refused with words. */
      readonly accepted:
        | { readonly kind: 'yes' }
        | { readonly kind: 'waiting'; readonly why: string }
        | { readonly kind: 'refused'; readonly why: string };
    };

/** Names and metadata that a router needs; all in the Canary's namespace. */
export interface RouterInput {
  readonly canary: Canary;
  readonly spec: CanarySpec;
  /** Live objects of the router's kinds by `<kind>/<name>`: ours, and the ones that `needs` named. */
  readonly objects: ReadonlyMap<string, KubeObject>;
}

export interface RouterProvider {
  /** As in `spec.provider`. */
  readonly name: string;
  readonly can: {
    readonly weight: boolean;
    readonly mirror: boolean;
    readonly match: boolean;
    readonly sessionAffinity: boolean;
  };
  /** How a written route becomes a fact: by its status, or `settleMs` after the write. */
  readonly confirms:
    | { readonly by: 'status' }
    | { readonly by: 'settle'; readonly settleMs: number };
  readonly kinds: readonly RouterKind[];
  /** Objects that are read: `<kind>/<name>`, ours and the user's. */
  needs(spec: CanarySpec): readonly string[];
  /** What in this spec the router cannot do. `refused` stops the Canary, `warned` has no effect in Flagger either. */
  validate(spec: CanarySpec): {
    readonly refused: readonly Problem[];
    readonly warned: readonly Problem[];
  };
  /** What is wrong with the user's objects that the router builds on: a missing Ingress, for one. */
  missing(input: RouterInput): readonly Problem[];
  /**
   * The objects that make `route` true, to be applied by server-side apply with the manager `serin`. Without owner
   * references and resourceVersion; with annotations that say revision, step and `writtenAt`.
   * Law: `read` of what `render` gives (as the server would return it) is `route`, intact.
   */
  render(input: RouterInput, route: Route, writtenAt: Instant): readonly KubeObject[];
  read(input: RouterInput): RouteState;
  /** PromQL for the builtin metrics `request-success-rate` (percent) and `request-duration` (milliseconds, p99). */
  readonly builtin: Readonly<Record<string, string>>;
}

/** `serin.dev/` annotations that a rendered route carries. */
export const ROUTE_ANNOTATIONS = {
  revision: 'serin.dev/revision',
  step: 'serin.dev/step',
  writtenAt: 'serin.dev/written-at',
} as const;
