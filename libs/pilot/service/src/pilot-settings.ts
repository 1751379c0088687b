import type { AdsLimits } from '@flotilla/pilot-server';
import { setting, type Setting } from '@flotilla/std';

/** What clients of discovery may take. */
const adsLimitSettings = () =>
  ({
    xdsStreams: setting.count('open streams of xDS', 20_000),
    xdsStreamsPerIdentity: setting.count(
      'open streams of xDS per service account; on the plaintext port, per address',
      5000,
    ),
    xdsWriteTimeout: setting.duration('time for a client to read a response', '1m'),
    xdsQueuedRequests: setting.count('requests of a stream that wait for an answer; more stay with the client', 64),
    xdsRequestBytes: setting.count('bytes of a request, which without delta xDS repeats all names of a type', 8 << 20),
    xdsNodeBytes: setting.count('bytes of the node, which a proxy sends in its first request', 256 << 10),
    xdsNameBytes: setting.count("bytes of a resource's name", 1024),
    xdsNamesPerType: setting.count(
      'names of one type that a stream may request: each port and subset of a service is one',
      100_000,
    ),
    xdsNames: setting.count('names of all types together that a stream may request', 200_000),
    xdsNamesPerIdentity: setting.count(
      'names of all streams of a service account, at 150 bytes each; on the plaintext port, of an address',
      10_000_000,
    ),
    xdsTotalNames: setting.count('names of all streams together', 25_000_000),
    xdsQueuedBytesPerIdentity: setting.count(
      'bytes of requests that wait, of all streams of a service account; on the plaintext port, of an address',
      128 << 20,
    ),
    xdsTotalQueuedBytes: setting.count('bytes of requests that wait, of all streams', 512 << 20),
    xdsNodeBytesPerIdentity: setting.count(
      'bytes that are kept of the nodes of all streams of a service account; on the plaintext port, of an address',
      64 << 20,
    ),
    xdsTotalNodeBytes: setting.count('bytes that are kept of the nodes of all streams', 512 << 20),
    xdsUnknownNames: setting.count(
      'names that a proxy does not use, such as endpoints of unknown clusters, that are watched for a stream; others are answered once',
      1000,
    ),
    xdsWatchedUnknownNamesPerIdentity: setting.count(
      'names that are watched though they are not used, of all streams of a service account; on the plaintext port, of an address',
      10_000,
    ),
    xdsUnknownNamesPerIdentity: setting.count(
      'further names that are not used, and not watched, of all streams of a service account; on the plaintext port, of an address',
      100_000,
    ),
    xdsRefusedTokens: setting.count(
      'refused bearer tokens per second from one address; beyond that, the address has to wait; ten times as many in a burst',
      20,
    ),
    xdsTokenChecks: setting.count(
      'bearer tokens that citadel checks at once for this pilot; others wait for their turn',
      50,
    ),
    xdsTokenChecksPerAddress: setting.count(
      'bearer tokens from one address that citadel checks at once; addresses take turns',
      5,
    ),
  }) satisfies { readonly [L in keyof AdsLimits]: Setting<number> };

const valuesOf = <K extends string>(settings: Readonly<Record<K, Setting<number>>>): Readonly<Record<K, number>> =>
  Object.fromEntries(Object.entries<Setting<number>>(settings).map(([name, { value }]) => [name, value])) as Record<
    K,
    number
  >;
/**
 * What gRPC takes at all of a request: one that is a little too large is still read, so that its client gets the
 * remedy.
 */
export const hardRequestLimit = ({ xdsRequestBytes }: Pick<AdsLimits, 'xdsRequestBytes'>): number =>
  2 * xdsRequestBytes;

export const defaultAdsLimits: AdsLimits = valuesOf(adsLimitSettings());

/** Where pilot serves discovery, and what its clients may take. */
export const pilotSettings = () => ({
  grpcPort: setting.port('plaintext xDS, for proxies on a network that is protected in other ways (0: any)', 15_010),
  secureGrpcPort: setting.port('xDS over TLS, for clients with a certificate or a bearer token (0: any)', 15_012),
  maxXdsConnections: setting.count(
    'connections at once on each of these ports; one more closes the longest idle, those without a client certificate first',
    20_000,
  ),
  ...adsLimitSettings(),
  maxCredentials: setting.count(
    'gateway credentials that pilot holds at a time; one namespace never holds more than are still free; further ones wait until others are released',
    10_000,
  ),
});
