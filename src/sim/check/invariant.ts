// What an invariant is to the checker: a name, and a guard that looks at each commit and at the end.
import type { Patch, Resource, ObjectKey } from '../../client/client.ts';
import type { Change } from '../store/change.ts';
import type { Cases } from './cases.ts';
import type { Truth } from './truth.ts';

/** A write as the operator asked for it: its preconditions cannot be seen from the commit. */
export interface AskedWrite {
  readonly verb: 'create' | 'update' | 'patch' | 'scale' | 'delete' | 'deleteCollection';
  readonly resource: Resource;
  readonly key: ObjectKey;
  readonly patch?: Patch['type'];
  /** In the body, in the patch or among the options of the deletion. */
  readonly resourceVersion?: string;
  readonly uid?: string;
}

export interface Bench {
  readonly truth: Truth;
  readonly cases: Cases;
  /** The antecedent held, which is counted; a text says how the invariant was broken, null that it was kept. */
  judge(broken: string | null): void;
}

/** Looks on for one run. What it must remember is its own. */
export interface Guard {
  commit?(change: Change): void;
  asked?(write: AskedWrite): void;
  finish?(): void;
}

export interface Invariant {
  readonly id: string;
  readonly title: string;
  guard(bench: Bench): Guard;
}
