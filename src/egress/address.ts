// IP addresses and ranges as numbers: every spelling of one address is one value, IPv4 inside IPv6 included.
import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A range: the addresses whose first `bits` bits are those of `base`. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly bits: number;
  /** As it was written. */
  readonly text: string;
}

const LOW_32 = 0xffff_ffffn;
/** `::ffff:a.b.c.d` is the IPv4 address a.b.c.d, by another name. */
const MAPPED = 0xffffn;

/** An address as a resolver or a URL's host gives it (without brackets); null if it is none. A zone is dropped. */
export function parseAddress(text: string): Address | null {
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  if (isIPv4(bare)) return { family: 4, value: v4Value(bare) };
  if (!isIPv6(bare)) return null;
  const value = v6Value(bare);
  return value >> 32n === MAPPED ? { family: 4, value: value & LOW_32 } : { family: 6, value };
}

/** `10.0.0.0/8`, `fd00::/8` or a single address; null if it is none of these, or has bits set behind the prefix. */
export function parseCidr(text: string): Cidr | null {
  const [host = '', prefix, ...rest] = text.split('/');
  const address = host.includes('%') ? null : parseAddress(host);
  if (address === null || rest.length > 0) return null;
  const mapped = address.family === 4 && host.includes(':');
  const most = address.family === 4 && !mapped ? 32 : 128;
  if (prefix !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return null;
  const written = prefix === undefined ? most : Number(prefix);
  const bits = mapped ? written - 96 : written;
  if (written > most || bits < 0) return null;
  const shift = shiftOf(address.family, bits);
  if ((address.value >> shift) << shift !== address.value) return null;
  return { family: address.family, base: address.value, bits, text };
}

export function within(address: Address, cidr: Cidr): boolean {
  if (address.family !== cidr.family) return false;
  const shift = shiftOf(cidr.family, cidr.bits);
  return address.value >> shift === cidr.base >> shift;
}

/**
 * The address and every IPv4 address that a gateway on the way would make of it: IPv4-compatible, NAT64, 6to4, Teredo,
 * SIIT and ISATAP.
 */
export function disguises(address: Address): readonly Address[] {
  if (address.family === 4) return [address];
  const { value } = address;
  const low = value & LOW_32;
  const inner: bigint[] = [];
  const top96 = value >> 32n;
  if (top96 === 0n && low > 1n) inner.push(low);
  if (top96 === 0x0064_ff9b_0000_0000_0000_0000n || top96 === 0xffff_0000n) inner.push(low);
  if (value >> 80n === 0x0064_ff9b_0001n) inner.push(low, nat64Of48(value));
  if (value >> 112n === 0x2002n) inner.push((value >> 80n) & LOW_32);
  if (value >> 96n === 0x2001_0000n) inner.push(low ^ LOW_32, (value >> 64n) & LOW_32);
  if (((value >> 32n) & 0xfdff_ffffn) === 0x5efen) inner.push(low);
  return [address, ...inner.map((four): Address => ({ family: 4, value: four }))];
}

/** RFC 6052 puts the address of a /48 prefix around the reserved byte 8. */
function nat64Of48(value: bigint): bigint {
  return (((value >> 64n) & 0xffffn) << 16n) | ((value >> 40n) & 0xffffn);
}

function shiftOf(family: 4 | 6, bits: number): bigint {
  return BigInt((family === 4 ? 32 : 128) - bits);
}

function v4Value(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function v6Value(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const gap = Array<bigint>(8 - front.length - back.length).fill(0n);
  return [...front, ...gap, ...back].reduce((value, group) => (value << 16n) | group, 0n);
}

function groups(text: string): readonly bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const four = v4Value(group);
    return [four >> 16n, four & 0xffffn];
  });
}
