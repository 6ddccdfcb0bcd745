// The kinds of target that Serin can roll out; a new kind joins by being in this list.
import type { Problem } from '../api/canary.ts';
import { deployment } from './deployment.ts';
import type { WorkloadKind } from './kind.ts';

export const WORKLOADS: readonly WorkloadKind[] = [deployment];

/** Kinds that Flagger takes as targets and Serin does not yet. */
const NOT_BUILT = ['apps/v1/DaemonSet', 'v1/Service', 'serving.knative.dev/v1/Service'];

/** The kind by its full name, or null; `refusedTarget` says why. */
export function workloadFor(apiVersion: string, kind: string): WorkloadKind | null {
  return WORKLOADS.find((each) => each.apiVersion === apiVersion && each.kind === kind) ?? null;
}

/** Words for a kind that `workloadFor` does not know. */
export function refusedTarget(apiVersion: string, kind: string): Problem {
  const known = WORKLOADS.map((each) => `${each.apiVersion} ${each.kind}`).join(', ');
  const why = NOT_BUILT.includes(`${apiVersion}/${kind}`)
    ? 'is not built yet'
    : 'is not a kind of target';
  return {
    reason: 'UnsupportedTarget',
    path: 'spec.targetRef.kind',
    message: `${apiVersion} ${kind} ${why}; use ${known}`,
  };
}
