// Times on the wire: exactly what the API server takes, and only real times back.
import { expect, test } from 'vitest';
import { asInstant } from '../../../src/clock/clock.ts';
import { microTime, parseTime, rfc3339 } from '../../../src/clock/time-format.ts';

const instant = asInstant(Date.UTC(2026, 10, 23, 18, 12, 7, 45));

test('a MicroTime has exactly six fractional digits', () => {
  expect(microTime(instant)).toBe('2026-11-23T18:12:07.045000Z');
  expect(microTime(asInstant(0))).toBe('1970-01-01T00:00:00.000000Z');
});

test('a Time has whole seconds', () => {
  expect(rfc3339(instant)).toBe('2026-11-23T18:12:07Z');
});

test.each([
  ['2026-11-23T18:12:07Z', Date.UTC(2026, 10, 23, 18, 12, 7)],
  ['2026-11-23T18:12:07.045999Z', Date.UTC(2026, 10, 23, 18, 12, 7, 45)],
  ['2026-11-23T20:12:07+02:00', Date.UTC(2026, 10, 23, 18, 12, 7)],
  ['2024-02-29t00:00:00z', Date.UTC(2024, 1, 29)],
])('%s is read', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

test.each([
  '',
  'yesterday',
  '2026-11-23',
  '2026-02-30T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '1',
  '2026-13-01T00:00:00Z',
])('%j is not a time', (text) => {
  expect(parseTime(text)).toBeNull();
});
