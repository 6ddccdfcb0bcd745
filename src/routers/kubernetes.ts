// Plain Kubernetes: the apex Service always selects the primary; the canary is judged without user traffic.
import { NO_WEIGHT } from '../api/canary.ts';
import type { CanarySpec, Problem } from '../api/canary.ts';
import { asInstant } from '../clock/clock.ts';
import { APP_QUERIES } from './builtin-queries.ts';
import type { RouterProvider } from './provider.ts';
import { problem } from './route-objects.ts';
import { withoutEffect } from './without-effect.ts';

export const kubernetes: RouterProvider = {
  name: 'kubernetes',
  can: { weight: false, mirror: false, match: false, sessionAffinity: false },
  confirms: { by: 'status' },
  kinds: [],
  needs: () => [],
  validate: (spec) => ({ refused: unweighted(spec), warned: ignored(spec) }),
  missing: () => [],
  render: () => [],
  // There is no object that could say otherwise, so the route is the one that status asks for.
  read: ({ canary }) => ({
    kind: 'ours',
    route: {
      kind: 'split',
      canary: NO_WEIGHT,
      revision: canary.status.lastAppliedSpec,
      step: canary.status.rollout?.step ?? 0,
    },
    writtenAt: asInstant(0),
    intact: true,
    accepted: { kind: 'yes' },
  }),
  builtin: APP_QUERIES,
};

/** Flagger runs ten iterations without traffic here, which is less than the user asked for. */
function unweighted({ analysis, skipAnalysis }: CanarySpec): readonly Problem[] {
  if (analysis.strategy.kind !== 'weighted' || skipAnalysis) return [];
  return [
    problem(
      'spec.analysis',
      'provider kubernetes cannot split traffic by weight: give iterations in place of stepWeight, stepWeights and maxWeight, or choose a provider that can',
    ),
  ];
}

function ignored(spec: CanarySpec): readonly Problem[] {
  const why = 'provider kubernetes routes by Services alone';
  return [
    ...withoutEffect(spec, why),
    ...(spec.ingressRef === null ? [] : [problem('spec.ingressRef', `has no effect: ${why}`)]),
  ];
}
