// Lines come out the same wherever the network cut the bytes.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter, LineTooLong } from '../../../src/client/lines.ts';

function split(bytes: Buffer, cuts: readonly number[], bytesMax = 1000): string[] {
  const splitter = new LineSplitter(bytesMax);
  const places = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)];
  const lines = places.flatMap((start, index) => [
    ...splitter.push(bytes.subarray(start, places[index + 1] ?? bytes.length)),
  ]);
  const rest = splitter.rest();
  return rest === '' ? lines : [...lines, rest];
}

test('any cut, also inside a UTF-8 character, gives the same lines', () => {
  const line = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map(oneLine);
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(500)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      expect(split(bytes, cuts)).toEqual(lines);
    }),
    { numRuns: 500 },
  );
});

test('empty lines are left out and a last line without newline is kept apart', () => {
  const splitter = new LineSplitter(100);
  expect([...splitter.push(Buffer.from('a\n\n\nb\nc'))]).toEqual(['a', 'b']);
  expect(splitter.rest()).toBe('c');
  expect(splitter.rest()).toBe('');
});

test('a line above the limit is refused before it is whole', () => {
  const splitter = new LineSplitter(10);
  expect([...splitter.push(Buffer.from('0123456789\n'))]).toEqual(['0123456789']);
  expect([...splitter.push(Buffer.from('01234'))]).toEqual([]);
  expect(() => [...splitter.push(Buffer.from('567890'))]).toThrow(LineTooLong);
});

function oneLine(text: string): string {
  // Lone surrogates do not survive UTF-8, which is not what this is about.
  return text.toWellFormed().replaceAll('\n', '·');
}
