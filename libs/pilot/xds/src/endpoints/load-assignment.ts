import { groupBy } from '@flotilla/std';
import type { LocalityLoadBalancerSetting, TrafficPolicy } from '@flotilla/model';
import { augmentLabels, labelsMatch, localityParts, type Endpoint, type Service, type ServicePort } from '@flotilla/pilot-registry';
import { destinationRule, endpointsOfPort, localityOfProxy, podOfProxy, scopeOwner, serviceForHost, setting, worldQuery, type View } from '@flotilla/pilot-world';
import { encode, envoy, struct, u32 } from '@flotilla/proto-gen/envoy';
import { portMtls, workloadMtls } from '../authn/mtls-mode.ts';
import { localitySetting } from '../clusters/load-balancer.ts';
import { mergeTrafficPolicy } from '../clusters/traffic-policy.ts';
import { applyLocality, type LocalityGroup } from './locality.ts';
import { sameResource, xdsResource, type XdsResource } from '../resource.ts';

type IClusterLoadAssignment = envoy.config.endpoint.v3.IClusterLoadAssignment;
type ILbEndpoint = envoy.config.endpoint.v3.ILbEndpoint;
const { HEALTHY, UNHEALTHY, DRAINING } = envoy.config.core.v3.HealthStatus;
const health: Readonly<Record<Endpoint['health'], number | undefined>> = { Healthy: HEALTHY, UnHealthy: UNHEALTHY, Draining: DRAINING, Unknown: undefined };

const addressOf = ({ address, port }: Endpoint): envoy.config.core.v3.IAddress =>
  (address.startsWith('/') || address.startsWith('@') ? { pipe: { path: address } } : { socketAddress: { address, portValue: port } });

/** What a client's telemetry and TLS need to know of an endpoint (Istio's BuildLbEndpointMetadata). */
function metadataOf(endpoint: Endpoint, tls: boolean): envoy.config.core.v3.IMetadata {
  const { workloadName, namespace, labels, clusterId } = endpoint;
  const service = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? '';
  const revision = labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? '';
  const workload = [workloadName, namespace, service, revision === 'latest' ? '' : revision, clusterId].join(';');
  return { filterMetadata: { istio: struct({ workload }), ...(tls ? { 'envoy.transport_socket_match': struct({ tlsMode: 'istio' }) } : {}) } };
}

function buildEndpoint(view: View, endpoint: Endpoint, plainText: boolean): ILbEndpoint {
  // A policy that disables mTLS at the server's port makes clients speak plain text to it.
  const tls = !plainText && endpoint.tlsMode === 'istio' && portMtls(workloadMtls(view, endpoint.namespace, endpoint.labels), endpoint.port) !== 'DISABLE';
  const status = health[endpoint.health];
  return {
    endpoint: { address: addressOf(endpoint) },
    ...(status === undefined ? {} : { healthStatus: status }),
    metadata: metadataOf(endpoint, tls),
    loadBalancingWeight: u32(endpoint.lbWeight || 1),
  };
}

/** internalTrafficPolicy Local: only what runs on the client's own node, in its cluster. */
function onNodeOf(view: View): (endpoint: Endpoint) => boolean {
  const pod = view.query(podOfProxy, '');
  const node = view.meta('NODE_NAME') || (pod === undefined ? '' : view.get('pods', pod)?.spec.nodeName ?? '');
  const cluster = view.attr('clusterId');
  return ({ nodeName, clusterId }) => nodeName === node && (cluster === '' || cluster === clusterId);
}

const localityMessage = (region: string, zone: string, subzone: string): envoy.config.core.v3.ILocality =>
  ({ ...(region ? { region } : {}), ...(zone ? { zone } : {}), ...(subzone ? { subZone: subzone } : {}) });

/** The mesh's or the rule's wish for what is near the client; undefined where it changes nothing, so that nobody's place is asked for. */
function localityRule(view: View, policy: TrafficPolicy | undefined): LocalityLoadBalancerSetting | undefined {
  const rule = localitySetting(setting(view, 'localityLbSetting'), policy?.loadBalancer?.localityLbSetting);
  return rule?.distribute?.length || policy?.outlierDetection ? rule : undefined;
}

/** Prefers what is near the client, whose own place must be known for it. */
function near(view: View, groups: readonly LocalityGroup[], { policy, locality: given }: Pick<AssignmentOf, 'policy' | 'locality'>): envoy.config.endpoint.v3.ILocalityLbEndpoints[] {
  const rule = localityRule(view, policy);
  const own = rule && (given ?? view.query(localityOfProxy, ''));
  if (!rule || own === undefined || (own === '' && !rule.failoverPriority?.length)) return groups.map(({ endpoints }) => endpoints);
  const { region, zone, subzone } = localityParts(own);
  const labels = rule.failoverPriority?.length
    ? augmentLabels(view.attr('labels'), { clusterId: view.attr('clusterId'), locality: own, nodeName: String(view.meta('NODE_NAME') ?? ''), network: view.attr('network') }) : {};
  return applyLocality(groups, { setting: rule, locality: localityMessage(region, zone, subzone), labels, failover: policy?.outlierDetection !== undefined });
}

interface AssignmentOf {
  readonly name: string; readonly service: Pick<Service, 'hostname' | 'namespace' | 'k8s'>; readonly port: Pick<ServicePort, 'name'>;
  readonly labels: Readonly<Record<string, string>>; readonly plainText?: boolean; readonly policy?: TrafficPolicy;
  /** Where the client is, for those who know it already. */
  readonly locality?: string;
}

/** A service port's endpoints by locality, those of a subset only (Istio's EndpointBuilder). */
export function buildLoadAssignment(view: View, of: AssignmentOf): IClusterLoadAssignment {
  const isNear = of.service.k8s.nodeLocal ? onNodeOf(view) : undefined;
  const all = view.query(endpointsOfPort, `${of.service.hostname}|${of.service.namespace}|${of.port.name}`)
    .filter((endpoint) => labelsMatch(of.labels, endpoint.labels) && (!isNear || isNear(endpoint)));
  const groups = [...groupBy(all, ({ locality }) => locality)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([locality, members]) => {
    const { region, zone, subzone } = localityParts(locality);
    const lbEndpoints = members.map((endpoint) => buildEndpoint(view, endpoint, of.plainText ?? false));
    const weight = lbEndpoints.reduce((sum, { loadBalancingWeight }) => sum + Number(loadBalancingWeight?.value ?? 0), 0);
    return {
      endpoints: { locality: localityMessage(region, zone, subzone), lbEndpoints, loadBalancingWeight: u32(Math.min(weight, 2 ** 32 - 1)) },
      labels: members.map(({ labels }) => labels),
    };
  });
  const endpoints = near(view, groups, of);
  return { clusterName: of.name, ...(endpoints.length > 0 ? { endpoints } : {}) };
}

/** The labels of a subset; none for an unknown one, so that all endpoints count. Key: `subset|host`. */
const subsetLabels = worldQuery('subset-labels', (view, key): Readonly<Record<string, string>> => {
  const bar = key.indexOf('|');
  const owner = view.query(scopeOwner, key.slice(bar + 1));
  return (owner && destinationRule(view, owner)?.rule.subsets?.find(({ name }) => name === key.slice(0, bar))?.labels) ?? {};
});

/** What a DestinationRule says of balancing a destination. Key: `port|subset|host`. */
const balancing = worldQuery('balancing', (view, key): TrafficPolicy | undefined => {
  const [port, subset, host] = key.split('|') as [string, string, string];
  const owner = view.query(scopeOwner, host);
  const rule = owner && destinationRule(view, owner)?.rule;
  const own = subset === '' ? undefined : rule?.subsets?.find(({ name }) => name === subset)?.trafficPolicy;
  const { loadBalancer, outlierDetection } = mergeTrafficPolicy(mergeTrafficPolicy(undefined, rule?.trafficPolicy, Number(port)), own, Number(port)) ?? {};
  return loadBalancer || outlierDetection ? { loadBalancer, outlierDetection } : undefined;
});

/** Does a DestinationRule switch TLS off for a destination? Then no endpoint is spoken to in it. A subset counts with its own words only. Key: `port|subset|host`. */
const isPlainText = worldQuery('is-plain-text', (view, key): boolean => {
  const [port, subset, host] = key.split('|') as [string, string, string];
  const owner = view.query(scopeOwner, host);
  const rule = owner && destinationRule(view, owner)?.rule;
  const policy = subset === '' ? rule?.trafficPolicy : rule?.subsets?.find(({ name }) => name === subset)?.trafficPolicy;
  return mergeTrafficPolicy(undefined, policy, Number(port))?.tls?.mode === 'DISABLE';
});

function assignmentOf(view: View, name: string, locality: string): XdsResource {
  const [direction, port, subset, host] = name.split('|') as [string, string, string, string];
  const service = serviceForHost(view, host);
  const servicePort = service?.ports.find((candidate) => candidate.port === Number(port));
  const at = name.slice(direction.length + 1);
  const built: IClusterLoadAssignment = service && servicePort
    ? buildLoadAssignment(view, {
      name, service, port: servicePort, labels: subset ? view.query(subsetLabels, `${subset}|${host}`) : {}, plainText: view.query(isPlainText, at), policy: view.query(balancing, at), locality,
    })
    : { clusterName: name };
  return xdsResource(name, encode(envoy.config.endpoint.v3.ClusterLoadAssignment, built));
}

/** As clients in one place have it. Key: `locality|name`. */
const assignmentFrom = worldQuery('load-assignment-from', (view, key): XdsResource => {
  const bar = key.indexOf('|');
  return assignmentOf(view, key.slice(bar + 1), key.slice(0, bar));
}, { equals: sameResource });

/** The load assignment of an EDS cluster by its name, `outbound|port|subset|host`. Undefined for a name that is none. */
export const loadAssignment = worldQuery('load-assignment', (view, name): XdsResource | undefined => {
  const [direction, ...at] = name.split('|');
  if (direction !== 'outbound' || at.length < 3) return undefined;
  return localityRule(view, view.query(balancing, at.join('|'))) ? view.query(assignmentFrom, `${view.query(localityOfProxy, '')}|${name}`) : assignmentOf(view, name, '');
}, { equals: sameResource });
