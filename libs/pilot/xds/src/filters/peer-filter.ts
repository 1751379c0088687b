import { isAtLeast, type View } from '@flotilla/pilot-world';

/**
 * Whether the proxy has the network filter `istio_authn`, which notes the identity of a connection's peer. Istio's
 * Envoys have it since 1.17; for others it is read from the peer's certificate.
 */
export const hasPeerFilter = (view: View): boolean => view.attr('istioExtensions') && isAtLeast(view, 1, 17);
