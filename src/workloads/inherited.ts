// Which labels and annotations of a user's object its copy gets too.

/** Keys that tell another tool that the object is its own: on a copy they would be a lie, and some tools prune by them. */
const NEVER_COPIED = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/',
  'argocd.argoproj.io/',
  'serin.dev/',
];
const NEVER_COPIED_INSIDE = 'toolkit.fluxcd.io';

/** The entries whose key starts with one of `prefixes` (`*` = all), without the ones that name an owner or a state. */
export function inherited(
  record: Readonly<Record<string, string>> | undefined,
  prefixes: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record ?? {}).filter(
      ([key]) =>
        prefixes.some((prefix) => prefix === '*' || (prefix !== '' && key.startsWith(prefix))) &&
        !key.includes(NEVER_COPIED_INSIDE) &&
        !NEVER_COPIED.some((prefix) => key.startsWith(prefix)),
    ),
  );
}
