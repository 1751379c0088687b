import type { Service } from '@flotilla/pilot-registry';
import type { View } from './view.ts';

/**
 * The addresses under which this proxy sees a service, the main one first; none for a service without (Istio's GetAddressForProxy and
 * GetExtraAddressesForProxy). An auto-allocated address counts for a proxy that captures DNS and asks for it; only families that the proxy has count.
 */
export function addressesFor(view: View, service: Service): string[] {
  if (service.addresses.length === 0) {
    if (!service.autoAllocatedIPv4 || !view.attr('dnsCapture') || !view.attr('dnsAutoAllocate')) return [];
    if (view.attr('supportsIPv4')) return [service.autoAllocatedIPv4];
    return view.attr('supportsIPv6') ? [service.autoAllocatedIPv6] : [];
  }
  if (service.addresses.length === 1) return [...service.addresses];
  const usable = service.addresses.filter((address) => (address.includes(':') ? view.attr('supportsIPv6') : view.attr('supportsIPv4')));
  return (usable.length > 0 ? usable : service.addresses).slice(0, 1);
}
