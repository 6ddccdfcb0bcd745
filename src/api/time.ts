// Times in our own status fields: RFC3339 in UTC with milliseconds.
import { asInstant } from '../clock/clock.ts';
import type { Instant } from '../clock/clock.ts';
import { microTime, parseTime as parseText } from '../clock/time-format.ts';

const FIRST_MS = -62_135_596_800_000; // 0001-01-01T00:00:00Z
const LAST_MS = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z
const EPOCH: Instant = asInstant(0);

/** Null for what is not a time. */
export function parseTime(text: unknown): Instant | null {
  return typeof text === 'string' ? parseText(text) : null;
}

/** As parseTime, but the epoch for what is not a time. */
export function parseTimeOrEpoch(text: unknown): Instant {
  return parseTime(text) ?? EPOCH;
}

/** `2026-01-31T08:00:00.000Z`; times before the year 1 or after 9999 are clamped, as RFC3339 cannot say them. */
export function formatTime(instant: Instant): string {
  const ms = Math.min(LAST_MS, Math.max(FIRST_MS, Math.floor(instant)));
  return `${microTime(asInstant(ms)).slice(0, -4)}Z`;
}
