// Reading JSON of unknown shape: what is not as expected is as if it were absent.

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Empty for what is not a text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The entries that are texts. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
