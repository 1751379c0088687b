import { parsePort } from '@flotilla/std';

interface ClusterFields {
  readonly port: number;
  readonly subset?: string | undefined;
  readonly host: string;
}

/** Istio's name of a cluster in Envoy: `outbound|80|v1|host`. */
export const clusterName = (direction: 'outbound' | 'inbound', { port, subset = '', host }: ClusterFields): string =>
  `${direction}|${port}|${subset}|${host}`;

/**
 * `outbound_.80_.v1_.host`: what a client names as SNI, and how the cluster is called in gateways that pass such TLS
 * through (Istio's SNI-DNAT clusters).
 */
export const passthroughName = ({ port, subset = '', host }: ClusterFields): string =>
  `outbound_.${port}_.${subset}_.${host}`;

export interface OutboundName {
  readonly port: number;
  /** Empty for the whole service. */
  readonly subset: string;
  readonly host: string;
  /** TLS that a gateway passes through. */
  readonly passthrough: boolean;
}

/** The parts of an outbound cluster's name of either form; undefined for any other name. */
export function parseOutboundName(name: string): OutboundName | undefined {
  const passthrough = name.startsWith('outbound_');
  const [direction, port = '', subset, host] = name.split(passthrough ? '_.' : '|');
  return direction !== 'outbound' || subset === undefined || host === undefined
    ? undefined
    : { port: parsePort(port) ?? 0, subset, host, passthrough };
}
