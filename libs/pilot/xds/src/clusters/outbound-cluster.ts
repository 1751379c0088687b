import type { TrafficPolicy } from '@flotilla/model';
import { keepsSessions, type Service, type ServicePort } from '@flotilla/pilot-registry';
import {
  destinationRuleOf,
  hasCredentialSocket,
  mesh,
  worldQuery,
  type MergedRule,
  type RuleKey,
  type View,
} from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { clusterName, passthroughName } from '../cluster-name.ts';
import { buildDnsAssignment } from '../endpoints/dns-assignment.ts';
import { buildOutboundCluster, type ClusterMesh } from './build.ts';
import { tlsOf } from './client-tls.ts';
import { buildLoadBalancer } from './load-balancer.ts';
import { mergeTrafficPolicy } from './traffic-policy.ts';

const { Cluster } = envoy.config.cluster.v3;
type ICluster = envoy.config.cluster.v3.ICluster;
type ILoadAssignment = envoy.config.endpoint.v3.IClusterLoadAssignment;
const { EDS, LOGICAL_DNS, ORIGINAL_DST, STRICT_DNS } = Cluster.DiscoveryType;
const { V4_ONLY, V6_ONLY } = Cluster.DnsLookupFamily;

const clusterMesh = worldQuery('cluster-mesh', (view): ClusterMesh => {
  const {
    connectTimeout,
    tcpKeepalive,
    localityLbSetting,
    h2UpgradePolicy,
    dnsRefreshRate,
    tlsDefaults,
    outboundClusterStatName,
  } = view.query(mesh, '');
  return {
    connectTimeout,
    tcpKeepalive,
    localityLbSetting,
    h2UpgradePolicy,
    dnsRefreshRate,
    tlsDefaults,
    outboundClusterStatName,
  };
});

/** Istio's convertResolution. A gateway can't pass through. */
function discoveryType(service: Service, isRouter: boolean): number {
  switch (service.resolution) {
    case 'ClientSideLB':
      return EDS;
    case 'DNSLB':
      return STRICT_DNS;
    case 'DNSRoundRobinLB':
      return LOGICAL_DNS;
    default:
      return isRouter ? EDS : ORIGINAL_DST;
  }
}

interface ClusterName {
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
  readonly passesTls: boolean;
}
export const nameOf = ({ host, port, subset, passesTls }: ClusterName): string =>
  passesTls ? passthroughName({ port, subset, host }) : clusterName('outbound', { port, subset, host });

export type Subset = NonNullable<MergedRule['rule']['subsets']>[number];

/** The subsets of a rule by their names, the first of each. */
const subsetsByName = worldQuery('subsets-by-name', (view, rule: RuleKey): ReadonlyMap<string, Subset> => {
  const subsets = destinationRuleOf(view, rule)?.rule.subsets ?? [];
  return new Map(subsets.toReversed().map((subset) => [subset.name ?? '', subset]));
});

/** None where the whole port has no cluster. */
export function buildSubsetCluster(
  view: View,
  whole: OutboundCluster,
  { rule, name }: { rule: RuleKey; name: string },
): ICluster | undefined {
  const subset = view.query(subsetsByName, rule).get(name);
  const parent = typeOf(view, whole);
  if (!subset || parent === undefined) return undefined;
  return buildCluster(view, {
    ...whole,
    policy: mergeTrafficPolicy(whole.policy, subset.trafficPolicy, whole.port.port),
    inferFrom: subset.trafficPolicy,
    subset: { name, labels: subset.labels ?? {} },
    // A subset can't undo its parent's pass-through.
    ...(parent === ORIGINAL_DST ? { type: ORIGINAL_DST } : {}),
  });
}

export interface OutboundCluster {
  readonly service: Service;
  readonly port: ServicePort;
  readonly passesTls: boolean;
  readonly policy?: TrafficPolicy;
  readonly inferFrom?: TrafficPolicy;
  readonly ruleOf?: MergedRule;
  readonly subset?: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly type?: number;
  readonly locality?: string | undefined;
}

/** What a cluster is found by, before its load balancer has its say. */
const foundBy = (view: View, { service, inferFrom, subset, type }: OutboundCluster): number =>
  type ??
  (subset && inferFrom?.loadBalancer?.simple === 'PASSTHROUGH'
    ? ORIGINAL_DST
    : discoveryType(service, view.attr('type') === 'router'));

const dnsTypes: readonly number[] = [STRICT_DNS, LOGICAL_DNS];

/** A DNS cluster has its endpoints with it. */
const assignmentOf = (
  view: View,
  { service, port, policy, subset, locality }: OutboundCluster,
  name: string,
): ILoadAssignment =>
  buildDnsAssignment(view, {
    name,
    service,
    port,
    labels: subset?.labels ?? {},
    ...(policy ? { policy } : {}),
    ...(locality === undefined ? {} : { locality }),
  });

/** The discovery type of a cluster; undefined where the port gets no cluster, such as DNS without endpoints. */
function typeOf(view: View, one: OutboundCluster): number | undefined {
  const type = foundBy(view, one);
  if (dnsTypes.includes(type) && !assignmentOf(view, one, '').endpoints?.length) return undefined;
  return buildLoadBalancer(type, one.policy?.loadBalancer, { redis: false }).type ?? type;
}

export function buildCluster(view: View, one: OutboundCluster): ICluster | undefined {
  const { service, port, passesTls, policy, ruleOf, inferFrom, subset } = one;
  const name = nameOf({ host: service.hostname, port: port.port, subset: subset?.name, passesTls });
  const type = foundBy(view, one);
  const loadAssignment = dnsTypes.includes(type) ? assignmentOf(view, one, name) : undefined;
  if (loadAssignment && !loadAssignment.endpoints?.length) return undefined;
  const tls = passesTls
    ? undefined
    : tlsOf(view, {
        service,
        port,
        policy,
        inferFrom,
        subset,
        withSelector: ruleOf?.rule.workloadSelector !== undefined,
      });
  return buildOutboundCluster({
    name,
    type,
    service,
    port,
    mesh: view.query(clusterMesh, ''),
    dnsLookupFamily: view.attr('supportsIPv4') ? V4_ONLY : V6_ONLY,
    // Istio has it for the whole port alone: a subset's sessions end when their endpoint drains
    keepsDraining: keepsSessions(service) && subset === undefined && !passesTls,
    sniffs: view.attr('type') !== 'router',
    istioExtensions: view.attr('istioExtensions'),
    credentialSocket: tls?.settings.credentialName?.startsWith('sds://') === true && hasCredentialSocket(view),
    ...(subset ? { subset: subset.name } : {}),
    ...(policy ? { policy } : {}),
    ...(ruleOf ? { rule: ruleOf } : {}),
    ...(loadAssignment ? { loadAssignment } : {}),
    ...(tls ? { tls } : {}),
  });
}
