// Figures of many measurements.

/** The value below which the given part (0 to 1) of the others lies; null of nothing. */
export function quantile(values: Iterable<number>, part: number): number | null {
  const sorted = [...values].toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : round(milliseconds / 1000);
}

/** The slope of values over time by least squares; 0 of fewer than two points. */
export function slope(points: readonly (readonly [at: number, value: number])[]): number {
  const count = points.length;
  const meanAt = points.reduce((sum, [at]) => sum + at, 0) / count;
  const mean = points.reduce((sum, [, value]) => sum + value, 0) / count;
  const spread = points.reduce((sum, [at]) => sum + (at - meanAt) ** 2, 0);
  if (spread === 0) return 0;
  return points.reduce((sum, [at, value]) => sum + (at - meanAt) * (value - mean), 0) / spread;
}

/** Does the work on all of them, so many at once. */
export async function inTurn<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const one = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}
