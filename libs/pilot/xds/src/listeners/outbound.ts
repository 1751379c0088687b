import { httpProxyPort, worldQuery, type View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';
import { member } from '@flotilla/query';
import { finish } from '../finish/finish.ts';
import { listOf, namingQuery, type Names } from '../members.ts';
import { sameResource, type XdsResource } from '../resource.ts';
import { loopback } from './addresses.ts';
import { outboundEntries, type Claim } from './outbound-claims.ts';
import { contribute, type OutboundEntry } from './outbound-entry.ts';
import { buildHttpProxy, buildListener, buildVirtualOutbound, nameOf } from './outbound-listener.ts';
import { bytesOf, servicePortKey, tcpChains } from './tcp-chains.ts';

type IListener = envoy.config.listener.v3.IListener;

const finished = (view: View, message: IListener): XdsResource =>
  finish(view, { kind: 'lds', name: message.name ?? '', message });

/** A listener of services, put together. Key: of outboundEntries. */
const outboundEntry = worldQuery('outbound-entry', (view, id): OutboundEntry | undefined => {
  const claims = view.query(outboundEntries, '').get(id) ?? [];
  return claims.reduce<OutboundEntry | undefined>((entry, claim) => withClaim(view, entry, claim), undefined);
});

function withClaim(view: View, entry: OutboundEntry | undefined, claim: Claim): OutboundEntry | undefined {
  // A proxy has no listener for itself as an endpoint.
  if (claim.isEndpoint && claim.key.bind === (view.attr('ips')[0] ?? '')) return entry;
  const { ref, egress, servicePort, givenBind, wildcard: wildcardBind, key } = claim;
  let failure: { readonly error: unknown } | undefined;
  const now = contribute(entry, {
    ...claim,
    tcpChains() {
      const port = servicePortKey(servicePort);
      const made = view.attempt(
        tcpChains,
        bytesOf({ ref, port, listenPort: key.port, wildcardBind, givenBind, egress }),
      );
      if ('value' in made) return made.value;
      failure = made;
      return [];
    },
  });
  return failure ? { ...now, failure } : now;
}
/** One listener of services, encoded: what changes at another one doesn't touch it. Key: of outboundEntries. */
const serviceListener = worldQuery(
  'outbound-listener',
  (view, id): XdsResource | undefined => {
    const entry = view.query(outboundEntry, id);
    if (entry?.failure) throw entry.failure.error;
    return entry && finished(view, buildListener(view, entry));
  },
  { equals: sameResource },
);

/** Listeners that a sidecar has whatever services there are, by their names here. */
const ownListeners = { 'http-proxy': buildHttpProxy, 'virtual-outbound': buildVirtualOutbound } as const;
const ownListener = worldQuery(
  'own-outbound-listener',
  (view, name: keyof typeof ownListeners): XdsResource => finished(view, ownListeners[name](view)),
  { equals: sameResource },
);

/** The listeners that some service is on for an endpoint of its own, or all others. */
const namesOf = (view: View, ofEndpoints: boolean): Names =>
  [...view.query(outboundEntries, '')]
    .filter(([, claims]) => claims.some(({ isEndpoint }) => isEndpoint) === ofEndpoints)
    .map(([id, [{ key }]]) => member(serviceListener, id, { name: nameOf(key) }));

/** A sidecar's outbound listeners, but for those of endpoints. */
export const outboundListeners = namingQuery('outbound-listeners', (view) => {
  if (view.attr('type') !== 'sidecar') return listOf([]);
  return listOf([
    ...namesOf(view, false),
    ...(httpProxyPort(view) === 0
      ? []
      : [member(ownListener, 'http-proxy', { name: `${loopback(view)}_${httpProxyPort(view)}` })]),
    ...(view.attr('interceptionMode') === 'NONE'
      ? []
      : [member(ownListener, 'virtual-outbound', { name: 'virtualOutbound' })]),
  ]);
});

/** The listeners of endpoints: a list apart, because which of them is the proxy's own differs from proxy to proxy. */
export const endpointListeners = namingQuery('endpoint-listeners', (view) =>
  listOf(view.attr('type') === 'sidecar' ? namesOf(view, true) : []),
);
