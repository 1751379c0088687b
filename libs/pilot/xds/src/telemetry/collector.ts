import { providerHost, scopeOwner, type View } from '@flotilla/pilot-world';

/**
 * The host of a provider's service; undefined for one that the mesh doesn't know. Istio names its cluster though the
 * proxy's Sidecar leaves that out, and its Envoy refuses the listener then: to any other Envoy a service out of its
 * scope is none.
 */
export function collectorHost(view: View, service: string | undefined): string | undefined {
  const host = providerHost(view, service ?? '');
  return host === undefined || view.attr('istioExtensions') || view.query(scopeOwner, host) ? host : undefined;
}
