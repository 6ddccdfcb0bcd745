// References into other namespaces: the owner of what is referred to says who may, by an annotation on it.
import type { NamespacedName, Problem } from './canary.ts';

/** `ns1,ns2`, or `*` for every namespace. */
export const GRANT_ANNOTATION = 'serin.dev/allow-from';

export interface Reference {
  /** Namespace of the object that refers. */
  readonly from: string;
  /** Field of the reference, for the Problem: `spec.analysis.metrics[0].templateRef`. */
  readonly path: string;
  readonly to: NamespacedName & {
    readonly kind: string;
    /** As kubectl takes it: `metrictemplates.serin.dev`. */
    readonly resource: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
}

/** Null when the reference may be followed; else the refusal, with the command that grants it. */
export function refusedReference(
  { from, path, to }: Reference,
  options: { readonly allowCrossNamespace: boolean },
): Problem | null {
  if (from === to.namespace || options.allowCrossNamespace) return null;
  const given = Object.hasOwn(to.annotations, GRANT_ANNOTATION)
    ? (to.annotations[GRANT_ANNOTATION] ?? '')
    : '';
  const allowed = given
    .split(',')
    .map((namespace) => namespace.trim())
    .filter((namespace) => namespace !== '');
  if (allowed.includes('*') || allowed.includes(from)) return null;
  // Whom else it allows is not the reader's to know, so the command does not repeat it.
  const value = allowed.length === 0 ? from : `<namespaces that it has now>,${from}`;
  const command = `kubectl annotate -n ${to.namespace} ${to.resource} ${to.name} --overwrite '${GRANT_ANNOTATION}=${value}'`;
  return {
    reason: 'NotGranted',
    path,
    message: `${to.kind} ${to.namespace}/${to.name} is not open to namespace ${from}; its owner can open it: ${command}`,
  };
}
