import { ownMember, setMember } from '@flotilla/std';
import {
  addressesFor,
  instancesOfPort,
  scopedService,
  sidecarScope,
  worldQuery,
  type View,
} from '@flotilla/pilot-world';
import { instancesKeyOf, type Service } from '@flotilla/pilot-registry';
import type { istio } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { finish } from '../finish/finish.ts';
import { listOf, namingQuery } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';

type INameInfo = istio.networking.nds.v1.NameTable.INameInfo;

const isAddress = (text: string): boolean => /^[0-9.]+$|:/.test(text);

/**
 * A service without address whose clients find its endpoints themselves, as a headless one, answers with those that the
 * proxy's network reaches; a pod also under its own name: `hostname.subdomain.namespace.svc.domain`.
 */
function endpointAddresses(view: View, service: Service, table: Record<string, INameInfo>): string[] {
  const [port] = service.ports;
  if (service.resolution !== 'Passthrough' || !port) return [];
  const own = view.attr('network');
  const endpoints = view
    .query(instancesOfPort, instancesKeyOf(service, port))
    .filter(({ address, network }) => isAddress(address) && (own === '' || network === '' || network === own));
  const domain = service.hostname.slice(service.hostname.indexOf('.') + 1);
  for (const { hostName, subDomain, address } of endpoints) {
    if (subDomain === '') continue;
    const shortname = `${hostName}.${subDomain}`;
    table[`${shortname}.${domain}`] = {
      ips: [address],
      registry: 'Kubernetes',
      namespace: service.namespace,
      shortname,
    };
  }
  return endpoints.map(({ address }) => address);
}

/**
 * The names that a sidecar's agent answers itself: all services of the scope (Istio's BuildNameTable). ServiceEntries
 * of one host add up, as one with several addresses does; a Service of Kubernetes takes the place of those before it,
 * and those after it don't count. None for gateways.
 */
const nameTable = worldQuery(
  'name-table',
  (view): XdsResource => {
    const table: Record<string, INameInfo> = {};
    for (const ref of view.query(sidecarScope, '').services) {
      const service = scopedService(view, ref);
      if (!service) continue;
      const addresses = addressesFor(view, service).filter((address) => !address.includes('/'));
      const ips = addresses.length > 0 ? addresses : endpointAddresses(view, service, table);
      const known = ownMember(table, service.hostname);
      if (ips.length === 0 || known?.registry === 'Kubernetes') continue;
      const kubernetes = service.registry === 'Kubernetes';
      setMember(
        table,
        service.hostname,
        kubernetes
          ? { ips, registry: service.registry, namespace: service.namespace, shortname: service.name }
          : { ips: [...(known?.ips ?? []), ...ips], registry: service.registry },
      );
    }
    return finish(view, { kind: 'nds', name: '', message: { table } });
  },
  { equals: sameResource },
);

/** The one name table that a sidecar has. */
export const nameTables = namingQuery('name-tables', (view) =>
  listOf(view.attr('type') === 'sidecar' ? [member(nameTable, '', { name: '' })] : []),
);
