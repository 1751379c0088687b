import { isAtLeast, type View } from '@flotilla/pilot-world';

/**
 * Does the proxy have the network filter `istio_authn`, which notes the identity of a connection's peer? Istio's Envoys
 * do from 1.17 on; others read it from the peer's certificate.
 */
export const hasPeerFilter = (view: View): boolean => view.attr('istioExtensions') && isAtLeast(view, 1, 17);
