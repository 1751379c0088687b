import { worldQuery, type WorldQuery } from '@flotilla/pilot-world';
import { fixedClusters, inboundClusters } from './clusters/inbound.ts';
import { outboundClusters } from './clusters/outbound.ts';
import { loadAssignment } from './endpoints/load-assignment.ts';
import type { ResourceKey, XdsKind } from './finish/kinds.ts';
import { boundInbound, virtualInbound } from './listeners/inbound.ts';
import { outboundListeners } from './listeners/outbound.ts';
import { gatewayListeners } from './gateway/listeners.ts';
import { gatewayRouteConfiguration } from './routes/gateway.ts';
import { nameTable } from './names/name-table.ts';
import { sidecarRouteConfiguration } from './routes/sidecar.ts';
import { secret } from './secrets/secret.ts';
import { isolated, sameResource, sameResources, type XdsResource } from './resource.ts';

type Part = WorldQuery<string, readonly XdsResource[] | XdsResource | undefined>;
/** What a type that is taken whole consists of, in order. */
const parts: Partial<Record<XdsKind, readonly Part[]>> = {
  cds: [outboundClusters, fixedClusters, inboundClusters],
  lds: [gatewayListeners, outboundListeners, virtualInbound, boundInbound],
  nds: [nameTable],
};

/** Whether a proxy takes a type whole, not by names. */
export const isWhole = (kind: XdsKind): boolean => Object.hasOwn(parts, kind);

/** All resources of a type that a proxy takes whole (CDS, LDS, NDS); what could not be made has a `failure`. */
export const allOf = worldQuery(
  'all-of',
  (view, kind: XdsKind): readonly XdsResource[] =>
    (parts[kind] ?? []).flatMap((part) => isolated(part.name, () => [view.query(part, '') ?? []].flat())),
  { equals: sameResources },
);

/** One resource by name (EDS, RDS, ECDS, SDS). */
export const oneOf = worldQuery(
  'one-of',
  (view, { name, kind }: ResourceKey): XdsResource | undefined => {
    if (kind === 'sds') return view.query(secret, name);
    if (kind === 'eds') return view.query(loadAssignment, name);
    if (kind !== 'rds') return undefined;
    return view.attr('type') === 'router'
      ? view.query(gatewayRouteConfiguration, name)
      : view.query(sidecarRouteConfiguration, name);
  },
  { equals: sameResource },
);
