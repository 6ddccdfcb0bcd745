// Order of resourceVersions of one resource: they are decimal numbers too big for a JavaScript number.

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/**
 * Below 0 if `a` is older than `b`, 0 if equal, above 0 if newer; null if they cannot be compared (an aggregated API
 * server may hand out anything). Only versions of the same resource of one cluster may be compared.
 */
export function compareResourceVersions(a: string, b: string): number | null {
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return null;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}
