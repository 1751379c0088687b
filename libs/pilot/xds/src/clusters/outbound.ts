import type { ClientTLSSettings, TrafficPolicy } from '@flotilla/model';
import {
  hostKey,
  instancesKeyOf,
  keepsSessions,
  portNumbered,
  type Service,
  type ServicePort,
} from '@flotilla/pilot-registry';
import {
  destinationRuleOf,
  destinationRulesOf,
  hasCredentialSocket,
  instancesOfPort,
  localityOfProxy,
  mesh,
  ownCertificate,
  ownersOf,
  scopedService,
  serviceAccountsOf,
  setting,
  sidecarScope,
  worldQuery,
  type WorldQuery,
  type MergedRule,
  type RuleKey,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { defineKey, member, type KeyOf } from '@flotilla/query';
import { namespaceMtlsMode } from '../authn/mtls-mode.ts';
import { clusterName, passthroughName } from '../cluster-name.ts';
import { differByAddress } from '../differ-by-address.ts';
import { buildDnsAssignment, localityRule } from '../endpoints/load-assignment.ts';
import { finish } from '../finish/finish.ts';
import { passesTlsOn } from '../gateway/merge.ts';
import { gatherNames, namingQuery, sameNames, type Names } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { buildOutboundCluster, type ClusterMesh } from './build.ts';
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

interface ServiceRuleFields {
  readonly ref: ServiceRef;
  readonly rule: RuleKey;
  /**
   * For TLS that a gateway passes on by its SNI: named by that, and without TLS of its own (Istio's SNI-DNAT clusters).
   */
  readonly passesTls: boolean;
}
/**
 * What the clusters of a service are made of: the service as a scope shows it, and the DestinationRule that holds for
 * it.
 */
const serviceRule = defineKey<ServiceRuleFields>()('ref', 'rule', 'passesTls');
type ServiceRule = KeyOf<typeof serviceRule>;

interface ClusterFields {
  readonly of: ServiceRule;
  readonly port: number;
  readonly subset?: string | undefined;
  /** Where the client is, where its endpoints depend on that. */
  readonly locality?: string | undefined;
}
/** One of the clusters of a service: for a port, and for a subset of the rule where one is named. */
const clusterKey = defineKey<ClusterFields>()('of', 'port', 'subset', 'locality');

/** What the clusters of a service have in common, whatever its rule. */
const sourceOf = ({ ref, passesTls }: ServiceRule): string =>
  `${ref.hostname}|${ref.namespace}${passesTls ? '|passes TLS' : ''}`;

interface ClusterName {
  readonly host: string;
  readonly port: number;
  readonly subset: string | undefined;
  readonly passesTls: boolean;
}
const nameOf = ({ host, port, subset, passesTls }: ClusterName): string =>
  passesTls ? passthroughName({ port, subset, host }) : clusterName('outbound', { port, subset, host });

const isRouted = ({ protocol }: ServicePort): boolean => protocol !== 'UDP';
const isDns = ({ resolution }: Service): boolean => resolution === 'DNSLB' || resolution === 'DNSRoundRobinLB';

type Subset = NonNullable<MergedRule['rule']['subsets']>[number];

/** What a rule says of a port, or of a subset there. */
function policyOf(
  ofRule: TrafficPolicy | undefined,
  { port, subset }: { readonly port: number; readonly subset: Subset | undefined },
): TrafficPolicy | undefined {
  const whole = mergeTrafficPolicy(undefined, ofRule, port);
  return subset === undefined ? whole : mergeTrafficPolicy(whole, subset.trafficPolicy, port);
}

/** The clusters of one service: one for each port and subset. All who have the same ServiceRule share them. */
const serviceClusters: WorldQuery<ServiceRule, Names> = worldQuery(
  'service-clusters',
  (view, rule: ServiceRule): Names => {
    const service = scopedService(view, rule.ref);
    if (!service || service.resolution === 'Alias' || (rule.passesTls && service.meshExternal)) return [];
    const { trafficPolicy, subsets = [] } = destinationRuleOf(view, rule.rule)?.rule ?? {};
    const named = (port: number, subset?: Subset): Names[number] => {
      const key = clusterKey({ of: rule, port, subset: subset === undefined ? undefined : (subset.name ?? '') });
      const isPlaced = isDns(service) && localityRule(view, policyOf(trafficPolicy, { port, subset })) !== undefined;
      return member(isPlaced ? placedCluster : outboundCluster, key, {
        name: nameOf({ host: service.hostname, port, subset: key.subset, passesTls: rule.passesTls }),
        source: sourceOf(rule),
      });
    };
    return service.ports
      .filter(isRouted)
      .flatMap(({ port }) => [named(port), ...subsets.map((subset) => named(port, subset))]);
  },
  { equals: sameNames },
);

/** One outbound cluster. */
const outboundCluster = worldQuery(
  'outbound-cluster',
  (view, { of, port: number, subset: name, locality }: KeyOf<typeof clusterKey>): XdsResource | undefined => {
    const { ref, rule: ruleKey, passesTls } = of;
    const service = scopedService(view, ref);
    const port = service && portNumbered(service, number);
    if (!service || !port) return undefined;
    const rule = destinationRuleOf(view, ruleKey);
    const policy = mergeTrafficPolicy(undefined, rule?.rule.trafficPolicy, port.port);
    const inferFrom = rule?.rule.trafficPolicy;
    const whole: One = { service, port, passesTls, policy, ruleOf: rule, inferFrom, locality };
    const cluster = name === undefined ? buildOne(view, whole) : buildSubset(view, whole, { rule: ruleKey, name });
    return cluster && finish(view, { kind: 'cds', name: cluster.name ?? '', message: cluster });
  },
  { equals: sameResource },
);

/** A cluster with endpoints in it whose priorities depend on where the client is: shared by all clients there. */
const placedCluster = worldQuery(
  'placed-cluster',
  (view, { of, port, subset }: KeyOf<typeof clusterKey>): XdsResource | undefined =>
    view.query(outboundCluster, clusterKey({ of, port, subset, locality: view.query(localityOfProxy, '') })),
  { equals: sameResource },
);

/** The subsets of a rule by their names, the first of each. */
const subsetsByName = worldQuery('subsets-by-name', (view, rule: RuleKey): ReadonlyMap<string, Subset> => {
  const subsets = destinationRuleOf(view, rule)?.rule.subsets ?? [];
  return new Map(subsets.toReversed().map((subset) => [subset.name ?? '', subset]));
});

/** None where the whole port has no cluster. */
function buildSubset(view: View, whole: One, { rule, name }: { rule: RuleKey; name: string }): ICluster | undefined {
  const subset = view.query(subsetsByName, rule).get(name);
  const parent = typeOf(view, whole);
  if (!subset || parent === undefined) return undefined;
  return buildOne(view, {
    ...whole,
    policy: mergeTrafficPolicy(whole.policy, subset.trafficPolicy, whole.port.port),
    inferFrom: subset.trafficPolicy,
    subset: { name, labels: subset.labels ?? {} },
    // A subset can't undo its parent's pass-through.
    ...(parent === ORIGINAL_DST ? { type: ORIGINAL_DST } : {}),
  });
}

interface One {
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
const foundBy = (view: View, { service, inferFrom, subset, type }: One): number =>
  type ??
  (subset && inferFrom?.loadBalancer?.simple === 'PASSTHROUGH'
    ? ORIGINAL_DST
    : discoveryType(service, view.attr('type') === 'router'));

const dnsTypes: readonly number[] = [STRICT_DNS, LOGICAL_DNS];

/** A DNS cluster has its endpoints with it. */
const assignmentOf = (view: View, { service, port, policy, subset, locality }: One, name: string): ILoadAssignment =>
  buildDnsAssignment(view, {
    name,
    service,
    port,
    labels: subset?.labels ?? {},
    ...(policy ? { policy } : {}),
    ...(locality === undefined ? {} : { locality }),
  });

/** The type of a cluster; undefined where there is none, as of DNS without endpoints. */
function typeOf(view: View, one: One): number | undefined {
  const type = foundBy(view, one);
  if (dnsTypes.includes(type) && !assignmentOf(view, one, '').endpoints?.length) return undefined;
  return buildLoadBalancer(type, one.policy?.loadBalancer, { redis: false }).type ?? type;
}

function buildOne(view: View, one: One): ICluster | undefined {
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

type TlsOf = Pick<One, 'service' | 'port' | 'policy' | 'inferFrom' | 'subset'> & { readonly withSelector: boolean };

/**
 * A rule's TLS, made whole; without one, automatic mTLS where the mesh has it and the service may have sidecars
 * (Istio's buildAutoMtlsSettings).
 */
function tlsOf(
  view: View,
  { service, port, policy, inferFrom, subset, withSelector }: TlsOf,
): { settings: ClientTLSSettings; automatic: boolean; credentials: boolean } | undefined {
  const sni = passthroughName({ port: port.port, subset: subset?.name, host: service.hostname });
  const accounts = (): readonly string[] => view.query(serviceAccountsOf, hostKey(service));
  const given = policy?.tls;
  const credentials = view.attr('type') === 'router' || withSelector;
  const files = ownCertificate(view, 'CLIENT');
  const mutual = files.certificate
    ? {
        mode: 'MUTUAL' as const,
        clientCertificate: files.certificate,
        privateKey: files.key,
        caCertificates: files.roots,
      }
    : undefined;
  if (given) {
    // As Istio has it, files make a rule's settings the rule's alone: no names are added.
    if ((given.mode === 'ISTIO_MUTUAL' || given.mode === 'MUTUAL') && mutual)
      return {
        settings: { ...mutual, ...(given.sni ? { sni: given.sni } : {}), subjectAltNames: given.subjectAltNames ?? [] },
        automatic: false,
        credentials,
      };
    if (given.mode === 'ISTIO_MUTUAL')
      return {
        settings: {
          ...given,
          sni: given.sni || sni,
          subjectAltNames: given.subjectAltNames?.length ? given.subjectAltNames : accounts(),
        },
        automatic: false,
        credentials,
      };
    const ownNames =
      service.registry === 'External' && !given.subjectAltNames?.length ? { subjectAltNames: accounts() } : {};
    return { settings: { ...given, ...ownNames }, automatic: false, credentials };
  }
  if (
    service.meshExternal ||
    setting(view, 'enableAutoMtls') === false ||
    inferredMode(view, { service, port, policy: inferFrom }) === 'DISABLE'
  )
    return undefined;
  if (mutual) return { settings: { ...mutual, sni, subjectAltNames: accounts() }, automatic: false, credentials };
  return { settings: { mode: 'ISTIO_MUTUAL', sni, subjectAltNames: accounts() }, automatic: true, credentials };
}

/**
 * Istio's BestEffortInferServiceMTLSMode: what is passed through must have a sidecar at every endpoint; else the
 * namespace's mode.
 */
function inferredMode(view: View, { service, port, policy }: Pick<One, 'service' | 'port' | 'policy'>): string {
  if (service.resolution === 'Passthrough' || policy?.loadBalancer?.simple === 'PASSTHROUGH') {
    const endpoints = view.query(instancesOfPort, instancesKeyOf(service, port));
    if (endpoints.length === 0 || endpoints.some(({ tlsMode }) => tlsMode === 'disabled')) return 'DISABLE';
  }
  return view.query(namespaceMtlsMode, service.namespace) ?? 'PERMISSIVE';
}

/** A ServiceEntry makes a service for each address of a host. Their clusters are the same: only the first is kept. */
function withoutOtherAddresses(services: readonly ServiceRef[]): ServiceRef[] {
  const known = new Map<string, ServiceRef>();
  return services.filter((ref) => {
    const first = known.get(ref.hostname);
    if (first && differByAddress(first, ref)) return false;
    if (!first) known.set(ref.hostname, ref);
    return true;
  });
}

/** All outbound clusters of a proxy. Services of one hostname have the rule of the one that owns it. */
const clusterNames = namingQuery('outbound-cluster-names', (view) => {
  const ruleFor = destinationRulesOf(view);
  const { services } = view.query(sidecarScope, '');
  const owners = ownersOf(services);
  const rules = withoutOtherAddresses(services).map((ref) =>
    serviceRule({ ref, rule: ruleFor(owners.get(ref.hostname) ?? ref), passesTls: false }),
  );
  const passing = view.query(passesTlsOn, '') ? rules.map((rule) => serviceRule({ ...rule, passesTls: true })) : [];
  return gatherNames(
    view,
    serviceClusters,
    [...rules, ...passing].map((rule) => ({ source: sourceOf(rule), key: rule })),
  );
});

/**
 * Two lists of them: proxies share the first as a whole, however many clusters in the second depend on where a proxy
 * is.
 */
const namesBy = (name: string, isPlaced: boolean): ReturnType<typeof namingQuery> =>
  namingQuery(name, (view) => {
    const { members, failed } = view.query(clusterNames, '');
    const placed: unknown = placedCluster;
    return { members: members.filter(({ query }) => (query === placed) === isPlaced), failed };
  });
export const outboundClusters = namesBy('outbound-clusters', false);
export const placedClusters = namesBy('placed-clusters', true);
