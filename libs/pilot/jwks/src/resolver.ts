import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup, Resolver } from 'node:dns/promises';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { createSlots } from '@flotilla/std';
import { FetchFailure } from './failure.ts';

export interface ResolverOptions {
  /** DNS servers, `address[:port]`, instead of the system's; then names are absolute. */
  readonly nameServers: readonly string[];
  /** Whether an address may be connected to. */
  readonly mayConnect: (address: string) => boolean;
}

/**
 * How many system look-ups run at once. Each occupies one of Node's four threads, which also read files and generate
 * keys: slow DNS servers must not occupy all of them.
 */
const systemLookups = 2;
const timeout = 2000;

const refusal = (): FetchFailure =>
  new FetchFailure(
    'the address of its host is refused',
    'use another URL, put the keys into the field jwks, or list the address in --jwks-allowed-addresses',
    'jwks_address',
  );

/**
 * Resolves hosts to addresses that may be connected to. The address that is checked is the one that is connected
 * to.
 */
export interface HostResolver {
  /** For `net.connect`. */
  readonly lookup: LookupFunction;
  /** For a host that is an address, which `lookup` is not called for. Throws a FetchFailure if it is refused. */
  checkHost(hostname: string): void;
}

/** Resolves with the given DNS servers, or by the system when there are none. `lookup` fails with a FetchFailure. */
export function createHostResolver({ nameServers, mayConnect }: ResolverOptions): HostResolver {
  const resolve = nameServers.length > 0 ? resolveWith(nameServers) : resolveBySystem();
  async function find(hostname: string): Promise<LookupAddress[]> {
    const allowed = (await resolve(hostname)).filter(({ address }) => mayConnect(address));
    if (allowed.length === 0) throw refusal();
    return allowed;
  }
  return {
    lookup(hostname, { all, family }, callback) {
      find(hostname).then(
        (found) => {
          const wanted = found.filter((one) => !family || one.family === Number(String(family).replace('IPv', '')));
          const [first] = wanted.length > 0 ? wanted : found;
          if (all || !first) callback(null, found);
          else callback(null, first.address, first.family);
        },
        (error: NodeJS.ErrnoException) => callback(error, ''),
      );
    },
    checkHost(hostname) {
      const host = hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(host) !== 0 && !mayConnect(host)) throw refusal();
    },
  };
}

/** Look-ups of the same name at the same time share one result. */
function resolveBySystem(): (hostname: string) => Promise<LookupAddress[]> {
  const slots = createSlots(systemLookups);
  const running = new Map<string, Promise<LookupAddress[]>>();
  return (hostname) => {
    const known = running.get(hostname);
    if (known) return known;
    const found = slots
      .run(() => systemLookup(hostname, { all: true, verbatim: true }))
      .finally(() => running.delete(hostname));
    running.set(hostname, found);
    return found;
  };
}

function resolveWith(nameServers: readonly string[]): (hostname: string) => Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout, tries: 2 });
  resolver.setServers(nameServers);
  return async (hostname) => {
    const results = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (found.length === 0) throw results[0].status === 'rejected' ? results[0].reason : new Error('no address');
    return found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  };
}
