import { worldQuery, type View, type WorldQuery } from '@flotilla/pilot-world';
import {
  defineKey,
  member,
  type KeyOf,
  type ListSource,
  type Member,
  type MemberList,
  type Query,
  type QueryKey,
} from '@flotilla/query';
import { fixedClusters, inboundClusters } from './clusters/inbound.ts';
import { outboundClusters, placedClusters } from './clusters/outbound.ts';
import { loadAssignment } from './endpoints/load-assignment.ts';
import type { ResourceFields, XdsKind } from './finish/kinds.ts';
import { inboundListeners } from './listeners/inbound.ts';
import { endpointListeners, outboundListeners } from './listeners/outbound.ts';
import { gatewayListeners } from './gateway/listeners.ts';
import { gatewayRouteConfiguration } from './routes/gateway.ts';
import { nameTables } from './names/name-table.ts';
import { sidecarRouteConfiguration } from './routes/sidecar.ts';
import { secret } from './secrets/secret.ts';
import type { Made, Names } from './members.ts';
import { sameResource, type XdsResource } from './resource.ts';

/**
 * Types that a proxy takes whole consist of these lists, in order. Of resources of one name a list has the first, and
 * the last of the lists prevails.
 */
const lists = {
  cds: [outboundClusters, placedClusters, fixedClusters, inboundClusters],
  lds: [gatewayListeners, outboundListeners, endpointListeners, inboundListeners],
  nds: [nameTables],
} as const satisfies Record<string, readonly WorldQuery<string, MemberList<Made>>[]>;
export type WholeKind = keyof typeof lists;

const namedBy = (query: WorldQuery<string, MemberList<Made>>): ListSource<Made> => ({
  naming: query as unknown as Query<QueryKey, MemberList<Made>, never>,
  key: '',
});
const sources: Readonly<Record<WholeKind, readonly ListSource<Made>[]>> = {
  cds: lists.cds.map(namedBy),
  lds: lists.lds.map(namedBy),
  nds: lists.nds.map(namedBy),
};

/** Whether a proxy takes a type whole, not by names. */
export const isWhole = (kind: XdsKind): kind is WholeKind => Object.hasOwn(lists, kind);

/** The lists of a type that is taken whole: always the same objects. */
export const listsOf = (kind: WholeKind): readonly ListSource<Made>[] => sources[kind];

/** The lists of a type that is taken whole, or one of them by its place. */
export const listKey = defineKey<{ readonly kind: WholeKind; readonly place?: number | undefined }>()('kind', 'place');
export type ListKey = KeyOf<typeof listKey>;

interface GroupFields {
  readonly kind: WholeKind;
  /** Of the list among those of its type. */
  readonly place: number;
  /** The first of its members in the list. */
  readonly from: number;
}
/** So many members are prepared by one query: the pieces after it look it up instead of them. */
const membersAtOnce = 256;
const groupKey = defineKey<GroupFields>()('kind', 'place', 'from');
type GroupKey = KeyOf<typeof groupKey>;

const membersOf = (view: View, naming: WorldQuery<string, MemberList<Made>>): Names => {
  const named = view.attempt(naming, '');
  return 'value' in named ? named.value.members : [];
};

/** Reads some members of a list, from one of them on. */
const preparedGroup = worldQuery('prepared-group', (view, { kind, place, from }: GroupKey): null => {
  const naming: WorldQuery<string, MemberList<Made>> | undefined = lists[kind][place];
  const members = naming ? membersOf(view, naming).slice(from, from + membersAtOnce) : [];
  for (const { query, key } of members) view.attempt(query as unknown as WorldQuery<QueryKey, Made>, key);
  return null;
});

/**
 * Reads every member of lists, for an engine to prepare them; how many there are. Nothing that is watched reads it. It
 * reads them in groups, so that a piece of the work looks up the groups before it, not all their members.
 */
export const preparedLists = worldQuery('prepared-lists', (view, { kind, place: asked }: ListKey): number => {
  let count = 0;
  for (const [place, naming] of lists[kind].entries()) {
    if (asked !== undefined && place !== asked) continue;
    const { length } = membersOf(view, naming);
    for (let from = 0; from < length; from += membersAtOnce) view.query(preparedGroup, groupKey({ kind, place, from }));
    count += length;
  }
  return count;
});

/** A route configuration by its name. */
const routeConfiguration = worldQuery(
  'route-configuration',
  (view, name: string): XdsResource | undefined =>
    view.attr('type') === 'router'
      ? view.query(gatewayRouteConfiguration, name)
      : view.query(sidecarRouteConfiguration, name),
  { equals: sameResource },
);
/** Types of which there is nothing. */
const nothing = worldQuery('nothing', (_view, _name: string): Made => undefined);

/** What makes the one resource of a name, of a type that is requested by names. */
export const namedMember = ({ kind, name }: ResourceFields): Member<Made> => member(makerOf(kind), name, { name });

function makerOf(kind: XdsKind): WorldQuery<string, Made> {
  switch (kind) {
    case 'sds':
      return secret;
    case 'eds':
      return loadAssignment;
    case 'rds':
      return routeConfiguration;
    case 'cds':
    case 'lds':
    case 'nds':
    case 'ecds':
      return nothing;
  }
}

/** The list of one resource that is requested by its name. */
export const listOfOne = (resource: ResourceFields): ListSource<Made> => ({ only: namedMember(resource) });
