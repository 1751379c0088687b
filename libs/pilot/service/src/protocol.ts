import type { Protocol } from '@flotilla/ads';
import { typeUrls, type XdsKind } from '@flotilla/pilot-xds';

const kinds = Object.entries(typeUrls) as [XdsKind, string][];
const byUrl = new Map(kinds.map(([kind, url]) => [url, kind]));

export const kindOfType = (typeUrl: string): XdsKind | undefined => byUrl.get(typeUrl);
/** `cds`, `eds` ... of a type's URL. */
export const nameOfType = (typeUrl: string): string => kindOfType(typeUrl) ?? 'unknown';

/** Envoy's order and dependencies of types: after a cluster its endpoints, after a listener its routes. */
export const xdsProtocol: Omit<Protocol, 'limits'> = {
  order: kinds.map(([, url]) => url),
  whole: new Set([typeUrls.cds, typeUrls.lds, typeUrls.nds]),
  follows: [
    { after: typeUrls.cds, type: typeUrls.eds, sameName: true },
    { after: typeUrls.lds, type: typeUrls.rds, sameName: false },
  ],
};
