import type { AnyResource, Destination, Problem, VirtualService } from '@flotilla/model';
import { HostIndex, resolveShortName, serviceHostname } from '@flotilla/rules';
import { quoted } from './report.ts';

/** Where the mesh's own services are: `<name>.<namespace>.svc.<this>`. */
const clusterDomain = 'cluster.local';
const qualified = (host: string, namespace: string): string => resolveShortName(host, { namespace }, clusterDomain);

interface Known {
  readonly hosts: HostIndex;
  readonly gateways: ReadonlySet<string>;
  readonly subsets: ReadonlySet<string>;
  readonly delegates: ReadonlySet<string>;
}

/**
 * Names in VirtualServices that nothing bears: gateways, hosts, subsets, delegates (Istio's analysis, IST0101). The
 * resource is in force; what it names may come later. `resource` of a problem is `collection namespace/name`.
 */
export function findDanglingReferences(resources: Iterable<AnyResource>): readonly Problem[] {
  const all = [...resources];
  const known = gather(all);
  return all.flatMap((resource) =>
    resource.collection === 'virtual-services'
      ? danglingIn(resource.spec, resource.meta.namespace, known).map(([path, what, name]): Problem => ({
          code: 'IST0101',
          level: 'warning',
          path,
          message: `Referenced ${what} not found: ${quoted(name)}`,
          resource: `${resource.collection} ${resource.meta.namespace}/${resource.meta.name}`,
        }))
      : [],
  );
}

function gather(all: readonly AnyResource[]): Known {
  const [hosts, gateways, subsets, delegates] = [
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
  ];
  for (const { collection, meta, spec } of all) {
    const key = `${meta.namespace}/${meta.name}`;
    if (collection === 'services') hosts.add(serviceHostname(meta.name, meta.namespace, clusterDomain));
    else if (collection === 'service-entries')
      for (const host of spec.hosts ?? []) hosts.add(qualified(host, meta.namespace));
    else if (collection === 'gateways') gateways.add(key);
    else if (collection === 'virtual-services' && !spec.hosts?.length) delegates.add(key);
    else if (collection === 'destination-rules')
      for (const { name } of spec.subsets ?? [])
        subsets.add(`${qualified(spec.host ?? '', meta.namespace)}+${name ?? ''}`);
  }
  return { hosts: new HostIndex([...hosts]), gateways, subsets, delegates };
}

type Dangling = readonly [path: string, what: string, name: string];

function danglingIn(spec: VirtualService, namespace: string, known: Known): Dangling[] {
  const gateways = (spec.gateways ?? []).flatMap((name, i): Dangling[] => {
    const key = name.includes('/')
      ? name
      : name.includes('.')
        ? name.split('.').slice(0, 2).reverse().join('/')
        : `${namespace}/${name}`;
    return name === 'mesh' || known.gateways.has(key) ? [] : [[`spec.gateways[${i}]`, 'gateway', name]];
  });
  const to = (path: string, destination: Destination | undefined): Dangling[] =>
    destination ? danglingDestination(path, { destination, namespace }, known) : [];
  const routes = (['http', 'tcp', 'tls'] as const).flatMap((kind) =>
    (spec[kind] ?? []).flatMap(({ route }, i) =>
      (route ?? []).flatMap(({ destination }, n) => to(`spec.${kind}[${i}].route[${n}].destination`, destination)),
    ),
  );
  const others = (spec.http ?? []).flatMap(({ mirror, delegate }, i): Dangling[] => {
    const key = `${delegate?.namespace || namespace}/${delegate?.name ?? ''}`;
    return [
      ...to(`spec.http[${i}].mirror`, mirror),
      ...(delegate && !known.delegates.has(key) ? [[`spec.http[${i}].delegate`, 'delegate', key] as const] : []),
    ];
  });
  return [...gateways, ...routes, ...others];
}

function danglingDestination(
  path: string,
  { destination, namespace }: { destination: Destination; namespace: string },
  known: Known,
): Dangling[] {
  const host = qualified(destination.host ?? '', namespace);
  if (!known.hosts.covers(host)) return [[`${path}.host`, 'host', destination.host ?? '']];
  const key = `${host}+${destination.subset ?? ''}`;
  return destination.subset && !known.subsets.has(key)
    ? [[`${path}.subset`, 'host+subset in destinationrule', `${destination.host ?? ''}+${destination.subset}`]]
    : [];
}
