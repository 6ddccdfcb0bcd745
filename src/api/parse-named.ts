// What MetricTemplate and AlertProvider have in common: a name, annotations that grant, and a spec of a schema.
import type { NamespacedName, Problem } from './canary.ts';
import { isObject, textOf, textsOf } from './json.ts';
import { check } from './schema/check.ts';
import type { Schema } from './schema/schema.ts';

export interface Named<T> {
  readonly identity: NamespacedName & {
    readonly resourceVersion: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: T;
}

export type ParsedNamed<T> =
  | { readonly ok: true; readonly value: Named<T> }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Total: any JSON gives an answer. */
export function parseNamed<T>(schema: Schema<T>, raw: unknown): ParsedNamed<T> {
  const root = isObject(raw) ? raw : {};
  const metadata = isObject(root['metadata']) ? root['metadata'] : {};
  const checked = check(schema, root['spec'], 'spec');
  if (!checked.ok) return checked;
  const identity = {
    namespace: textOf(metadata['namespace']),
    name: textOf(metadata['name']),
    resourceVersion: textOf(metadata['resourceVersion']),
    annotations: textsOf(metadata['annotations']),
  };
  return { ok: true, value: { identity, spec: checked.value } };
}
