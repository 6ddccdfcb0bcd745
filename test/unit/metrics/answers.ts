// Answers to a query as Prometheus gives them, and as something else might.
import type { NoSampleReason } from '../../../src/analysis/sample.ts';

export function vector(...values: readonly unknown[]): string {
  const result = values.map((value) => ({ metric: {}, value: [1_767_225_600.123, value] }));
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
}

export function answered(resultType: unknown, result: unknown): string {
  return JSON.stringify({ status: 'success', data: { resultType, result } });
}

function failed(errorType: unknown): string {
  return JSON.stringify({ status: 'error', errorType, error: 'planted-secret' });
}

const histogram = { metric: {}, histogram: [1, { count: '1', sum: '2', buckets: [] }] };
const deep = 200_000;

/** What came, with which status, and why it is no number. `planted-secret` must not come out again. */
export const BAD_ANSWERS: readonly (readonly [string, number, string, NoSampleReason])[] = [
  ['an empty vector', 200, vector(), 'NoData'],
  ['two series', 200, vector('1', '2'), 'SeveralSeries'],
  ['the same series twice', 200, vector('1', '1'), 'SeveralSeries'],
  ['NaN', 200, vector('NaN'), 'NotANumber'],
  ['+Inf', 200, vector('+Inf'), 'NotANumber'],
  ['-Inf', 200, vector('-Inf'), 'NotANumber'],
  ['Inf', 200, vector('Inf'), 'NotANumber'],
  ['1e400', 200, vector('1e400'), 'NotANumber'],
  ['-1e400', 200, vector('-1e400'), 'NotANumber'],
  ['a scalar NaN', 200, answered('scalar', [1, 'NaN']), 'NotANumber'],
  ['an empty value', 200, vector(''), 'BadAnswer'],
  ['a blank value', 200, vector(' '), 'BadAnswer'],
  ['a value with a blank', 200, vector(' 1'), 'BadAnswer'],
  ['a hexadecimal value', 200, vector('0x10'), 'BadAnswer'],
  ['infinity spelled out', 200, vector('Infinity'), 'BadAnswer'],
  ['a value with a comma', 200, vector('1,5'), 'BadAnswer'],
  ['a text', 200, vector('planted-secret'), 'BadAnswer'],
  ['a bare number', 200, vector(1), 'BadAnswer'],
  ['a bare 1e400', 200, vector('@').replace('"@"', '1e400'), 'BadAnswer'],
  ['null', 200, vector(null), 'BadAnswer'],
  ['true', 200, vector(true), 'BadAnswer'],
  ['a list as value', 200, vector(['1']), 'BadAnswer'],
  ['an object as value', 200, vector({ toString: '1' }), 'BadAnswer'],
  ['a point without value', 200, answered('vector', [{ metric: {}, value: [1] }]), 'BadAnswer'],
  ['a point of three', 200, answered('vector', [{ value: [1, '2', '3'] }]), 'BadAnswer'],
  ['an empty point', 200, answered('vector', [{ value: [] }]), 'BadAnswer'],
  ['a point without time', 200, answered('vector', [{ value: ['1', '2'] }]), 'BadAnswer'],
  ['a series without point', 200, answered('vector', [{}]), 'BadAnswer'],
  ['a null series', 200, answered('vector', [null]), 'BadAnswer'],
  ['a number as series', 200, answered('vector', [1]), 'BadAnswer'],
  ['a point as series', 200, answered('vector', [[1, '2']]), 'BadAnswer'],
  ['a vector that is an object', 200, answered('vector', { 0: { value: [1, '2'] } }), 'BadAnswer'],
  ['a vector that is null', 200, answered('vector', null), 'BadAnswer'],
  ['a histogram', 200, answered('vector', [histogram]), 'BadQuery'],
  ['a matrix', 200, answered('matrix', [{ metric: {}, values: [[1, '2']] }]), 'BadQuery'],
  ['a string', 200, answered('string', [1, '2']), 'BadQuery'],
  ['another type', 200, answered('planted-secret', [1, '2']), 'BadAnswer'],
  ['a type that is a list', 200, answered(['vector'], [{ value: [1, '2'] }]), 'BadAnswer'],
  ['no type', 200, '{"status":"success","data":{"result":[]}}', 'BadAnswer'],
  ['no data', 200, '{"status":"success"}', 'BadAnswer'],
  ['null data', 200, '{"status":"success","data":null}', 'BadAnswer'],
  ['no status', 200, '{"data":{"resultType":"scalar","result":[1,"2"]}}', 'BadAnswer'],
  ['another status', 200, vector('1').replace('success', 'partial'), 'BadAnswer'],
  ['an error with 200', 200, failed('internal'), 'Unreachable'],
  [
    'an error, then success',
    200,
    vector('1').replace('{', '{"status":"success","status":"error","x":{').replace(/$/, '}'),
    'BadAnswer',
  ],
  ['success of an error', 500, vector('1'), 'Unreachable'],
  ['a success with 203', 203, vector('1'), 'BadAnswer'],
  ['a prototype', 200, `{"__proto__":${vector('1')}}`, 'BadAnswer'],
  [
    'a nested prototype',
    200,
    '{"status":"success","data":{"__proto__":{"resultType":"scalar","result":[1,"2"]}}}',
    'BadAnswer',
  ],
  ['an inherited name', 200, '{"status":"success","data":"constructor"}', 'BadAnswer'],
  ['HTML', 200, '<html><body>planted-secret</body></html>', 'BadAnswer'],
  ['nothing', 200, '', 'BadAnswer'],
  ['null alone', 200, 'null', 'BadAnswer'],
  ['a number alone', 200, '100', 'BadAnswer'],
  ['a text alone', 200, '"planted-secret"', 'BadAnswer'],
  ['a list alone', 200, '[1,"2"]', 'BadAnswer'],
  ['half of it', 200, vector('1').slice(0, -3), 'BadAnswer'],
  ['two of it', 200, vector('1') + vector('1'), 'BadAnswer'],
  ['JSON with a comment', 200, `${vector('1')}// planted-secret`, 'BadAnswer'],
  ['a bare NaN', 200, vector('@').replace('"@"', 'NaN'), 'BadAnswer'],
  ['deep lists', 200, '['.repeat(deep) + ']'.repeat(deep), 'BadAnswer'],
  ['lists without end', 200, '['.repeat(deep), 'BadAnswer'],
  ['deep objects', 200, '{"a":'.repeat(deep) + '1' + '}'.repeat(deep), 'BadAnswer'],
  ['too much of it', 200, vector(`1${'0'.repeat(1024 * 1024)}`), 'BadAnswer'],
  ['bad data', 400, failed('bad_data'), 'BadQuery'],
  ['a query that cannot be executed', 422, failed('execution'), 'BadQuery'],
  ['a query that took too long', 503, failed('timeout'), 'Timeout'],
  ['a query that was given up', 503, failed('canceled'), 'Unreachable'],
  ['an internal error', 500, failed('internal'), 'Unreachable'],
  ['an unknown error', 404, failed('planted-secret'), 'BadAnswer'],
  ['an error that is no text', 404, failed({ a: 'planted-secret' }), 'BadAnswer'],
  ['no such page', 404, 'planted-secret', 'BadAnswer'],
  ['no credentials', 401, 'planted-secret', 'Refused'],
  ['forbidden', 403, 'planted-secret', 'Refused'],
  ['too many requests', 429, 'planted-secret', 'Unreachable'],
  ['a broken gateway', 502, '<html>planted-secret</html>', 'Unreachable'],
  ['a redirect', 302, 'planted-secret', 'BadAnswer'],
  ['no content', 204, '', 'BadAnswer'],
];
