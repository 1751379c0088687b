import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '@flotilla/std';

/** How a machine resolves names: the content of hosts(5) and resolv.conf(5), as far as Go's resolver uses it. */
export interface SystemNames {
  /** Addresses by lower-case name. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** DNS servers, `address[:port]`; of IPv6 `[address]:port`. */
  readonly servers: readonly string[];
  /** Domains that are appended to names. */
  readonly search: readonly string[];
  /** Names with at least this many dots are tried as they are first. */
  readonly ndots: number;
}

const paths = { hosts: '/etc/hosts', resolvConf: '/etc/resolv.conf' } as const;
/** Go's resolver reads these files again after so many milliseconds (net/dnsclient_unix.go, net/hosts.go). */
const maxAgeMs = 5000;
/** MAXNS of resolv.conf(5). */
const maxServers = 3;
/** What Go uses when resolv.conf names none (net/dnsconfig.go). */
const defaultServers = ['127.0.0.1', '::1'];
const maxNdots = 15;

/** Returns what reads the files of this machine, at most every 5 s; a file that cannot be read counts as empty. */
export function readSystemNames(clock: Clock): () => SystemNames {
  let known: { readonly names: SystemNames; readonly readAt: number } | undefined;
  return () => {
    const now = clock.now();
    if (known && now - known.readAt < maxAgeMs) return known.names;
    const names = { hosts: parseHosts(textOf(paths.hosts)), ...parseResolvConf(textOf(paths.resolvConf)) };
    known = { names, readAt: now };
    return names;
  };
}

/** Synchronous, because slow look-ups of other code must not delay it: reads of files wait for the same threads. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const linesOf = (text: string, comment: RegExp): string[][] =>
  text.split('\n').map((line) => (line.split(comment)[0] ?? '').split(/[ \t\r]/).filter((field) => field !== ''));
/** A name without the dot at its end, in lower case: as names are compared. */
export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** Addresses by name of a hosts file; lines without an address are ignored. */
export function parseHosts(text: string): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const [address = '', ...names] of linesOf(text, /#/)) {
    if (isIP(address) === 0) continue;
    for (const name of names.map(plainName)) {
      const known = hosts.get(name) ?? [];
      if (!known.includes(address)) hosts.set(name, [...known, address]);
    }
  }
  return hosts;
}

/** Reads the keywords nameserver, search, domain and the option ndots; the last search or domain counts. */
export function parseResolvConf(text: string): Omit<SystemNames, 'hosts'> {
  const servers: string[] = [];
  let search: readonly string[] = [];
  let ndots = 1;
  for (const [keyword, ...values] of linesOf(text, /[#;]/)) {
    const [first] = values;
    if (keyword === 'nameserver' && first !== undefined && isIP(first) !== 0 && servers.length < maxServers)
      servers.push(first);
    if (keyword === 'search' || keyword === 'domain')
      search = (keyword === 'domain' ? values.slice(0, 1) : values).map(plainName).filter((domain) => domain !== '');
    if (keyword !== 'options') continue;
    for (const option of values) {
      const [, count] = /^ndots:(\d{1,9})$/.exec(option) ?? [];
      if (count !== undefined) ndots = Math.min(Number(count), maxNdots);
    }
  }
  return { servers: servers.length > 0 ? servers : defaultServers, search, ndots };
}

/** The names to ask for, in order (nameList of Go's net/dnsconfig.go); none for one that is longer than DNS allows. */
export function candidates(name: string, { search, ndots }: Pick<SystemNames, 'search' | 'ndots'>): readonly string[] {
  const maxLength = 253;
  const plain = plainName(name);
  if (plain.length === 0 || plain.length > maxLength) return [];
  if (name.endsWith('.')) return [plain];
  const within = search.map((domain) => `${plain}.${domain}`);
  const isAbsolute = plain.split('.').length - 1 >= ndots;
  return (isAbsolute ? [plain, ...within] : [...within, plain]).filter(({ length }) => length <= maxLength);
}
