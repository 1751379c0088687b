import { parseAddress } from '@flotilla/rules';

/** How a pod identifies itself and addresses others. */
export interface AddressFamily {
  readonly localhost: string;
  readonly wildcard: string;
  readonly dnsLookupFamily: 'V4_ONLY' | 'V6_ONLY' | 'ALL';
}
const v4: AddressFamily = { localhost: '127.0.0.1', wildcard: '0.0.0.0', dnsLookupFamily: 'V4_ONLY' };
const v6: AddressFamily = { localhost: '::1', wildcard: '::', dnsLookupFamily: 'V6_ONLY' };

/**
 * The family of a pod's addresses. A pod with both families uses IPv4, unless ISTIO_DUAL_STACK is on: then the first
 * address decides.
 */
export function addressFamily(instanceIps: readonly string[], dualStack: boolean): AddressFamily {
  const families = new Set(instanceIps.map(isV6));
  if (families.size < 2) return families.has(true) ? v6 : v4;
  if (!dualStack) return v4;
  return { ...(isV6(instanceIps[0] ?? '') ? v6 : v4), dnsLookupFamily: 'ALL' };
}
const isV6 = (address: string): boolean => address.includes(':');

/**
 * The addresses of a proxy: INSTANCE_IP first if it is an address, then those of the pod's interfaces. Without any they
 * are the loopback addresses.
 */
export function instanceAddresses(instanceIp: string, interfaces: readonly string[]): readonly string[] {
  const instance = parseAddress(instanceIp).ok ? [instanceIp] : [];
  const all = [...new Set([...instance, ...interfaces])];
  return all.length > 0 ? all : ['127.0.0.1', '::1'];
}
