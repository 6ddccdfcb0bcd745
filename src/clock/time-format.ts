// Times as Kubernetes writes and reads them.
import { asInstant, type Instant } from './clock.ts';

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** `metav1.MicroTime`: the API server takes exactly six fractional digits, for Leases and events.k8s.io Events. */
export function microTime(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, -1)}000Z`;
}

/** `metav1.Time`: whole seconds, the rest cut off. */
export function rfc3339(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

/** Any RFC 3339 time, kept to the millisecond; null if the text is not one. */
export function parseTime(text: string): Instant | null {
  if (!RFC3339.test(text)) return null;
  const epochMs = Date.parse(text.toUpperCase());
  return Number.isNaN(epochMs) || !dayExists(text) ? null : asInstant(epochMs);
}

/** `Date.parse` turns 30 February into 2 March, and hour 24 into the next day. */
function dayExists(text: string): boolean {
  const seconds = text.slice(0, 19).toUpperCase();
  return new Date(`${seconds}Z`).toISOString().slice(0, 19) === seconds;
}

/** The date form of an HTTP header such as Retry-After; null if the text is not one. */
export function parseHttpDate(text: string): Instant | null {
  const epochMs = /^[A-Za-z]{3}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(epochMs) ? null : asInstant(epochMs);
}
