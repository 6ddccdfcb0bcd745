// Hooks that this operator may not obey.
import type { CanarySpec, Problem } from '../api/canary.ts';

/** Commands in pods need a right that an operator has only where somebody said so. */
export function refusedHooks(
  { execEnabled }: { readonly execEnabled: boolean },
  { analysis }: CanarySpec,
): readonly Problem[] {
  if (execEnabled) return [];
  return analysis.webhooks.flatMap(({ type }, index) =>
    type === 'exec'
      ? [{ reason: 'ExecNotEnabled', path: `spec.analysis.webhooks[${index}].type`, message }]
      : [],
  );
}

const message =
  'this operator runs no commands in pods: start it with --enable-exec (exec.enabled in the chart), or remove the webhook';
