import { compareText } from '@flotilla/std';
import type { Service } from '@flotilla/pilot-registry';
import { isHttp, isUnsupported } from '@flotilla/rules';

/** IPv6 addresses go in brackets where a port could follow. */
export const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);
export const domainName = (host: string, port: number): string => `${bracketed(host)}:${port}`;

/** The short forms under which clients of a domain may name a host (Istio's GenerateAltVirtualHosts). */
function shortNames(hostname: string, proxyDomain: string): string[] {
  const [inProxy, inHost] = [proxyDomain.indexOf('.svc.'), hostname.indexOf('.svc.')];
  if (inProxy < 0) return sharedDomainNames(hostname, proxyDomain);
  if (inHost <= 0) return [];
  const firstDot = hostname.indexOf('.');
  const full = hostname.slice(0, inHost);
  if (hostname.slice(firstDot + 1) === proxyDomain) return [hostname.slice(0, firstDot), `${full}.svc`, full];
  return hostname.slice(inHost) === proxyDomain.slice(inProxy) ? [full, `${full}.svc`] : [];
}

function sharedDomainNames(hostname: string, proxyDomain: string): string[] {
  const host = hostname.split('.').reverse();
  const proxy = proxyDomain.split('.').reverse();
  let shared = 0;
  while (shared < host.length && shared < proxy.length && host[shared] === proxy[shared]) shared += 1;
  if (shared === 0) return [];
  const unique = host.slice(shared).reverse();
  const name = unique.join('.');
  if (name === '') return [];
  return unique.length === 2 ? [name, `${name}.${proxy.slice(0, shared).reverse()[0]}`] : [name];
}

/** The domains of a service's virtual host, and those of them that only abbreviate its hostname. */
export function serviceDomains(
  service: Service,
  options: { addresses: readonly string[]; proxyDomain: string },
): { domains: string[]; short: Set<string> } {
  const short = shortNames(service.hostname, options.proxyDomain);
  const names = [service.hostname, ...short].map(bracketed);
  const each =
    service.resolution === 'Passthrough' && service.registry === 'Kubernetes'
      ? [...names, ...names.map((name) => `*.${name}`)]
      : names;
  return { domains: [...each, ...options.addresses.map(bracketed)], short: new Set(short) };
}

/** A virtual host before its domains are settled. */
export interface Candidate {
  readonly name: string;
  readonly domains: readonly string[];
  readonly short?: ReadonlySet<string>;
}

/**
 * Gives each domain to the first that claims it; one that only abbreviates a host leaves it to the host of that very
 * name. Virtual hosts left without domain, or whose name was taken, are dropped (Istio's dedupeDomains).
 */
export function settleDomains<T extends Candidate>(
  candidates: readonly T[],
  known: ReadonlySet<string>,
): (T & { readonly domains: readonly string[] })[] {
  const [names, taken] = [new Set<string>(), new Set<string>()];
  return candidates.flatMap((candidate) => {
    if (names.has(candidate.name)) return [];
    names.add(candidate.name);
    const domains = candidate.domains.filter((domain) => {
      const lower = domain.toLowerCase();
      if (taken.has(lower) || (candidate.short?.has(domain) && known.has(domain))) return false;
      taken.add(lower);
      return true;
    });
    return domains.length > 0 ? [{ ...candidate, domains }] : [];
  });
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  compareText(a.name, b.name);
export const isRoutable = (port: { protocol: Parameters<typeof isHttp>[0] }): boolean =>
  isHttp(port.protocol) || isUnsupported(port.protocol);
