import { err, ok, withoutTrailing, type Result, isRecord } from '@flotilla/std';
import { isTrue } from '@flotilla/rules';
import type { Proof } from './proof.ts';
import type { ProxyAttributes } from './view.ts';

/** What a proxy says of itself when its stream opens: Envoy's node, as far as it is read. */
export interface Node {
  readonly id?: string | null;
  /** Its name for the service that it is the sidecar of, for tracers. */
  readonly cluster?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Names of the extensions that this Envoy was built with. */
  readonly extensions?: readonly string[];
  readonly locality?: {
    readonly region?: string | null;
    readonly zone?: string | null;
    readonly subZone?: string | null;
  } | null;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
/** Metadata comes from environment variables: booleans as text too. */
export const isSet = (value: unknown): boolean => value === true || isTrue(text(value));

/** Names that only Istio's own build of Envoy has. */
const istioExtensions = ['istio.alpn', 'istio.metadata_exchange', 'istio.stats', 'istio_authn'];

/**
 * A node as what queries may read of it, with what its stream proved. Refuses an id that isn't
 * `type~ip~name.namespace~domain` (Istio's ParseServiceNodeWithMetadata).
 */
export function parseProxy(node: Node, { identity }: Proof = {}): Result<ProxyAttributes> {
  const id = node.id ?? '';
  const [type, ip, name, dnsDomain, ...rest] = id.split('~');
  if (id.length > 1024 || dnsDomain === undefined || rest.length > 0)
    return err(`node id ${JSON.stringify(id.slice(0, 100))} is not of the form type~ip~name.namespace~domain`);
  if (type !== 'sidecar' && type !== 'router')
    return err(`node type ${JSON.stringify(type)} is not one of sidecar, router`);
  const metadata = node.metadata ?? {};
  const ips = text(metadata['INSTANCE_IPS'])
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const addresses = ips.length > 0 ? ips : ip ? [ip] : [];
  if (addresses.length === 0) return err(`node ${id} has no address`);
  const labels = isRecord(metadata['LABELS'])
    ? Object.fromEntries(Object.entries(metadata['LABELS']).map(([key, value]) => [key, String(value)]))
    : {};
  const { region, zone, subZone } = node.locality ?? {};
  const mode = text(metadata['INTERCEPTION_MODE']);
  const version = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text(metadata['ISTIO_VERSION']));
  return ok({
    type,
    id,
    ips: addresses,
    dnsDomain,
    labels,
    metadata,
    namespace: text(metadata['NAMESPACE']) || (name ?? '').split('.').slice(1).join('.'),
    supportsIPv4: addresses.some((address) => !address.includes(':')),
    supportsIPv6: addresses.some((address) => address.includes(':')),
    serviceCluster: node.cluster ?? '',
    clusterId: text(metadata['CLUSTER_ID']),
    network: text(metadata['NETWORK']),
    serviceAccount: text(metadata['SERVICE_ACCOUNT']),
    ...(version ? { istioVersion: [Number(version[1]), Number(version[2]), Number(version[3] ?? 0)] as const } : {}),
    interceptionMode: mode === 'TPROXY' || mode === 'NONE' ? mode : 'REDIRECT',
    dnsCapture: isSet(metadata['DNS_CAPTURE']),
    dnsAutoAllocate: isSet(metadata['DNS_AUTO_ALLOCATE']),
    istioExtensions:
      !node.extensions?.length || istioExtensions.some((extension) => node.extensions?.includes(extension)),
    locality:
      region || zone || subZone ? withoutTrailing([region ?? '', zone ?? '', subZone ?? ''].join('/'), '/') : '',
    ...(identity === undefined ? {} : { identity }),
  });
}
