import { chunksOf, groupBy } from '@flotilla/std';
import type { DestinationRule, LocalityLoadBalancerSetting, TrafficPolicy } from '@flotilla/model';
import {
  instancesKeyOf,
  keepsSessions,
  localityParts,
  portKeyOf,
  portNumbered,
  type Endpoint,
  type Service,
  type ServicePort,
} from '@flotilla/pilot-registry';
import {
  destinationRuleKey,
  destinationRuleOf,
  endpointsFrom,
  endpointSource,
  instancesOfPort,
  isClusterLocal,
  localityOfProxy,
  noRule,
  podOfProxy,
  scopedService,
  scopeOwner,
  setting,
  worldQuery,
  type EndpointSource,
  type RuleKey,
  type ServiceRef,
  type View,
  type WorldQuery,
} from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import { u32, type envoy } from '@flotilla/proto-gen/envoy';
import { labelsMatch } from '@flotilla/rules';
import { parseOutboundName } from '../cluster-name.ts';
import { localitySetting } from '../clusters/load-balancer.ts';
import { mergeTrafficPolicy } from '../clusters/traffic-policy.ts';
import { encodeEndpoints, encodeMessage } from '../finish/encode-message.ts';
import { finish, finished } from '../finish/finish.ts';
import { gatherParts, part, type Parts } from '../finish/parts.ts';
import { isPatched } from '../finish/patches.ts';
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
  readonly labels: Readonly<Record<string, string>>;
  readonly policy?: TrafficPolicy | undefined;
  /** The rule's TLS for EDS; a cluster that Envoy resolves by DNS gets its endpoints as they are. */
  readonly tls?: TlsMode | undefined;
  readonly dns?: boolean;
  /** For a gateway that passes TLS through: endpoints that don't speak mTLS are left out. */
  readonly mtlsOnly?: boolean;
  /** Only the first endpoint: Envoy refuses a LOGICAL_DNS cluster with more. */
  readonly single?: boolean;
  /** Only endpoints on the client's own node. */
  readonly nodeLocal?: boolean | undefined;
  /** Only endpoints in the client's own cluster. */
  readonly clusterLocal?: boolean;
  /** Draining endpoints too, because the service keeps sessions. */
  readonly sticky?: boolean;
  /** Where the client is, for those who know it already. */
  readonly locality?: string;
}

/** Which endpoints a client may see, as far as the service says. */
const restrictions = (
  view: View,
  { hostname, labels, k8s }: Pick<Service, 'hostname' | 'labels' | 'k8s'>,
): { readonly nodeLocal: boolean; readonly clusterLocal: boolean; readonly sticky: boolean } => ({
  nodeLocal: k8s.nodeLocal === true,
  clusterLocal: isClusterLocal(view, hostname),
  sticky: keepsSessions({ labels }),
});

/** Endpoints by locality, those of a subset only, as far as the client may see them. */
function shownEndpoints(
  view: View,
  endpoints: readonly Endpoint[],
  of: AssignmentOf,
): ReadonlyMap<string, readonly Endpoint[]> {
  const isNear = of.nodeLocal && !of.dns ? onNodeOf(view) : undefined;
  const all = endpoints.filter(
    (endpoint) =>
      labelsMatch(of.labels, endpoint.labels) &&
      (!isNear || isNear(endpoint)) &&
      (of.dns || of.sticky || !isDraining(endpoint)) &&
      (endpoint.address !== '' || (!of.dns && endpoint.network !== view.attr('network'))),
  );
  const seen = all.length > 0 && of.clusterLocal ? all.filter(({ clusterId }) => inClusterOf(view, clusterId)) : all;
  const sees = of.dns ? isVisible(view) : undefined;
  const visible = sees ? seen.filter(({ network }) => sees(network)) : seen;
  const shown = of.single ? visible.slice(0, 1) : visible;
  return new Map([...groupBy(shown, ({ locality }) => locality)].sort(([a], [b]) => (a < b ? -1 : 1)));
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

/** A load assignment (Istio's EndpointBuilder). */
const assignmentMessage = (
  name: string,
  endpoints: readonly envoy.config.endpoint.v3.ILocalityLbEndpoints[],
): IClusterLoadAssignment => ({ clusterName: name, ...(endpoints.length > 0 ? { endpoints: [...endpoints] } : {}) });

interface DnsAssignment extends Pick<AssignmentOf, 'labels' | 'policy' | 'locality'> {
  readonly name: string;
  readonly service: Pick<Service, 'hostname' | 'namespace' | 'labels' | 'k8s' | 'resolution'>;
  readonly port: Pick<ServicePort, 'name' | 'port'>;
}
/** The load assignment that is part of a cluster which Envoy resolves by DNS. */
export function buildDnsAssignment(
  view: View,
  { name, service, port, ...rest }: DnsAssignment,
): IClusterLoadAssignment {
  const single = service.resolution === 'DNSRoundRobinLB';
  const of = { ...rest, ...restrictions(view, service), dns: true, single };
  const shown = shownEndpoints(view, view.query(instancesOfPort, instancesKeyOf(service, port)), of);
  const groups = [...shown].map(([locality, found]) => buildGroup(view, of, { locality, found }));
  return assignmentMessage(name, near(view, groups, of));
}

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

interface EndpointSetFields {
  readonly source: EndpointSource;
  readonly rule: RuleKey;
  readonly port: number;
  readonly subset: string;
  readonly mtlsOnly: boolean;
  readonly nodeLocal: boolean;
  readonly clusterLocal: boolean;
  readonly sticky: boolean;
  /** Where the client is, if it matters. */
  readonly locality?: string | undefined;
}
/**
 * The endpoints of an assignment, without the host's name: a thousand hosts that select the same Pods share one set,
 * which is encoded once.
 */
const endpointSetKey = defineKey<EndpointSetFields>()(
  'source',
  'rule',
  'port',
  'subset',
  'mtlsOnly',
  'nodeLocal',
  'clusterLocal',
  'sticky',
  'locality',
);
type EndpointSetKey = KeyOf<typeof endpointSetKey>;

/** The endpoints that an assignment has; undefined for a service or port that does not exist. */
function endpointSetOf(view: View, { name, owner, rule, locality }: AssignmentKey): EndpointSetKey | undefined {
  const { port = 0, subset = '', passthrough = false } = parseOutboundName(name) ?? {};
  const service = owner && scopedService(view, owner);
  const servicePort = service && portNumbered(service, port);
  if (!service || !servicePort) return undefined;
  return endpointSetKey({
    source: view.query(endpointSource, portKeyOf(service, servicePort)),
    rule,
    // The port's number only matters for what the rule says about that port.
    port: rule === noRule ? 0 : port,
    subset,
    mtlsOnly: passthrough,
    ...restrictions(view, service),
    locality,
  });
}

function assignmentOf(view: View, set: EndpointSetKey): AssignmentOf {
  const { rule, port, subset, locality, mtlsOnly, nodeLocal, clusterLocal, sticky } = set;
  return {
    ...balancing(destinationRuleOf(view, rule)?.rule, { port, subset }),
    ...{ mtlsOnly, nodeLocal, clusterLocal, sticky },
    ...(locality === undefined ? {} : { locality }),
  };
}

/** The endpoints of a set by their locality. */
const endpointsByLocality = worldQuery('endpoints-by-locality', (view, set: EndpointSetKey) =>
  shownEndpoints(view, view.query(endpointsFrom, set.source), assignmentOf(view, set)),
);

const groupKey = defineKey<{ readonly locality: string; readonly set: EndpointSetKey }>()('locality', 'set');
type GroupKey = KeyOf<typeof groupKey>;

function groupOf(view: View, { locality, set }: GroupKey): LocalityGroup | undefined {
  const found = view.query(endpointsByLocality, set).get(locality);
  return found && buildGroup(view, assignmentOf(view, set), { locality, found });
}
/** The endpoints of one locality, as messages. */
const endpointGroup = worldQuery('endpoint-group', groupOf);

/** The same, encoded as the field `endpoints` of an assignment. */
const encodedGroup = worldQuery(
  'encoded-endpoint-group',
  (view, key: GroupKey): XdsResource | undefined => {
    const group = groupOf(view, key);
    return group && finished(key.locality, encodeEndpoints([group.endpoints]));
  },
  { equals: sameResource },
);

/** Reads the groups of a set, as messages or as bytes. */
const gatherGroups = <R>(
  view: View,
  set: EndpointSetKey,
  query: WorldQuery<GroupKey, R | undefined>,
): ReturnType<typeof gatherParts<R>> =>
  gatherParts<R>(
    view,
    endpointsField,
    [...view.query(endpointsByLocality, set).keys()].map((locality) =>
      part(locality, query, groupKey({ locality, set })),
    ),
  );

/** The endpoints of a set as they are in an assignment, as messages. */
function endpointsOfSet(
  view: View,
  set: EndpointSetKey,
): { readonly endpoints: readonly envoy.config.endpoint.v3.ILocalityLbEndpoints[]; readonly parts: Parts } {
  const { values, parts } = gatherGroups(view, set, endpointGroup);
  const endpoints = near(view, values, assignmentOf(view, set));
  // With priorities by labels, the endpoints of one locality may be in several groups, so one failed group fails all.
  const [failed] = parts.failed;
  if (failed && endpoints.length !== values.length) throw failed.error;
  return { endpoints, parts };
}

/** Everything in an assignment but its name, as bytes. */
const encodedEndpoints = worldQuery(
  'encoded-endpoints',
  (view, set: EndpointSetKey): XdsResource => {
    if (set.locality === undefined) {
      const { values, parts } = gatherGroups(view, set, encodedGroup);
      return {
        ...finished(
          '',
          values.flatMap(({ bytes }) => chunksOf(bytes)),
        ),
        parts,
      };
    }
    const { endpoints, parts } = endpointsOfSet(view, set);
    // In the same chunks as above, so that equal endpoints give equal bytes.
    const encoded = endpoints.map((each) => encodeEndpoints([each]));
    return { ...finished('', encoded), parts };
  },
  { equals: sameResource },
);

const assignment = worldQuery(
  'assignment',
  (view, key: AssignmentKey): XdsResource => {
    const { name } = key;
    const set = endpointSetOf(view, key);
    if (set && isPatched(view, 'eds', name)) {
      const { endpoints, parts } = endpointsOfSet(view, set);
      return { ...finish(view, { kind: 'eds', name, message: assignmentMessage(name, endpoints) }), parts };
    }
    if (!set) return finish(view, { kind: 'eds', name, message: assignmentMessage(name, []) });
    const { bytes, parts } = view.query(encodedEndpoints, set);
    const head = encodeMessage('eds', assignmentMessage(name, []));
    return { ...finished(name, [head, ...chunksOf(bytes)]), ...(parts ? { parts } : {}) };
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
