import type { Service } from '@flotilla/pilot-registry';
import { clusterOf } from './mesh-settings.ts';
import type { View } from './view.ts';

/**
 * The address under which this proxy sees a service, as a list: empty for a service without one (Istio's
 * GetAddressForProxy). Of a service in several clusters, the address in the proxy's cluster applies; of several
 * addresses, the first, whatever the proxy's families. An auto-allocated address applies to proxies that capture DNS
 * and request it.
 */
export function addressesFor(view: View, service: Service): string[] {
  const local = service.clusterAddresses?.get(clusterOf(view));
  if (local) return local.slice(0, 1);
  if (service.addresses.length > 0) return service.addresses.slice(0, 1);
  if (!service.autoAllocatedIPv4 || !view.attr('dnsCapture') || !view.attr('dnsAutoAllocate')) return [];
  return [view.attr('supportsIPv4') ? service.autoAllocatedIPv4 : service.autoAllocatedIPv6];
}
