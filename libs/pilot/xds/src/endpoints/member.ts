import { type TrafficPolicy } from '@flotilla/model';
import type { Endpoint } from '@flotilla/pilot-registry';
import type { View } from '@flotilla/pilot-world';
import { envoy, struct, u32 } from '@flotilla/proto-gen/envoy';
import { portMtls, workloadMtls } from '../authn/mtls-mode.ts';

type ILbEndpoint = envoy.config.endpoint.v3.ILbEndpoint;
const { HEALTHY, UNHEALTHY, DRAINING } = envoy.config.core.v3.HealthStatus;
const health: Readonly<Record<Endpoint['health'], number | undefined>> = {
  Healthy: HEALTHY,
  UnHealthy: UNHEALTHY,
  Draining: DRAINING,
  Unknown: undefined,
};

/** One endpoint of a load assignment while that is made. */
export interface Member {
  readonly lb: ILbEndpoint;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly clusterId: string;
  /** Whether the client speaks mTLS to it. */
  readonly mtls: boolean;
}

export type TlsMode = NonNullable<NonNullable<TrafficPolicy['tls']>['mode']>;

/** The TLS that a policy gives a port: the port's own, else the policy's. */
export function tlsModeOf(policy: TrafficPolicy | undefined, port: number): TlsMode | undefined {
  const own = policy?.portLevelSettings?.find((setting) => setting.port?.number === port && setting.tls);
  const tls = own?.tls ?? policy?.tls;
  return tls && (tls.mode ?? 'DISABLE');
}

/**
 * Istio's mtlsChecker: a rule may switch mTLS on or off for all endpoints; else those have it that have a sidecar,
 * whose policies don't disable it.
 */
function speaksMtls(view: View, { tlsMode, namespace, labels, port }: Endpoint, rule: TlsMode | undefined): boolean {
  if (rule === 'DISABLE' || rule === 'ISTIO_MUTUAL') return rule === 'ISTIO_MUTUAL';
  return tlsMode === 'istio' && portMtls(workloadMtls(view, namespace, labels), port) !== 'DISABLE';
}

const addressOf = ({ address, port }: Endpoint): envoy.config.core.v3.IAddress =>
  address.startsWith('/') || address.startsWith('@')
    ? { pipe: { path: address } }
    : { socketAddress: { address, portValue: port } };

/** What a client's telemetry and TLS need to know of an endpoint (Istio's BuildLbEndpointMetadata). */
function metadataOf(
  { workloadName, namespace, labels, clusterId }: Pick<Endpoint, 'workloadName' | 'namespace' | 'labels' | 'clusterId'>,
  tls: boolean,
): envoy.config.core.v3.IMetadata {
  const service =
    labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName;
  const revision =
    labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? '';
  const workload = [workloadName, namespace, service, revision === 'latest' ? '' : revision, clusterId].join(';');
  return {
    filterMetadata: {
      istio: struct({ workload }),
      ...(tls ? { 'envoy.transport_socket_match': struct({ tlsMode: 'istio' }) } : {}),
    },
  };
}

/** The label by which a workload says that it takes no new sessions. */
export const isDraining = ({ health: status, labels }: Endpoint): boolean =>
  status === 'Draining' || (labels['istio.io/draining'] ?? '') !== '';

interface EndpointTls {
  /** Whether the client speaks mTLS to it. */
  readonly mtls: boolean;
  /** Whether its metadata selects the transport socket for mTLS. */
  readonly selectsMtls: boolean;
}
const memberOf = (endpoint: Endpoint, { mtls, selectsMtls }: EndpointTls, healthStatus?: number): Member => ({
  labels: endpoint.labels,
  network: endpoint.network,
  clusterId: endpoint.clusterId,
  mtls,
  lb: {
    endpoint: { address: addressOf(endpoint) },
    ...(healthStatus === undefined ? {} : { healthStatus }),
    metadata: metadataOf(endpoint, selectsMtls),
    loadBalancingWeight: u32(endpoint.lbWeight || 1),
  },
});

/** An endpoint as EDS has it. */
export function edsMember(view: View, endpoint: Endpoint, rule: TlsMode | undefined): Member {
  const mtls = speaksMtls(view, endpoint, rule);
  const status = isDraining(endpoint) ? DRAINING : health[endpoint.health];
  return memberOf(endpoint, { mtls, selectsMtls: mtls && endpoint.tlsMode === 'istio' }, status);
}

/**
 * An endpoint in a cluster that Envoy resolves by DNS: neither its health is sent nor what policies say at its side.
 */
export function dnsMember(endpoint: Endpoint): Member {
  const mtls = endpoint.tlsMode === 'istio';
  return memberOf(endpoint, { mtls, selectsMtls: mtls });
}

/** A gateway in place of the endpoints of its network. */
export const gatewayMember = (
  of: { network: string; cluster: string; address: string; port: number },
  weight: number,
  ownCluster: string,
): Member => ({
  labels: {
    ...(of.cluster ? { 'topology.istio.io/cluster': of.cluster } : {}),
    'topology.istio.io/network': of.network,
  },
  network: of.network,
  clusterId: of.cluster,
  mtls: true,
  lb: {
    endpoint: { address: { socketAddress: { address: of.address, portValue: of.port } } },
    metadata: metadataOf({ workloadName: '', namespace: '', labels: {}, clusterId: ownCluster }, true),
    loadBalancingWeight: u32(weight),
  },
});

export const weightOf = ({ lb }: Member): number => Number(lb.loadBalancingWeight?.value ?? 0);
