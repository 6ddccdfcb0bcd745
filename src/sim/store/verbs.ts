// How the store's verbs are called.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Writer } from './change.ts';
import type { KindRegistry } from './kinds.ts';
import type { Propagation, Subresource } from './lifetime.ts';
import type { Attempt } from './refusals.ts';

export interface StoreOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Default: every object is taken as it is. */
  readonly kinds?: KindRegistry;
}

export interface WriteHow {
  /** `finalize` empties the finalizers in the spec of a Namespace. */
  readonly subresource?: Subresource;
  /** Says what would be stored, and stores nothing. */
  readonly dryRun?: boolean;
}

export interface DeleteHow {
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Default Background. */
  readonly propagationPolicy?: Propagation;
}

/** A write on its way. */
export interface Writing extends WriteHow {
  readonly by: Writer;
  /** It has its managed fields already. */
  readonly applied?: boolean;
}

/** An update on its way. */
export interface Renewal extends Writing {
  readonly attempt: Attempt;
  readonly live: KubeObject;
}
