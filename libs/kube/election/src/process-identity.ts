import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * A name for this process that no other process has at the same time, as the holder of a Lease. In a pod it is the
 * name of the pod, which is that of the host; outside of a cluster, where there is a kubeconfig, several processes may
 * share a host.
 */
export const processIdentity = (kubeconfig: string | undefined): string =>
  kubeconfig === undefined ? hostname() : `${hostname()}-${randomBytes(4).toString('hex')}`;
