// Names of what Serin makes for a Canary. A name that would be too long is refused, never cut.
import type { CanarySpec } from './canary.ts';
import type { Findings } from './findings.ts';
import { BASE_NAME_MAX } from './schema/common.ts';

const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
/** Longest name of an object that is no Service: a DNS subdomain. */
const OBJECT_NAME_MAX = 253;

export interface Names {
  /** The Service that clients call; also the name of the route. */
  readonly apex: string;
  /** The Services of the two sides. */
  readonly primary: string;
  readonly canary: string;
  readonly target: string;
  /** The primary workload. */
  readonly targetPrimary: string;
  /** The scaler of the primary; null when the target has none. */
  readonly hpaPrimary: string | null;
  /** The copy of a ConfigMap or Secret of the target that the primary uses. */
  configCopy(kind: 'ConfigMap' | 'Secret', name: string): string;
}

export function namesOf(
  spec: Pick<CanarySpec, 'targetRef' | 'autoscalerRef'> & {
    readonly service: Pick<CanarySpec['service'], 'name'>;
  },
): Names {
  const apex = spec.service.name;
  return {
    apex,
    primary: `${apex}-primary`,
    canary: `${apex}-canary`,
    target: spec.targetRef.name,
    targetPrimary: `${spec.targetRef.name}-primary`,
    hpaPrimary: spec.autoscalerRef === null ? null : `${spec.autoscalerRef.name}-primary`,
    configCopy: (_kind, name) => `${name}-primary`,
  };
}

/**
 * Tells names that would not fit or that the API server would refuse. Services have 63 characters; workloads as well,
 * since label values and pod names are made of theirs.
 */
export function checkNames(
  names: {
    readonly target: string;
    readonly service: string | undefined;
    readonly hpa: string | null;
  },
  found: Findings,
): void {
  const tooLong = (path: string, name: string): boolean => {
    if (name.length <= BASE_NAME_MAX) return false;
    found.invalid(
      path,
      `must not be longer than ${BASE_NAME_MAX} characters: ${name}-primary would have ${name.length + 8}, and 63 are allowed`,
    );
    return true;
  };
  const targetTooLong = tooLong('spec.targetRef.name', names.target);
  if (names.service !== undefined) tooLong('spec.service.name', names.service);
  const apex = names.service ?? names.target;
  if (!SERVICE_NAME.test(apex) && !(names.service === undefined && targetTooLong)) {
    found.invalid(
      'spec.service.name',
      names.service === undefined
        ? `is needed here: the name of the target, ${apex}, cannot be that of a Service`
        : 'must be lower case letters, digits and dashes, beginning with a letter and not ending with a dash',
    );
  }
  if (names.hpa !== null && names.hpa.length + 8 > OBJECT_NAME_MAX) {
    found.invalid(
      'spec.autoscalerRef.name',
      `must not be longer than ${OBJECT_NAME_MAX - 8} characters, as ${names.hpa}-primary is made of it`,
    );
  }
}
