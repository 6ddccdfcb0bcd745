// Affinity and spread rules that speak of the target's own pods, turned to speak of the primary's, and back.
import type { LabelSelector, PodTemplate } from '../api/kubernetes.ts';

/** The label whose value tells the target's pods from the primary's. */
export interface OwnLabel {
  readonly key: string;
  readonly target: string;
  readonly primary: string;
}

interface Term {
  readonly labelSelector?: LabelSelector;
  readonly [field: string]: unknown;
}

interface PodRules {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly Term[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly podAffinityTerm?: Term;
    readonly [field: string]: unknown;
  }[];
  readonly [field: string]: unknown;
}

interface Scheduling {
  readonly affinity?: {
    readonly podAffinity?: PodRules;
    readonly podAntiAffinity?: PodRules;
    readonly [field: string]: unknown;
  };
  readonly topologySpreadConstraints?: readonly Term[];
}

/**
 * The pod spec with the two values of the label exchanged in every rule. An exchange rather than a replacement: a rule
 * of the target that already keeps its distance from the primary then keeps the primary's from the target, and doing
 * it twice gives the first spec again. Own affinity is turned as well, else the primary's first pod could not be placed.
 */
export function exchanged(spec: PodTemplate['spec'], own: OwnLabel): PodTemplate['spec'] {
  const { affinity, topologySpreadConstraints } = spec as Scheduling;
  return {
    ...spec,
    ...(affinity && {
      affinity: {
        ...affinity,
        ...(affinity.podAffinity && { podAffinity: inRules(affinity.podAffinity, own) }),
        ...(affinity.podAntiAffinity && {
          podAntiAffinity: inRules(affinity.podAntiAffinity, own),
        }),
      },
    }),
    ...(topologySpreadConstraints && {
      topologySpreadConstraints: topologySpreadConstraints.map((term) => inTerm(term, own)),
    }),
  };
}

function inRules(rules: PodRules, own: OwnLabel): PodRules {
  const required = rules.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = rules.preferredDuringSchedulingIgnoredDuringExecution;
  return {
    ...rules,
    ...(required && {
      requiredDuringSchedulingIgnoredDuringExecution: required.map((term) => inTerm(term, own)),
    }),
    ...(preferred && {
      preferredDuringSchedulingIgnoredDuringExecution: preferred.map((weighted) => ({
        ...weighted,
        ...(weighted.podAffinityTerm && { podAffinityTerm: inTerm(weighted.podAffinityTerm, own) }),
      })),
    }),
  };
}

function inTerm(term: Term, own: OwnLabel): Term {
  const selector = term.labelSelector;
  if (selector === undefined) return term;
  const { matchLabels, matchExpressions } = selector;
  const value = matchLabels?.[own.key];
  return {
    ...term,
    labelSelector: {
      ...selector,
      ...(value === undefined
        ? {}
        : { matchLabels: { ...matchLabels, [own.key]: other(value, own) } }),
      ...(matchExpressions && {
        matchExpressions: matchExpressions.map((expression) =>
          expression.key === own.key && expression.values !== undefined
            ? { ...expression, values: expression.values.map((each) => other(each, own)) }
            : expression,
        ),
      }),
    },
  };
}

function other(value: string, own: OwnLabel): string {
  if (value === own.target) return own.primary;
  return value === own.primary ? own.target : value;
}
