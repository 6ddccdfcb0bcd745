// Reading unknown JSON and YAML field by field: what is missing or of the wrong kind is null, never an exception.

export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; an empty one if it is none, so that readers can be chained. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string that says something; null for an empty one too, as kubeconfig files mean "not set" by it. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
