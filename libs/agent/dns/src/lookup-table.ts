/** What pilot sends about one host: istio.networking.nds.v1.NameTable.NameInfo. */
export interface NameInfo {
  readonly ips?: readonly string[] | null;
  readonly registry?: string | null;
  readonly shortname?: string | null;
  readonly namespace?: string | null;
  readonly altHosts?: readonly string[] | null;
}
export interface ProxyNames {
  readonly namespace: string;
  /** The proxy's DNS domain, such as `shop.svc.cluster.local`. */
  readonly domain: string;
  /** Search domains of resolv.conf. */
  readonly search: readonly string[];
}
export interface Addresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}
/** Names end with a dot and are lower case. */
export interface LookupTable {
  readonly hosts: ReadonlyMap<string, Addresses>;
  /** Names with the first search domain appended, to the name that is meant. */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * Every name that a host may be looked up by, as Istio 1.19's DNS proxy has them: the host itself; for Kubernetes
 * Services of the proxy's own domain also `name.namespace`, `name.namespace.svc` and, in its own namespace, `name`;
 * each also with the first search domain, as an alias.
 */
export function buildLookupTable(table: Readonly<Record<string, NameInfo>>, proxy: ProxyNames): LookupTable {
  const hosts = new Map<string, Addresses>();
  const aliases = new Map<string, string>();
  const domain = proxy.domain.split('.');
  if (domain[0] === proxy.namespace) domain.shift();
  const [search] = proxy.search;
  for (const [host, info] of Object.entries(table)) {
    const ips = info.ips ?? [];
    const addresses: Addresses = {
      v4: ips.filter((ip) => !ip.includes(':')),
      v6: ips.filter((ip) => ip.includes(':')),
    };
    if (ips.length === 0) continue;
    const names = namesOf(host, info, { namespace: proxy.namespace, domain });
    for (const name of names) {
      hosts.set(name, addresses);
      if (!search) continue;
      const expanded = withDot(`${name}${search}`);
      if (!names.has(expanded)) aliases.set(expanded, name);
    }
  }
  return { hosts, aliases };
}

function namesOf(host: string, info: NameInfo, proxy: { namespace: string; domain: readonly string[] }): Set<string> {
  const names = new Set([withDot(host)]);
  const domain = proxy.domain.join('.');
  if (info.registry !== 'Kubernetes' || !info.shortname || domain === '' || !host.endsWith(domain)) return names;
  names.add(withDot(`${info.shortname}.${info.namespace ?? ''}`));
  if (proxy.namespace === info.namespace) names.add(withDot(info.shortname));
  names.add(withDot(`${info.shortname}.${info.namespace ?? ''}.${proxy.domain[0] ?? ''}`));
  for (const name of info.altHosts ?? []) names.add(withDot(name));
  return names;
}

const withDot = (name: string): string => (name.endsWith('.') ? name : `${name}.`).toLowerCase();

export interface Found {
  /** The name whose addresses these are, when it is not the one in the query. */
  readonly alias?: string;
  readonly addresses: Addresses;
}

/**
 * Addresses of a name: itself, an alias, or the closest wildcard above it. Undefined for names the mesh doesn't know.
 */
export function lookUp({ hosts, aliases }: LookupTable, asked: string): Found | undefined {
  const name = withDot(asked);
  const exact = hosts.get(name);
  if (exact) return { addresses: exact };
  const alias = aliases.get(name);
  const meant = alias === undefined ? undefined : hosts.get(alias);
  if (alias !== undefined && meant) return { alias, addresses: meant };
  // A wildcard covers one or more labels; the closest one applies.
  for (let dot = name.indexOf('.'); dot >= 0 && dot < name.length - 1; dot = name.indexOf('.', dot + 1)) {
    const wildcard = hosts.get(`*${name.slice(dot)}`);
    if (wildcard) return { addresses: wildcard };
  }
  return undefined;
}
