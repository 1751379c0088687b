import type { XdsKind } from '@flotilla/pilot-xds';
import { sortedBy } from '@flotilla/std';
import type { ConnectedProxy } from './connected-proxy.ts';

const names: readonly (readonly [XdsKind, string])[] = [
  ['cds', 'cluster'],
  ['lds', 'listener'],
  ['rds', 'route'],
  ['eds', 'endpoint'],
  ['ecds', 'extensionconfig'],
];

/** One proxy in Istio's /debug/syncz: fields that are empty are absent. */
export type SyncStatus = Readonly<Record<string, string>>;

/** Which responses each proxy was sent and has acknowledged, by their nonces, in the form that istioctl reads. */
export const syncStatus = (proxies: Iterable<ConnectedProxy>): readonly SyncStatus[] =>
  sortedBy([...proxies], ({ id }) => id).map((proxy) => ({
    cluster_id: proxy.clusterId,
    proxy: proxy.id,
    proxy_type: proxy.type,
    ...(proxy.istioVersion ? { istio_version: proxy.istioVersion } : {}),
    ...Object.fromEntries(
      names.flatMap(([kind, name]) => {
        const { sent, acked } = proxy.last(kind);
        return [
          ...(sent === undefined ? [] : [[`${name}_sent`, sent]]),
          ...(acked === undefined ? [] : [[`${name}_acked`, acked]]),
        ];
      }),
    ),
  }));
