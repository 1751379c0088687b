import { groupBy, ownMember, parsePort } from '@flotilla/std';
import type { IstioIngressListener, Resource } from '@flotilla/model';
import { type Service, type ServicePort, type ServiceTarget } from '@flotilla/pilot-registry';
import { parseProtocol } from '@flotilla/rules';
import { sidecarResource } from './sidecar-scope.ts';
import { serviceTargets } from './targets.ts';
import { worldQuery, type View } from './view.ts';

/** A port on which a workload is reached: one that Services lead to, or one that its Sidecar opens. */
export interface InboundPort {
  readonly number: number;
  /** Of the Service; of the Sidecar's listener where that opens it. */
  readonly port: ServicePort;
  /** As which telemetry knows it: a Sidecar's listener by the Sidecar. */
  readonly service: Pick<Service, 'hostname' | 'name' | 'namespace'> & { readonly registry?: Service['registry'] };
  /** Whose DestinationRule holds; for a Sidecar's listener the Service that leads to its port, if one does. */
  readonly owner: Pick<Service, 'hostname' | 'name' | 'namespace'>;
  /** Services that lead here by the same port of theirs; none for a Sidecar's. */
  readonly services: readonly Pick<Service, 'hostname' | 'name' | 'namespace'>[];
  readonly ingress?: {
    /** Address in the names of chains. */
    readonly address: string;
    /** Listens by itself at that address, instead of behind iptables. */
    readonly bound: boolean;
    /** Where to go, when not to where the client wanted. */
    readonly endpoint?: { readonly path: string } | { readonly address: string; readonly port: number };
  };
}

/**
 * A Sidecar's ingress listeners replace what Services declare (Istio "Sidecar", ingress). Without iptables only they
 * count: where Services lead, the workload itself listens. In the order of their numbers.
 */
export const inboundPorts = worldQuery('inbound-ports', (view): readonly InboundPort[] => {
  const sidecar = sidecarResource(view);
  const captures = view.attr('interceptionMode') !== 'NONE';
  const ports = sidecar?.spec.ingress?.length
    ? sidecar.spec.ingress.map((listener) => ingressPort(view, sidecar, listener))
    : captures
      ? [...groupBy(view.query(serviceTargets, ''), ({ targetPort }) => targetPort).values()].map(declaredPort)
      : [];
  return [...ports].sort((a, b) => a.number - b.number);
});

/** By the oldest of the services that lead to it. */
function declaredPort(targets: readonly ServiceTarget[]): InboundPort {
  const [{ service, port, targetPort }] = targets as readonly [ServiceTarget];
  // of services that lead here by another port of theirs, telemetry does not get them
  const same = targets.filter((target) => target.port.port === port.port);
  return {
    number: targetPort,
    port,
    service,
    owner: service,
    services: [
      ...new Map(
        same.map((target) => [`${target.service.hostname}|${target.service.namespace}`, target.service]),
      ).values(),
    ],
  };
}

/** One of them. Key: its number. */
export const inboundPort = worldQuery('inbound-port', (view, number): InboundPort | undefined =>
  view.query(inboundPorts, '').find((port) => String(port.number) === number),
);

function ingressPort(view: View, { meta }: Resource<'sidecars'>, listener: IstioIngressListener): InboundPort {
  const number = listener.port?.number ?? 0;
  const port: ServicePort = {
    name: listener.port?.name ?? '',
    port: number,
    protocol: parseProtocol(listener.port?.protocol ?? ''),
  };
  const address = listener.bind || (view.attr('ips')[0] ?? '');
  const endpoint = endpointOf(view, listener.defaultEndpoint ?? '');
  const bound =
    (listener.captureMode ?? 'DEFAULT') === 'DEFAULT'
      ? view.attr('interceptionMode') === 'NONE'
      : listener.captureMode === 'NONE';
  const namespace = view.attr('namespace');
  const service = { hostname: `${meta.name}.${namespace}`, name: meta.name, namespace };
  return {
    number,
    port,
    services: [],
    service,
    owner: view.query(serviceTargets, '').find(({ targetPort }) => targetPort === number)?.service ?? service,
    ingress: {
      address,
      bound,
      ...(endpoint ? { endpoint } : {}),
    },
  };
}

/**
 * `unix:///path`, or `address:port`, where 0.0.0.0 and [::] mean the workload's own address of that family, else its
 * loopback, and either loopback that of the workload's first family. Undefined for other addresses: there connections
 * go on to where the client wanted.
 */
function endpointOf(view: View, text: string): NonNullable<InboundPort['ingress']>['endpoint'] {
  if (text.startsWith('unix://')) return { path: text.slice('unix://'.length) };
  const [, host = '', digits = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(text) ?? [];
  const firstAddress = (ipv6: boolean): string | undefined => view.attr('ips').find((ip) => ip.includes(':') === ipv6);
  const addresses: Readonly<Record<string, () => string>> = {
    '0.0.0.0': () => firstAddress(false) ?? '127.0.0.1',
    '::': () => firstAddress(true) ?? '::1',
    '127.0.0.1': () => loopback(view),
    '::1': () => loopback(view),
  };
  const address = ownMember(addresses, host)?.();
  return address === undefined ? undefined : { address, port: parsePort(digits) ?? 0 };
}

const loopback = (view: View): string => (view.attr('supportsIPv4') ? '127.0.0.1' : '::1');
