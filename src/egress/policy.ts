// Where Serin may call on behalf of a user's object: judged by the URL first, by every address of its host afterwards.
import type { Problem } from '../api/canary.ts';
import { type Address, type Cidr, disguises, parseAddress, parseCidr, within } from './address.ts';

/** Hosts and ranges of `--egress-allow` or `--egress-deny`. */
export interface EgressRules {
  readonly cidrs: readonly Cidr[];
  readonly hosts: readonly HostRule[];
}

export interface HostRule {
  /** Lower case, without a dot at either end. */
  readonly suffix: string;
  /** False for `*.example.com`: the name itself is not meant. */
  readonly itself: boolean;
}

export interface EgressPolicy {
  /** `refused` when Serin runs in a cluster: its own pod's ports are nobody's metrics server. */
  readonly loopback: 'allowed' | 'refused';
  /** When not empty, nothing else is called. */
  readonly allow: EgressRules;
  /** Wins over `allow`. */
  readonly deny: EgressRules;
}

export const NO_RULES: EgressRules = { cidrs: [], hosts: [] };

/** Longest URL that is called, in characters. */
export const URL_CHARS_MAX = 16_384;

export type UrlJudgement =
  | { readonly kind: 'allowed'; readonly url: URL; readonly host: string }
  | { readonly kind: 'refused'; readonly why: string };

const LINK_LOCAL = ranges('169.254.0.0/16', 'fe80::/10');
/** Metadata services of clouds that are not link-local. */
const METADATA = ranges(
  'fd00:ec2::/32',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
);
const NOT_ONE_HOST = ranges('224.0.0.0/4', 'ff00::/8', '255.255.255.255/32');
/** Connecting to the unspecified address reaches this host. */
const LOOPBACK = ranges('127.0.0.0/8', '::1/128', '0.0.0.0/8', '::/128');
const METADATA_HOSTS: readonly HostRule[] = [
  { suffix: 'metadata.google.internal', itself: true },
  { suffix: 'metadata.goog', itself: true },
  { suffix: 'instance-data.ec2.internal', itself: true },
];
const LOCAL_HOSTS: readonly HostRule[] = [
  { suffix: 'localhost', itself: true },
  { suffix: 'localhost.localdomain', itself: true },
];

/** Entries of a flag: addresses, CIDRs, host names with all below them (`example.com`), or only those (`*.example.com`). */
export function parseEgressRules(
  flag: string,
  entries: readonly string[],
): { readonly rules: EgressRules; readonly problems: readonly Problem[] } {
  const cidrs: Cidr[] = [];
  const hosts: HostRule[] = [];
  const problems: Problem[] = [];
  for (const entry of entries) {
    const cidr = parseCidr(entry);
    const host = cidr === null ? parseHostRule(entry) : null;
    if (cidr !== null) cidrs.push(cidr);
    else if (host !== null) hosts.push(host);
    else problems.push({ reason: 'InvalidFlag', path: flag, message: badEntry(entry) });
  }
  return { rules: { cidrs, hosts }, problems };
}

/** All that can be said before the host is resolved; an address as host is judged fully. */
export function judgeUrl(text: string, policy: EgressPolicy): UrlJudgement {
  const url = parseHttpUrl(text);
  if (typeof url === 'string') return { kind: 'refused', why: url };
  const host = plainHost(url);
  if (host === '') return { kind: 'refused', why: 'the URL names no host' };
  const address = parseAddress(host);
  const why =
    address === null ? refuseName(host, policy) : refuseAddress(host, host, address, policy);
  return why === null ? { kind: 'allowed', url, host } : { kind: 'refused', why };
}

/** Why an address of `host` must not be connected to; null if it may. Text that is no address is refused. */
export function judgeAddress(host: string, text: string, policy: EgressPolicy): string | null {
  const address = parseAddress(text);
  if (address === null) return `${host} was resolved to something that is no address`;
  return refuseAddress(`an address of ${host}`, host, address, policy);
}

/** A URL that could be called, whoever its host is; or why not, in words that repeat nothing of it. */
export function parseHttpUrl(text: string): URL | string {
  if (text.length > URL_CHARS_MAX) return `the URL is longer than ${URL_CHARS_MAX} characters`;
  // The URL parser would drop these in silence, so what a reader sees and what is called would differ.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f\\]/.test(text)) {
    return 'the URL holds a space, a control character or a backslash';
  }
  if (!URL.canParse(text)) return 'this is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return 'only http and https are called';
  }
  if (url.username !== '' || url.password !== '') {
    return 'the URL holds a user or a password; they belong into a Secret';
  }
  if (url.port === '0') return 'port 0 cannot be called';
  return url;
}

/** The host as rules and resolvers know it: no brackets, no final dot. The parser has made it lower case. */
function plainHost(url: URL): string {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

function refuseName(host: string, policy: EgressPolicy): string | null {
  if (matches(host, METADATA_HOSTS)) return `${host} is a metadata service, which is never called`;
  if (policy.loopback === 'refused' && matches(host, LOCAL_HOSTS)) return loopbackWords(host);
  if (matches(host, policy.deny.hosts)) return `${host} is denied by --egress-deny`;
  // A name that no host rule allows may still have addresses in an allowed range.
  const { hosts, cidrs } = policy.allow;
  if (hosts.length > 0 && cidrs.length === 0 && !matches(host, hosts)) return notAllowed(host);
  return null;
}

function refuseAddress(
  subject: string,
  host: string,
  address: Address,
  policy: EgressPolicy,
): string | null {
  const faces = disguises(address);
  const inside = (cidrs: readonly Cidr[]) =>
    faces.some((face) => cidrs.some((cidr) => within(face, cidr)));
  if (inside(LINK_LOCAL)) return `${subject} is link-local, which is never called`;
  if (inside(METADATA)) return `${subject} is a metadata service, which is never called`;
  if (inside(NOT_ONE_HOST)) return `${subject} is not the address of one host`;
  if (policy.loopback === 'refused' && inside(LOOPBACK)) return loopbackWords(subject);
  if (inside(policy.deny.cidrs)) return `${subject} is denied by --egress-deny`;
  const { allow } = policy;
  if (allow.hosts.length === 0 && allow.cidrs.length === 0) return null;
  if (matches(host, allow.hosts)) return null;
  return allow.cidrs.some((cidr) => within(address, cidr)) ? null : notAllowed(subject);
}

function matches(host: string, rules: readonly HostRule[]): boolean {
  return rules.some(
    ({ suffix, itself }) => (itself && host === suffix) || host.endsWith(`.${suffix}`),
  );
}

function parseHostRule(entry: string): HostRule | null {
  const itself = !/^\*?\./.test(entry);
  const suffix = entry
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
  // A last label of digits only is a mistyped address, never a name.
  if (!new RegExp(`^(?:${label}\\.)*${label}$`).test(suffix) || /(?:^|\.)\d+$/.test(suffix)) {
    return null;
  }
  return { suffix, itself };
}

function badEntry(entry: string): string {
  return `${JSON.stringify(entry)} is neither an address, nor a CIDR without host bits, nor a host name`;
}

function loopbackWords(subject: string): string {
  return `${subject} is this host itself, which is not called from within a cluster`;
}

function notAllowed(subject: string): string {
  return `${subject} is not among those of --egress-allow`;
}

function ranges(...texts: readonly string[]): readonly Cidr[] {
  return texts.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === null) throw new RangeError(`not a range: ${text}`);
    return cidr;
  });
}
