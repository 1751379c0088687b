import { groupBy } from '@flotilla/std';
import type { DestinationRule, LocalityLoadBalancerSetting, TrafficPolicy } from '@flotilla/model';
import {
  instancesKeyOf,
  keepsSessions,
  localityParts,
  portKeyOf,
  type Endpoint,
  type Service,
  type ServicePort,
} from '@flotilla/pilot-registry';
import {
  destinationRuleKey,
  destinationRuleOf,
  endpointsOfPort,
  instancesOfPort,
  isClusterLocal,
  localityOfProxy,
  noRule,
  podOfProxy,
  scopedService,
  scopeOwner,
  setting,
  worldQuery,
  type RuleKey,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import { u32, type envoy } from '@flotilla/proto-gen/envoy';
import { labelsMatch } from '@flotilla/rules';
import { parseOutboundName } from '../cluster-name.ts';
import { localitySetting } from '../clusters/load-balancer.ts';
import { mergeTrafficPolicy } from '../clusters/traffic-policy.ts';
import { finish } from '../finish/finish.ts';
import { gatherParts, part } from '../finish/parts.ts';
import { acrossNetworks, isVisible } from './horizon.ts';
import { applyLocality, type LocalityGroup } from './locality.ts';
import { dnsMember, edsMember, isDraining, tlsModeOf, weightOf, type TlsMode } from './member.ts';
import { sameResource, type XdsResource } from '../resource.ts';

type IClusterLoadAssignment = envoy.config.endpoint.v3.IClusterLoadAssignment;

/** internalTrafficPolicy Local: only what runs on the client's own node, in its cluster. */
function onNodeOf(view: View): (endpoint: Endpoint) => boolean {
  const pod = view.query(podOfProxy, '');
  const node = view.meta('NODE_NAME') || (pod === undefined ? '' : (view.get('pods', pod)?.spec.nodeName ?? ''));
  return ({ nodeName, clusterId }) => nodeName === node && inClusterOf(view, clusterId);
}

const inClusterOf = (view: View, clusterId: string): boolean =>
  view.attr('clusterId') === '' || view.attr('clusterId') === clusterId;

const localityMessage = (region: string, zone: string, subzone: string): envoy.config.core.v3.ILocality => ({
  ...(region ? { region } : {}),
  ...(zone ? { zone } : {}),
  ...(subzone ? { subZone: subzone } : {}),
});

/**
 * The mesh's or the rule's wish for what is near the client; undefined where it changes nothing, so that nobody's place
 * is asked for.
 */
export function localityRule(view: View, policy: TrafficPolicy | undefined): LocalityLoadBalancerSetting | undefined {
  const rule = localitySetting(setting(view, 'localityLbSetting'), policy?.loadBalancer?.localityLbSetting);
  return rule?.distribute?.length || policy?.outlierDetection ? rule : undefined;
}

/**
 * Prefers what is near the client. Labels decide only where endpoints come by EDS; elsewhere a rule that goes by them
 * leaves all equal, but for what it says of places.
 */
function near(
  view: View,
  groups: readonly LocalityGroup[],
  { policy, locality: given, dns }: Pick<AssignmentOf, 'policy' | 'locality' | 'dns'>,
): envoy.config.endpoint.v3.ILocalityLbEndpoints[] {
  const rule = localityRule(view, policy);
  const own = rule && (given ?? view.query(localityOfProxy, ''));
  if (!rule || own === undefined) return groups.map(({ endpoints }) => endpoints);
  const byLabels = rule.failoverPriority?.length;
  if (dns && byLabels && !rule.distribute?.length && !rule.failover?.length)
    return groups.map(({ endpoints }) => endpoints);
  const wish = dns ? { ...rule, failoverPriority: [] } : rule;
  const { region, zone, subzone } = localityParts(own);
  const labels = Object.fromEntries(
    (wish.failoverPriority ?? []).filter((name) => !name.includes('=')).map((name) => [name, view.label(name) ?? '']),
  );
  return applyLocality(groups, {
    setting: wish,
    locality: localityMessage(region, zone, subzone),
    labels,
    failover: policy?.outlierDetection !== undefined,
  });
}

interface AssignmentOf {
  readonly name: string;
  readonly service: Pick<Service, 'hostname' | 'namespace' | 'labels' | 'k8s' | 'resolution'>;
  readonly port: Pick<ServicePort, 'name' | 'port'>;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy?: TrafficPolicy | undefined;
  /** The rule's TLS for EDS; a cluster that Envoy resolves by DNS gets its endpoints as they are. */
  readonly tls?: TlsMode | undefined;
  readonly dns?: boolean;
  /** For a gateway that passes TLS through: endpoints that don't speak mTLS are left out. */
  readonly mtlsOnly?: boolean;
  /** Where the client is, for those who know it already. */
  readonly locality?: string;
}

/** A service port's endpoints by locality, those of a subset only, as far as the client may see them. */
function shownEndpoints(view: View, of: AssignmentOf): readonly (readonly [string, readonly Endpoint[]])[] {
  const { service } = of;
  const isNear = service.k8s.nodeLocal && !of.dns ? onNodeOf(view) : undefined;
  const sticky = keepsSessions(service);
  const known = of.dns
    ? view.query(instancesOfPort, instancesKeyOf(service, of.port))
    : view.query(endpointsOfPort, portKeyOf(service, of.port));
  const all = known.filter(
    (endpoint) =>
      labelsMatch(of.labels, endpoint.labels) &&
      (!isNear || isNear(endpoint)) &&
      (of.dns || sticky || !isDraining(endpoint)) &&
      (endpoint.address !== '' || (!of.dns && endpoint.network !== view.attr('network'))),
  );
  const seen =
    all.length > 0 && isClusterLocal(view, service.hostname)
      ? all.filter(({ clusterId }) => inClusterOf(view, clusterId))
      : all;
  const sees = isVisible(view);
  const visible = of.dns ? seen.filter(({ network }) => sees(network)) : seen;
  // Envoy refuses a cluster of LOGICAL_DNS with more than one endpoint.
  const shown = of.dns && service.resolution === 'DNSRoundRobinLB' ? visible.slice(0, 1) : visible;
  return [...groupBy(shown, ({ locality }) => locality)].sort(([a], [b]) => (a < b ? -1 : 1));
}

function buildGroup(
  view: View,
  of: AssignmentOf,
  { locality, found }: { readonly locality: string; readonly found: readonly Endpoint[] },
): LocalityGroup {
  const { region, zone, subzone } = localityParts(locality);
  const reached = of.dns
    ? found.map(dnsMember)
    : acrossNetworks(
        view,
        found.map((endpoint) => edsMember(view, endpoint, of.tls)),
      );
  const members = of.mtlsOnly ? reached.filter(({ mtls }) => mtls) : reached;
  const weight = Math.min(
    members.reduce((sum, member) => sum + weightOf(member), 0),
    2 ** 32 - 1,
  );
  return {
    endpoints: {
      locality: localityMessage(region, zone, subzone),
      lbEndpoints: members.map(({ lb }) => lb),
      ...(members.length > 0 ? { loadBalancingWeight: u32(weight) } : {}),
    },
    labels: members.map(({ labels }) => labels),
  };
}

/** The load assignment with these groups of endpoints (Istio's EndpointBuilder). */
function withGroups(view: View, of: AssignmentOf, groups: readonly LocalityGroup[]): IClusterLoadAssignment {
  const endpoints = near(view, groups, of);
  return { clusterName: of.name, ...(endpoints.length > 0 ? { endpoints } : {}) };
}

export const buildLoadAssignment = (view: View, of: AssignmentOf): IClusterLoadAssignment =>
  withGroups(
    view,
    of,
    shownEndpoints(view, of).map(([locality, found]) => buildGroup(view, of, { locality, found })),
  );

interface AssignmentFields {
  readonly name: string;
  readonly owner?: ServiceRef | undefined;
  readonly rule: RuleKey;
  /** Where the client is, if it matters. */
  readonly locality?: string | undefined;
}
/** A load assignment is the same for all clients that agree on these. */
const assignmentKey = defineKey<AssignmentFields>()('name', 'owner', 'rule', 'locality');

/**
 * What a DestinationRule says of balancing a destination, and of TLS to its endpoints. A subset counts there with its
 * own words only.
 */
function balancing(
  rule: DestinationRule | undefined,
  { port, subset }: { port: number; subset: string },
): { policy: TrafficPolicy | undefined; tls: TlsMode | undefined; labels: Readonly<Record<string, string>> } {
  const named = subset === '' ? undefined : rule?.subsets?.find(({ name }) => name === subset);
  const policy = mergeTrafficPolicy(
    mergeTrafficPolicy(undefined, rule?.trafficPolicy, port),
    named?.trafficPolicy,
    port,
  );
  // Of an unknown subset all endpoints count.
  return {
    policy,
    tls: tlsModeOf(subset === '' ? rule?.trafficPolicy : named?.trafficPolicy, port),
    labels: named?.labels ?? {},
  };
}

type AssignmentKey = KeyOf<typeof assignmentKey>;

/** What the endpoints of an assignment are asked for by; undefined for a service or port that does not exist. */
function assignmentOf(view: View, { name, owner, rule, locality }: AssignmentKey): AssignmentOf | undefined {
  const { port = 0, subset = '', passthrough = false } = parseOutboundName(name) ?? {};
  const service = owner && scopedService(view, owner);
  const servicePort = service?.ports.find((candidate) => candidate.port === port);
  if (!service || !servicePort) return undefined;
  return {
    name,
    service,
    port: servicePort,
    mtlsOnly: passthrough,
    ...balancing(destinationRuleOf(view, rule)?.rule, { port, subset }),
    ...(locality === undefined ? {} : { locality }),
  };
}

const groupKey = defineKey<{ readonly locality: string; readonly assignment: AssignmentKey }>()(
  'locality',
  'assignment',
);
/** The endpoints of one locality in an assignment. */
const endpointGroup = worldQuery(
  'endpoint-group',
  (view, { locality, assignment: asked }: KeyOf<typeof groupKey>): LocalityGroup | undefined => {
    const of = assignmentOf(view, asked);
    const found = of && shownEndpoints(view, of).find(([name]) => name === locality)?.[1];
    return found && buildGroup(view, of, { locality, found });
  },
);

const assignment = worldQuery(
  'assignment',
  (view, key: AssignmentKey): XdsResource => {
    const { name } = key;
    const of = assignmentOf(view, key);
    if (!of) return finish(view, { kind: 'eds', name, message: { clusterName: name } });
    const { values, parts } = gatherParts(
      view,
      endpointsField,
      shownEndpoints(view, of).map(([locality]) =>
        part(locality, endpointGroup, groupKey({ locality, assignment: key })),
      ),
    );
    const message = withGroups(view, of, values);
    // Where priorities go by labels, endpoints of one locality are in several places: then one group costs all.
    const [failed] = parts.failed;
    if (failed && message.endpoints?.length !== values.length) throw failed.error;
    return { ...finish(view, { kind: 'eds', name, message }), parts };
  },
  { equals: sameResource },
);
/** `endpoints` of a ClusterLoadAssignment. */
const endpointsField = 2;

/** The load assignment of an EDS cluster by its name. Undefined for any other name. */
export const loadAssignment = worldQuery(
  'load-assignment',
  (view, name): XdsResource | undefined => {
    const parsed = parseOutboundName(name);
    if (!parsed) return undefined;
    const owner = view.query(scopeOwner, parsed.host);
    const rule = owner ? destinationRuleKey(view, owner) : noRule;
    const { policy } = balancing(destinationRuleOf(view, rule)?.rule, parsed);
    const locality = localityRule(view, policy) ? view.query(localityOfProxy, '') : undefined;
    return view.query(assignment, assignmentKey({ name, owner, rule, locality }));
  },
  { equals: sameResource },
);
