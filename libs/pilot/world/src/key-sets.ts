import {
  discoveryOf,
  keySetKey,
  type JWTRule,
  type KeySetKey,
  type ObjectKey,
  type WantedKeySet,
} from '@flotilla/model';
import type { Change } from '@flotilla/query';
import { compareText } from '@flotilla/std';
import { providerHost } from './services.ts';
import { keySets, pilotFeatures, type PilotFeatures } from './store.ts';
import { worldQuery, type View } from './view.ts';

export const keySetChange = (key: KeySetKey, jwks: string | undefined): Change => ({
  collection: keySets,
  key,
  value: jwks,
});
export const keySetOf = (view: View, key: KeySetKey): string | undefined =>
  view.derived(keySets, key) as string | undefined;

/** Where the keys of a rule come from. */
export type KeyOrigin =
  | { readonly kind: 'inline'; readonly jwks: string }
  /** Pilot fetches them. */
  | { readonly kind: 'fetched'; readonly key: KeySetKey }
  /** Envoy fetches them from a service of the mesh, which may not exist. */
  | { readonly kind: 'remote'; readonly uri: string; readonly host: string; readonly port: number };

/** The origin of a rule's keys in pilot's JWKS mode (Istio's convertToEnvoyJwtConfig and BuildLocalJwks). */
export function keyOriginOf(view: View, { jwks, jwksUri, issuer = '' }: JWTRule): KeyOrigin {
  if (jwks) return { kind: 'inline', jwks };
  if (!jwksUri) return { kind: 'fetched', key: discoveryOf(issuer) };
  const fetched: KeyOrigin = { kind: 'fetched', key: keySetKey({ kind: 'jwks', url: jwksUri }) };
  const { jwksFetchMode } = view.derived(pilotFeatures, '') as PilotFeatures;
  const url = jwksFetchMode === 'istiod' ? null : URL.parse(jwksUri);
  if (!url) return fetched;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port) || (url.protocol === 'http:' ? 80 : 443);
  return jwksFetchMode === 'envoy' || providerHost(view, host) !== undefined
    ? { kind: 'remote', uri: jwksUri, host, port }
    : fetched;
}

const keySetsOfPolicy = worldQuery('key-sets-of-policy', (view, key: ObjectKey): readonly KeySetKey[] =>
  (view.get('request-authentications', key)?.spec.jwtRules ?? [])
    .map((rule) => keyOriginOf(view, rule))
    .flatMap((origin) => (origin.kind === 'fetched' ? [origin.key] : [])),
);

/** How many of the objects that want a key set are named. */
const maxObjects = 20;

/** The key sets that pilot has to fetch for the current configuration, with the objects that want each. */
export const wantedKeySets = worldQuery('wanted-key-sets', (view): readonly WantedKeySet[] => {
  const wanted = new Map<KeySetKey, string[]>();
  for (const policy of view.list('request-authentications')) {
    const found = view.attempt(keySetsOfPolicy, policy);
    for (const key of new Set('value' in found ? found.value : [])) {
      const objects = wanted.get(key) ?? [];
      if (objects.length < maxObjects) objects.push(`${policy.namespace}/${policy.name}`);
      wanted.set(key, objects);
    }
  }
  return [...wanted]
    .map(([key, objects]) => ({ key, objects }))
    .sort((a, b) => compareText(a.key.url, b.key.url) || compareText(a.key.kind, b.key.kind));
});
