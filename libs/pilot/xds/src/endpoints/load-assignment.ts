import { chunksOf } from '@flotilla/std';
import {
  destinationRuleKey,
  destinationRuleOf,
  localityOfProxy,
  noRule,
  scopeOwner,
  worldQuery,
  type View,
  type WorldQuery,
} from '@flotilla/pilot-world';
import { defineKey, type KeyOf } from '@flotilla/query';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { parseOutboundName } from '../cluster-name.ts';
import { encodeEndpoints, encodeMessage } from '../finish/encode-message.ts';
import { finish, finished } from '../finish/finish.ts';
import { gatherParts, part, type Parts } from '../finish/parts.ts';
import { isPatched } from '../finish/patches.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { assignmentMessage } from './assignment-message.ts';
import { buildGroup } from './endpoint-group.ts';
import {
  assignmentKey,
  assignmentOf,
  balancing,
  endpointsByLocality,
  endpointSetOf,
  type AssignmentKey,
  type EndpointSetKey,
} from './endpoint-set.ts';
import type { LocalityGroup } from './locality.ts';
import { localityRule, near } from './near.ts';

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
