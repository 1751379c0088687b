import type { TrafficPolicy } from '@flotilla/model';
import { portNumbered, type Service, type ServicePort } from '@flotilla/pilot-registry';
import {
  destinationRuleOf,
  destinationRulesOf,
  localityOfProxy,
  ownersOf,
  scopedService,
  sidecarScope,
  worldQuery,
  type WorldQuery,
  type RuleKey,
  type ServiceRef,
} from '@flotilla/pilot-world';
import { defineKey, member, type KeyOf } from '@flotilla/query';
import { differByAddress } from '../differ-by-address.ts';
import { localityRule } from '../endpoints/near.ts';
import { finish } from '../finish/finish.ts';
import { passesTlsOn } from '../gateway/merge.ts';
import { gatherNames, namingQuery, sameNames, type Names } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { buildCluster, buildSubsetCluster, nameOf, type OutboundCluster, type Subset } from './outbound-cluster.ts';
import { mergeTrafficPolicy } from './traffic-policy.ts';

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

const isRouted = ({ protocol }: ServicePort): boolean => protocol !== 'UDP';
const isDns = ({ resolution }: Service): boolean => resolution === 'DNSLB' || resolution === 'DNSRoundRobinLB';

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
    const whole: OutboundCluster = { service, port, passesTls, policy, ruleOf: rule, inferFrom, locality };
    const cluster =
      name === undefined ? buildCluster(view, whole) : buildSubsetCluster(view, whole, { rule: ruleKey, name });
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
