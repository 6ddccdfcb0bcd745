// Which kind of error each answer of the API server is.
import { expect, test } from 'vitest';
import { asInstant } from '../../../src/clock/clock.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { refusalError } from '../../../src/client/failure.ts';
import { status } from './fake-server.ts';

const clock = new VirtualClock(asInstant(Date.UTC(2026, 0, 1)));
const cause = (reason: string) => ({ details: { causes: [{ reason, field: 'f', message: 'm' }] } });

function refusal(
  code: number,
  body: unknown,
  over: { retryAfter?: string; tested?: boolean } = {},
) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const { retryAfter = null, tested = false } = over;
  return refusalError('get pods a/b', { code, body: bytes, retryAfter, tested }, clock);
}

test.each([
  [400, 'BadRequest', 'invalid'],
  [401, 'Unauthorized', 'unauthorized'],
  [403, 'Forbidden', 'forbidden'],
  [404, 'NotFound', 'not-found'],
  [405, 'MethodNotAllowed', 'invalid'],
  [409, 'Conflict', 'conflict'],
  [409, 'AlreadyExists', 'already-exists'],
  [410, 'Expired', 'expired'],
  [410, 'Gone', 'expired'],
  [413, 'RequestEntityTooLarge', 'invalid'],
  [415, 'UnsupportedMediaType', 'invalid'],
  [422, 'Invalid', 'invalid'],
  [429, 'TooManyRequests', 'too-many-requests'],
  [500, 'InternalError', 'transient'],
  [503, 'ServiceUnavailable', 'transient'],
  [504, 'Timeout', 'transient'],
])('%i %s is %s', (code, reason, kind) => {
  const error = refusal(code, status(code, reason));
  expect(error).toMatchObject({ kind, code, reason });
  expect(error.message).toBe(`get pods a/b: ${reason} it is`);
});

test('a JSON Patch whose test failed is a conflict, one that makes an invalid object is invalid', () => {
  const generic = status(422, 'Invalid', { details: {} });
  expect(refusal(422, generic, { tested: true }).kind).toBe('conflict');
  expect(refusal(422, generic, { tested: false }).kind).toBe('invalid');
  const named = status(422, 'Invalid', cause('FieldValueInvalid'));
  expect(refusal(422, named, { tested: true }).kind).toBe('invalid');
});

test('a resourceVersion from the future is expired: list again without it', () => {
  const error = refusal(504, status(504, 'Timeout', cause('ResourceVersionTooLarge')));
  expect(error).toMatchObject({ kind: 'expired', reason: 'Timeout' });
});

test('the wait that the server asks for is read from header, date or details', () => {
  const busy = status(429, 'TooManyRequests', { details: { retryAfterSeconds: 3 } });
  expect(refusal(429, busy, { retryAfter: '7' }).retryAfterMs).toBe(7000);
  const date = 'Thu, 01 Jan 2026 00:00:09 GMT';
  expect(refusal(429, busy, { retryAfter: date }).retryAfterMs).toBe(9000);
  expect(refusal(429, busy).retryAfterMs).toBe(3000);
  expect(refusal(429, busy, { retryAfter: 'soon' }).retryAfterMs).toBe(3000);
  expect(refusal(429, status(429, 'TooManyRequests')).retryAfterMs).toBeNull();
});

test('an answer that is no Status is quoted, but never at length', () => {
  const error = refusal(404, '404 page not found\n');
  expect(error).toMatchObject({ kind: 'not-found', status: null });
  expect(error.message).toBe('get pods a/b: 404 404 page not found');
  expect(refusal(502, 'x'.repeat(10_000)).message.length).toBeLessThan(250);
});
