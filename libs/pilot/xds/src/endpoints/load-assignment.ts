import { groupBy } from '@flotilla/std';
import type { DestinationRule, LocalityLoadBalancerSetting, TrafficPolicy } from '@flotilla/model';
import { augmentLabels, labelsMatch, localityParts, type Endpoint, type Service, type ServicePort } from '@flotilla/pilot-registry';
import {
  destinationRuleKey, destinationRuleOf, endpointsOfPort, localityOfProxy, podOfProxy, scopedService, scopeOwner, setting, worldQuery, type RuleKey, type ServiceRef, type View,
} from '@flotilla/pilot-world';
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
  if (!rule || own === undefined) return groups.map(({ endpoints }) => endpoints);
  const { region, zone, subzone } = localityParts(own);
  const labels = rule.failoverPriority?.length
    ? augmentLabels(view.attr('labels'), { clusterId: view.attr('clusterId'), locality: own, nodeName: String(view.meta('NODE_NAME') ?? ''), network: view.attr('network') }) : {};
  return applyLocality(groups, { setting: rule, locality: localityMessage(region, zone, subzone), labels, failover: policy?.outlierDetection !== undefined });
}

interface AssignmentOf {
  readonly name: string; readonly service: Pick<Service, 'hostname' | 'namespace' | 'k8s'>; readonly port: Pick<ServicePort, 'name'>;
  readonly labels: Readonly<Record<string, string>>; readonly plainText?: boolean; readonly policy?: TrafficPolicy | undefined;
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

/** A load assignment is the same for all clients that agree on these. */
interface Asked {
  /** `outbound|port|subset|host` */
  readonly name: string;
  readonly owner?: ServiceRef;
  readonly rule: RuleKey;
  /** Where the client is, if it matters. */
  readonly locality?: string;
}

/** What a DestinationRule says of balancing a destination, and whether it switches TLS off: then no endpoint is spoken to in it. A subset counts there with its own words only. */
function balancing(rule: DestinationRule | undefined, { port, subset }: { port: number; subset: string }): { policy: TrafficPolicy | undefined; plainText: boolean; labels: Readonly<Record<string, string>> } {
  const named = subset === '' ? undefined : rule?.subsets?.find(({ name }) => name === subset);
  const policy = mergeTrafficPolicy(mergeTrafficPolicy(undefined, rule?.trafficPolicy, port), named?.trafficPolicy, port);
  const own = mergeTrafficPolicy(undefined, subset === '' ? rule?.trafficPolicy : named?.trafficPolicy, port);
  // Of an unknown subset all endpoints count.
  return { policy, plainText: own?.tls?.mode === 'DISABLE', labels: named?.labels ?? {} };
}

/** Key: Asked as JSON. */
const assignment = worldQuery('assignment', (view, key): XdsResource => {
  const { name, owner, rule, locality } = JSON.parse(key) as Asked;
  const [, port, subset] = name.split('|') as [string, string, string];
  const service = owner && scopedService(view, owner);
  const servicePort = service?.ports.find((candidate) => candidate.port === Number(port));
  const built: IClusterLoadAssignment = service && servicePort
    ? buildLoadAssignment(view, { name, service, port: servicePort, ...balancing(destinationRuleOf(view, rule)?.rule, { port: Number(port), subset }), ...(locality === undefined ? {} : { locality }) })
    : { clusterName: name };
  return xdsResource(name, encode(envoy.config.endpoint.v3.ClusterLoadAssignment, built));
}, { equals: sameResource });

/** The load assignment of an EDS cluster by its name, `outbound|port|subset|host`. Undefined for a name that is none. */
export const loadAssignment = worldQuery('load-assignment', (view, name): XdsResource | undefined => {
  const [direction, port, subset, host] = name.split('|');
  if (direction !== 'outbound' || subset === undefined || host === undefined) return undefined;
  const owner = view.query(scopeOwner, host);
  const rule = owner ? destinationRuleKey(view, owner) : '';
  const { policy } = balancing(destinationRuleOf(view, rule)?.rule, { port: Number(port), subset });
  const asked: Asked = { name, ...(owner ? { owner } : {}), rule, ...(localityRule(view, policy) ? { locality: view.query(localityOfProxy, '') } : {}) };
  return view.query(assignment, JSON.stringify(asked));
}, { equals: sameResource });
