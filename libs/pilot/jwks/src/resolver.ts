import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { FetchFailure } from './failure.ts';
import { candidates, plainName, type SystemNames } from './system-names.ts';

export interface ResolverOptions {
  /** Hosts, DNS servers and search domains as they are now. */
  readonly names: () => SystemNames;
  /** Whether an address may be connected to. */
  readonly mayConnect: (address: string) => boolean;
  /** Milliseconds, and how often, that each DNS server is asked for a name. */
  readonly timing?: { readonly timeout: number; readonly tries: number };
}

const defaultTiming = { timeout: 2000, tries: 2 };
/** No further name is tried when a look-up has taken so many milliseconds. */
const lookupMs = 5000;

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

/** Names that are resolved by these DNS servers (`address[:port]`) alone; they are absolute. */
export const namesAt = (servers: readonly string[]): SystemNames => ({
  hosts: new Map(),
  servers,
  search: [],
  ndots: 0,
});

/**
 * Resolves names as Go's resolver does, from the hosts file and then from DNS servers. It does not use the system's
 * getaddrinfo, which blocks one of Node's four threads until the DNS servers have answered: names that resolve slowly
 * would delay all others, and reads of files. `lookup` fails with a FetchFailure.
 */
export function createHostResolver(options: ResolverOptions): HostResolver {
  const { mayConnect } = options;
  const resolve = sharing((hostname: string) => resolveName(hostname, options));
  async function find(hostname: string): Promise<LookupAddress[]> {
    const addresses = (await resolve(hostname.toLowerCase())).filter(mayConnect);
    if (addresses.length === 0) throw refusal();
    return addresses.map((address) => ({ address, family: isIP(address) }));
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

/** Calls with the same argument at the same time share one result. */
function sharing<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (key) => {
    const known = running.get(key);
    if (known) return known;
    const made = work(key).finally(() => running.delete(key));
    running.set(key, made);
    return made;
  };
}

async function resolveName(
  hostname: string,
  { names, timing = defaultTiming }: ResolverOptions,
): Promise<readonly string[]> {
  const system = names();
  const known = system.hosts.get(plainName(hostname));
  if (known) return known;
  const resolver = new Resolver(timing);
  resolver.setServers(system.servers);
  const end = performance.now() + lookupMs;
  let failure: unknown;
  for (const name of candidates(hostname, system)) {
    if (performance.now() >= end) break;
    const results = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (found.length > 0) return found;
    failure ??= results.find((result) => result.status === 'rejected')?.reason;
  }
  throw failure ?? Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
}
