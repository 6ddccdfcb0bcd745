// What a Canary claims for itself. Of two that claim the same, the older keeps it; the younger is told, and waits.
import type { Canary, Problem } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';

interface Claim {
  readonly path: string;
  readonly words: string;
  /** The same for everyone who claims the same. */
  readonly mark: string;
}

/** By the object: those of the stores are never changed, only replaced. */
const KNOWN = new WeakMap<KubeObject, readonly Claim[]>();

/** Marks of what a raw Canary claims, as far as its spec can be read. */
export function claimsOf(object: KubeObject): readonly Claim[] {
  const known = KNOWN.get(object);
  if (known !== undefined) return known;
  const claims = claimed(object);
  KNOWN.set(object, claims);
  return claims;
}

function claimed(object: KubeObject): readonly Claim[] {
  const spec = field(object['spec']);
  const target = field(spec['targetRef']);
  const service = field(spec['service']);
  const ingress = field(spec['ingressRef']);
  const namespace = object.metadata.namespace ?? '';
  const targetName = text(target['name']);
  const apex = text(service['name']) || targetName;
  const claims = [
    {
      path: 'spec.targetRef',
      words: `${text(target['kind'])} ${targetName}`,
      mark: `target/${text(target['kind'])}/${targetName}`,
    },
    { path: 'spec.service.name', words: `Service ${apex}`, mark: `service/${apex}` },
  ];
  const ingressName = text(ingress['name']);
  if (ingressName !== '') {
    claims.push({
      path: 'spec.ingressRef',
      words: `Ingress ${ingressName}`,
      mark: `ingress/${ingressName}`,
    });
  }
  return claims.map((claim) => ({ ...claim, mark: `claim/${namespace}/${claim.mark}` }));
}

/** The claims that an older Canary holds already. */
export function conflicts(
  canary: Canary,
  own: KubeObject,
  others: readonly KubeObject[],
): readonly Problem[] {
  const mine = claimsOf(own);
  return others
    .filter((other) => other.metadata.uid !== canary.uid && older(other, own))
    .flatMap((other) => {
      const theirs = new Set(claimsOf(other).map((claim) => claim.mark));
      return mine
        .filter((claim) => theirs.has(claim.mark))
        .map(({ path, words }) => ({
          reason: 'Conflict',
          path,
          message: `${words} is already taken by the older Canary ${other.metadata.name}`,
        }));
    });
}

function older(left: KubeObject, right: KubeObject): boolean {
  const age = (object: KubeObject): string =>
    `${object.metadata.creationTimestamp ?? ''}/${object.metadata.uid ?? ''}`;
  return age(left) < age(right);
}

function field(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
