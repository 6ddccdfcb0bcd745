// Durations as Go and Prometheus write them: 1h30m, 90s, 500ms.

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
// Escaped: one letter beyond Latin-1 would double the memory that the bundle's text takes.
const PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy;
/** Longer texts are not durations that a person wrote. */
const LENGTH_MAX = 64;

/** Whole milliseconds (rounded) of a Go duration without sign, or null when the text is not one. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  if (text === '' || text.length > LENGTH_MAX) return null;
  let total = 0;
  let end = 0;
  for (const part of text.matchAll(PART)) {
    const [whole, amount = '', unit = ''] = part;
    total += Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
    end += whole.length;
  }
  const ms = Math.round(total);
  return end === text.length && Number.isSafeInteger(ms) ? ms : null;
}

/** Text that Go and Prometheus both read, without zero parts: `1m30s`, `1s500ms`. Law: parse gives the number back. */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`not a duration: ${ms}`);
  if (ms === 0) return '0s';
  const parts = [
    [Math.floor(ms / 3_600_000), 'h'],
    [Math.floor(ms / 60_000) % 60, 'm'],
    [Math.floor(ms / 1000) % 60, 's'],
    [ms % 1000, 'ms'],
  ] as const;
  return parts.map(([amount, unit]) => (amount === 0 ? '' : `${amount}${unit}`)).join('');
}
