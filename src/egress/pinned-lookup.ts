// Name resolution inside the connect: one answer, every address of it judged, and only those are connected to.
import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { parseAddress } from './address.ts';
import { type EgressPolicy, judgeAddress } from './policy.ts';

/** All addresses of a host name. Throws an error with a `code` when there are none. */
export type Resolver = (host: string) => Promise<readonly string[]>;

/** Addresses of one answer that are looked at; a longer answer is cut. */
const ADDRESSES_MAX = 64;

/** An address that the policy does not allow; `message` is its words. */
export class EgressRefusal extends Error {}

export class NoAddress extends Error {
  readonly code = 'ENOTFOUND';
}

export const systemResolver: Resolver = async (host) => {
  const answers = await lookup(host, { all: true, order: 'verbatim' });
  return answers.map(({ address }) => address);
};

/**
 * One lookup at a time for each name. The system's resolver has a few threads for the whole process, and many Canaries
 * asking one slow name must not take all of them. Nothing is kept once it has answered.
 */
export function shareLookups(resolver: Resolver): Resolver {
  const underWay = new Map<string, Promise<readonly string[]>>();
  return (host) => {
    const asked = underWay.get(host) ?? resolver(host).finally(() => underWay.delete(host));
    underWay.set(host, asked);
    return asked;
  };
}

/**
 * For `net.connect`, which calls it once for each connection and dials what it gives: between the judgement and the
 * dialling nobody resolves again, so an answer that changes (DNS rebinding) changes nothing.
 */
export function pinnedLookup(policy: EgressPolicy, resolver: Resolver): LookupFunction {
  const answer = async (...[host, options, callback]: Parameters<LookupFunction>) => {
    const resolved = await resolveAllowed(host.toLowerCase(), policy, resolver);
    if (resolved instanceof Error) {
      callback(resolved, []);
      return;
    }
    const family = familyOf(options.family);
    const wanted = resolved.filter((each) => family === 0 || each.family === family);
    const [one] = wanted;
    if (one === undefined) callback(new NoAddress(`no address for ${host}`), []);
    else if (options.all === true) callback(null, wanted);
    else callback(null, one.address, one.family);
  };
  return (...request) => {
    void answer(...request);
  };
}

interface Pinned {
  readonly address: string;
  readonly family: number;
}

async function resolveAllowed(
  host: string,
  policy: EgressPolicy,
  resolver: Resolver,
): Promise<Pinned[] | Error> {
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  const addresses: Pinned[] = [];
  try {
    for (const address of (await resolver(host)).slice(0, ADDRESSES_MAX)) {
      const why = judgeAddress(name, address, policy);
      // One bad address refuses the name: who answers with a mixture has something in mind.
      if (why !== null) return new EgressRefusal(why);
      addresses.push({ address, family: parseAddress(address)?.family ?? 0 });
    }
    return addresses;
  } catch (error) {
    return error instanceof Error ? error : new NoAddress(`no address for ${host}`);
  }
}

function familyOf(family: number | 'IPv4' | 'IPv6' | undefined): number {
  if (family === 'IPv4') return 4;
  return family === 'IPv6' ? 6 : (family ?? 0);
}
