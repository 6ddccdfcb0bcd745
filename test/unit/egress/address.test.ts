// Addresses: every spelling of one address is one value.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disguises, parseAddress, parseCidr, within } from '../../../src/egress/address.ts';

const four = (text: string) => {
  const address = parseAddress(text);
  if (address === null) throw new Error(text);
  return address;
};

test.each([
  ['::ffff:169.254.169.254', '169.254.169.254'],
  ['::ffff:a9fe:a9fe', '169.254.169.254'],
  ['0:0:0:0:0:FFFF:127.0.0.1', '127.0.0.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['2001:DB8::', '2001:db8:0:0:0:0:0:0'],
])('%s is the address %s', (text, same) => {
  expect(parseAddress(text)).toEqual(parseAddress(same));
});

test.each([
  '',
  '1',
  '1.2.3',
  '01.2.3.4',
  '1.2.3.256',
  ':::',
  '1::2::3',
  'g::',
  '[::1]',
  'localhost',
])('%j is not an address', (text) => {
  expect(parseAddress(text)).toBeNull();
});

test.each([
  '10.0.0.1/8',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/',
  '::/129',
  'a/8',
  '1.2.3.4/8/8',
  '::ffff:0:0/95',
])('%j is not a range', (text) => {
  expect(parseCidr(text)).toBeNull();
});

test('a range of mapped addresses is the IPv4 range', () => {
  expect(parseCidr('::ffff:10.0.0.0/104')).toMatchObject({ family: 4, bits: 8 });
});

test('all of IPv6 holds no IPv4 address', () => {
  const all = parseCidr('::/0');
  if (all === null) throw new Error('::/0');
  expect(within(four('10.0.0.1'), all)).toBe(false);
});

test('an address is in a range when their first bits are the same', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(
      fc.tuple(byte, byte, byte, byte),
      fc.integer({ min: 0, max: 32 }),
      (bytes, bits) => {
        const value = bytes.reduce((sum, part) => sum * 256 + part, 0);
        const base = bits === 0 ? 0 : Math.floor(value / 2 ** (32 - bits)) * 2 ** (32 - bits);
        const parts = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
        const cidr = parseCidr(`${parts.join('.')}/${bits}`);
        if (cidr === null) throw new Error('no range');
        expect(within(four(bytes.join('.')), cidr)).toBe(true);
        const mapped = `::ffff:${bytes.join('.')}`;
        expect(within(four(mapped), cidr)).toBe(true);
      },
    ),
  );
});

describe('a gateway would turn it into 169.254.169.254', () => {
  test.each([
    ['IPv4-compatible', '::169.254.169.254'],
    ['NAT64', '64:ff9b::a9fe:a9fe'],
    ['local NAT64, /96', '64:ff9b:1::a9fe:a9fe'],
    ['local NAT64, /48', '64:ff9b:1:a9fe:a9:fe00::'],
    ['6to4', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:1:2:3:4:5601:5601'],
    ['Teredo server', '2001:0:a9fe:a9fe:3:4:5:6'],
    ['SIIT', '::ffff:0:a9fe:a9fe'],
    ['ISATAP', '2001:db8::5efe:a9fe:a9fe'],
    ['ISATAP, global', '2001:db8::200:5efe:a9fe:a9fe'],
  ])('%s', (_, text) => {
    expect(disguises(four(text))).toContainEqual(four('169.254.169.254'));
  });
});
