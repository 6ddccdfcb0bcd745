// A World together with the live objects that it was made of: what `apply` needs to make a decision come true.
import type { ParsedCanary } from '../api/canary.ts';
import type {
  Deployment,
  HorizontalPodAutoscaler,
  KubeObject,
  Service,
} from '../api/kubernetes.ts';
import type { Names } from '../api/names.ts';
import type { World } from '../decision/world.ts';
import type { RouterInput, RouterProvider } from '../routers/provider.ts';
import type { ConfigRef, WorkloadKind } from '../workloads/kind.ts';

/** A config that is part of the revision, as it is now. */
export interface TrackedConfig {
  readonly ref: ConfigRef;
  /** `configmap/<name>` or `secret/<name>`. */
  readonly key: string;
  /** 16 hex digits. */
  readonly digest: string;
  readonly version: string;
}

export interface Scene {
  readonly key: string;
  readonly parsed: ParsedCanary;
  readonly world: World;
  readonly canary: KubeObject;
  readonly kind: WorkloadKind;
  readonly names: Names;
  readonly label: { readonly key: string; readonly value: string };
  readonly target: Deployment | null;
  readonly primary: Deployment | null;
  readonly apex: Service | null;
  readonly scaler: HorizontalPodAutoscaler | null;
  readonly primaryScaler: HorizontalPodAutoscaler | null;
  readonly configs: readonly TrackedConfig[];
  readonly router: RouterProvider;
  readonly routerInput: RouterInput;
}

/** A Canary whose spec cannot be read, with no world around it. */
export interface Unreadable {
  readonly key: string;
  readonly parsed: ParsedCanary;
  readonly canary: KubeObject;
}
