import type { DestinationRule, TrafficPolicy } from '@flotilla/model';
import { portKeyOf, portNumbered } from '@flotilla/pilot-registry';
import {
  destinationRuleOf,
  endpointsFrom,
  endpointSource,
  noRule,
  scopedService,
  worldQuery,
  type EndpointSource,
  type RuleKey,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import { parseOutboundName } from '../cluster-name.ts';
import { mergeTrafficPolicy } from '../clusters/traffic-policy.ts';
import { restrictions, shownEndpoints, type AssignmentOf } from './endpoint-group.ts';
import { tlsModeOf, type TlsMode } from './member.ts';

interface AssignmentFields {
  readonly name: string;
  readonly owner?: ServiceRef | undefined;
  readonly rule: RuleKey;
  /** Where the client is, if it matters. */
  readonly locality?: string | undefined;
}
/** A load assignment is the same for all clients that agree on these. */
export const assignmentKey = defineKey<AssignmentFields>()('name', 'owner', 'rule', 'locality');

/**
 * What a DestinationRule says of balancing a destination, and of TLS to its endpoints. A subset counts there with its
 * own words only.
 */
export function balancing(
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

export type AssignmentKey = KeyOf<typeof assignmentKey>;

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
export type EndpointSetKey = KeyOf<typeof endpointSetKey>;

/** The endpoints that an assignment has; undefined for a service or port that does not exist. */
export function endpointSetOf(view: View, { name, owner, rule, locality }: AssignmentKey): EndpointSetKey | undefined {
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

export function assignmentOf(view: View, set: EndpointSetKey): AssignmentOf {
  const { rule, port, subset, locality, mtlsOnly, nodeLocal, clusterLocal, sticky } = set;
  return {
    ...balancing(destinationRuleOf(view, rule)?.rule, { port, subset }),
    ...{ mtlsOnly, nodeLocal, clusterLocal, sticky },
    ...(locality === undefined ? {} : { locality }),
  };
}

/** The endpoints of a set by their locality. */
export const endpointsByLocality = worldQuery('endpoints-by-locality', (view, set: EndpointSetKey) =>
  shownEndpoints(view, view.query(endpointsFrom, set.source), assignmentOf(view, set)),
);
