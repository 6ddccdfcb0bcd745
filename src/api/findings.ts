// What parsing found: problems that stop a Canary, and warnings about what has no effect.
import type { Problem } from './canary.ts';
import { parseDuration } from './duration.ts';
import { quote } from './schema/check.ts';

export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** The field is wrong. */
  invalid(path: string, message: string): void {
    this.problems.push({ reason: 'InvalidSpec', path, message });
  }

  /** The field is right, but Serin cannot do what it asks for. */
  notSupported(path: string, message: string): void {
    this.problems.push({ reason: 'NotSupported', path, message });
  }

  /** The field is accepted, but does not do what its author may expect. */
  noEffect(path: string, message: string): void {
    this.warnings.push({ reason: 'NoEffect', path, message });
  }

  warn(reason: string, path: string, message: string): void {
    this.warnings.push({ reason, path, message });
  }
}

/** Milliseconds of a duration field within inclusive bounds; `fallbackMs` when it is not given or wrong. */
export function readDuration(
  text: string | undefined,
  place: { readonly path: string; readonly found: Findings },
  bounds: { readonly fallbackMs: number; readonly min: string; readonly max: string },
): number {
  if (text === undefined || text === '') return bounds.fallbackMs;
  const ms = parseDuration(text);
  if (ms === null) {
    place.found.invalid(place.path, `is not a duration like 30s or 1m30s: ${quote(text)}`);
    return bounds.fallbackMs;
  }
  const least = parseDuration(bounds.min) ?? 0;
  const most = parseDuration(bounds.max) ?? Number.MAX_SAFE_INTEGER;
  if (ms >= least && ms <= most) return ms;
  const bound = ms < least ? `at least ${bounds.min}` : `at most ${bounds.max}`;
  place.found.invalid(place.path, `must be ${bound}; it is ${quote(text)}`);
  return bounds.fallbackMs;
}
