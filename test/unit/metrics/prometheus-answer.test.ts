// Reading Prometheus' answers: one finite number or a reason, and never a word of the answer.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPrometheusAnswer } from '../../../src/metrics/prometheus-answer.ts';
import { answered, BAD_ANSWERS, vector } from './answers.ts';

function read(body: string, status = 200) {
  return readPrometheusAnswer({ status, body: Buffer.from(body) });
}

test.each([
  ['99.5', 99.5],
  ['0', 0],
  ['-1', -1],
  ['+2', 2],
  ['1e-3', 0.001],
  ['1.7976931348623157e+308', Number.MAX_VALUE],
  ['.5', 0.5],
  ['5.', 5],
])('a vector of %s is a number', (text, value) => {
  expect(read(vector(text))).toEqual({ kind: 'number', value });
  expect(read(answered('scalar', [1_767_225_600, text]))).toEqual({ kind: 'number', value });
});

test('warnings and unknown members beside a number do not matter', () => {
  const body = vector('1').replace('{', '{"warnings":["x"],"infos":["y"],"more":{},');
  expect(read(body)).toEqual({ kind: 'number', value: 1 });
});

test('every finite number that Prometheus can write is read as it is', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(read(vector(String(value)))).toEqual({ kind: 'number', value: Number(String(value)) });
    }),
  );
});

test('bytes that are not UTF-8 are not an answer', () => {
  const body = Buffer.from(vector('1').replace('metric', 'm\u00e4'), 'latin1');
  expect(readPrometheusAnswer({ status: 200, body })).toMatchObject({ reason: 'BadAnswer' });
});

const withoutLimits = BAD_ANSWERS.filter(
  ([name, status]) => name !== 'too much of it' && status !== 302,
);

test.each(withoutLimits)('%s (%i) is no number', (_, status, body, reason) => {
  const sample = read(body, status);
  expect(sample).toMatchObject({ kind: 'none', reason });
  expect(JSON.stringify(sample)).not.toContain('planted-secret');
  expect(JSON.stringify(sample).length).toBeLessThan(300);
});

test('no answer of random JSON in the right places is a number unless it has the form of one', () => {
  const point = fc.oneof(
    fc.json(),
    fc.constant('[1,"2"]'),
    fc.constant('[1,"NaN"]'),
    fc.constant('[1,2]'),
  );
  const type = fc.constantFrom('vector', 'scalar', 'matrix', 'string', '__proto__');
  fc.assert(
    fc.property(type, point, fc.integer({ min: 0, max: 3 }), (resultType, value, count) => {
      const series = `{"metric":{},"value":${value}}`;
      const result = resultType === 'scalar' ? value : `[${Array(count).fill(series).join(',')}]`;
      const body = `{"status":"success","data":{"resultType":"${resultType}","result":${result}}}`;
      const sample = read(body);
      const one = resultType === 'scalar' || (resultType === 'vector' && count === 1);
      expect(sample.kind === 'number').toBe(one && value === '[1,"2"]');
    }),
    { numRuns: 3000 },
  );
});

test('no bytes make the reader throw', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 100, max: 599 }),
      (body, status) => {
        expect(readPrometheusAnswer({ status, body }).kind).toBe('none');
      },
    ),
    { numRuns: 2000 },
  );
});
