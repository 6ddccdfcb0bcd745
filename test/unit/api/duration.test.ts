// Durations and times in texts.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/api/duration.ts';
import { formatTime, parseTime } from '../../../src/api/time.ts';
import { asInstant } from '../../../src/clock/clock.ts';

test.each([
  ['1m30s', 90_000],
  ['500ms', 500],
  ['1h', 3_600_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['0', 0],
  ['0s', 0],
  ['1h2m3s4ms', 3_723_004],
  ['1500us', 2],
])('%s are %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  '',
  '5',
  '1d',
  '-1s',
  '1m 30s',
  's',
  '1mm',
  '1s!',
  '9'.repeat(30) + 'h',
  '1'.repeat(80),
])('%s is no duration', (text) => {
  expect(parseDuration(text)).toBeNull();
});

test('what is formatted is parsed to the same', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 12 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
  expect([0, 90_000, 1500, 3_600_000].map(formatDuration)).toEqual([
    '0s',
    '1m30s',
    '1s500ms',
    '1h',
  ]);
});

test('a time is formatted with milliseconds and parsed to the same', () => {
  expect(formatTime(asInstant(1_769_846_400_005))).toBe('2026-01-31T08:00:00.005Z');
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(parseTime(formatTime(asInstant(ms)))).toBe(ms);
    }),
  );
});

test('a time that RFC3339 cannot say is clamped, not thrown', () => {
  expect(formatTime(asInstant(1e300))).toBe('9999-12-31T23:59:59.999Z');
  expect(formatTime(asInstant(-1e300))).toBe('0001-01-01T00:00:00.000Z');
});
