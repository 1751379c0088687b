import { addressesFor, endpointsOfPort, scopedService, sidecarScope, worldQuery, type View } from '@flotilla/pilot-world';
import type { Service } from '@flotilla/pilot-registry';
import { encode, istio } from '@flotilla/proto-gen/envoy';
import { xdsResource, type XdsResource } from '../resource.ts';

const { NameTable } = istio.networking.nds.v1;
type INameInfo = istio.networking.nds.v1.NameTable.INameInfo;

const isAddress = (text: string): boolean => /^[0-9.]+$|:/.test(text);

/** A headless service answers with its endpoints, each also under its own name: `hostname.subdomain.namespace.svc.domain`. */
function headless(view: View, service: Service, table: Record<string, INameInfo>): string[] {
  const [port] = service.ports;
  if (service.registry !== 'Kubernetes' || service.resolution !== 'Passthrough' || !port) return [];
  const endpoints = view.query(endpointsOfPort, `${service.hostname}|${service.namespace}|${port.name}`).filter(({ address }) => isAddress(address));
  const domain = service.hostname.slice(service.hostname.indexOf('.') + 1);
  for (const { hostName, subDomain, address } of endpoints) {
    if (subDomain === '') continue;
    const shortname = `${hostName}.${subDomain}`;
    table[`${shortname}.${domain}`] = { ips: [address], registry: 'Kubernetes', namespace: service.namespace, shortname };
  }
  return endpoints.map(({ address }) => address);
}

/** The names that pilot-agent's DNS answers itself: all services of the scope (Istio's BuildNameTable). */
export const nameTable = worldQuery('name-table', (view): XdsResource => {
  const table: Record<string, INameInfo> = {};
  for (const ref of view.query(sidecarScope, '').services) {
    const service = scopedService(view, ref);
    if (!service) continue;
    const addresses = addressesFor(view, service).filter((address) => !address.includes('/'));
    const ips = addresses.length > 0 ? addresses : headless(view, service, table);
    if (ips.length === 0) continue;
    const kubernetes = service.registry === 'Kubernetes';
    table[service.hostname] = { ips, registry: service.registry, ...(kubernetes ? { namespace: service.namespace, shortname: service.name } : {}) };
  }
  return xdsResource('', encode(NameTable, { table }));
});
