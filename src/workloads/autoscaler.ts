// The primary's own autoscaler, made of the one that the user keeps for the target.
import type { Canary } from '../api/canary.ts';
import type { HorizontalPodAutoscaler } from '../api/kubernetes.ts';
import { inherited } from './inherited.ts';

export interface ScalerOptions {
  /** Pods that traffic will need soon: raises the minimum for as long as it is given, never above the maximum. */
  readonly floorReplicas?: number | null;
  /** Label keys of the user's autoscaler that its copy gets too, by prefix; `*` = all. Default none. */
  readonly includePrefixes?: readonly string[];
}

/**
 * `<name>-primary`: the spec of the user's autoscaler (autoscaling/v2), aimed at the primary Deployment, with the
 * bounds that `spec.autoscalerRef.primaryScalerReplicas` overrides. Without owners, to be applied as a whole.
 */
export function primaryScaler(
  scaler: HorizontalPodAutoscaler,
  canary: Canary,
  options: ScalerOptions = {},
): HorizontalPodAutoscaler {
  const { autoscalerRef, targetRef } = canary.spec;
  const { floorReplicas = null, includePrefixes = [] } = options;
  const maxReplicas = autoscalerRef?.primaryMaxReplicas ?? scaler.spec.maxReplicas;
  const least = autoscalerRef?.primaryMinReplicas ?? scaler.spec.minReplicas ?? 1;
  return {
    apiVersion: scaler.apiVersion,
    kind: scaler.kind,
    metadata: {
      name: `${scaler.metadata.name}-primary`,
      namespace: canary.namespace,
      labels: inherited(scaler.metadata.labels, includePrefixes),
    },
    spec: {
      ...scaler.spec,
      scaleTargetRef: {
        apiVersion: targetRef.apiVersion,
        kind: targetRef.kind,
        name: `${targetRef.name}-primary`,
      },
      minReplicas: Math.min(maxReplicas, Math.max(least, floorReplicas ?? least)),
      maxReplicas,
    },
  };
}
