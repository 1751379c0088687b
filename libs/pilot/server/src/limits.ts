import { tokenLimitKinds, type TokenLimits } from './tokens/token-identities.ts';

/**
 * What a client of aggregated discovery may take; each is a setting of pilot by the same name. Times in milliseconds.
 */
export interface AdsLimits extends TokenLimits {
  readonly xdsStreams: number;
  /** Streams of one SPIFFE identity; on a plaintext port, of one address. */
  readonly xdsStreamsPerIdentity: number;
  /** For which a response may wait for the client to take it. */
  readonly xdsWriteTimeout: number;
  /** Requests of a stream that wait; more are not read from the connection. */
  readonly xdsQueuedRequests: number;
  readonly xdsRequestBytes: number;
  readonly xdsNodeBytes: number;
  readonly xdsNameBytes: number;
  readonly xdsNamesPerType: number;
  /** Names of all types that one stream is subscribed to. */
  readonly xdsNames: number;
  /** Names that all streams of one SPIFFE identity keep; on a plaintext port, of one address. */
  readonly xdsNamesPerIdentity: number;
  /** Names that all streams keep. */
  readonly xdsTotalNames: number;
  /** Bytes of requests that wait, of all streams of one SPIFFE identity; on a plaintext port, of one address. */
  readonly xdsQueuedBytesPerIdentity: number;
  /** Bytes of requests that wait, of all streams. */
  readonly xdsTotalQueuedBytes: number;
  /** Bytes that all streams of one SPIFFE identity keep of their nodes; on a plaintext port, of one address. */
  readonly xdsNodeBytesPerIdentity: number;
  /** Bytes that all streams keep of their nodes. */
  readonly xdsTotalNodeBytes: number;
  /**
   * Of these, names that are watched though they are not known: no cluster of the proxy has them, or there is nothing
   * by them.
   */
  readonly xdsUnknownNames: number;
  /** The same of all streams of one SPIFFE identity; on a plaintext port, of one address. */
  readonly xdsWatchedUnknownNamesPerIdentity: number;
  /** Names beyond that, which are not watched, of all streams of one SPIFFE identity or address. */
  readonly xdsUnknownNamesPerIdentity: number;
}

/** As the metric limits_hit_total has them: the name of the setting in Prometheus' spelling. */
export const limitKinds = [
  'xds_streams',
  'xds_streams_per_identity',
  'xds_write_timeout',
  'xds_queued_requests',
  'xds_request_bytes',
  'xds_node_bytes',
  'xds_name_bytes',
  'xds_names_per_type',
  'xds_names',
  'xds_names_per_identity',
  'xds_total_names',
  'xds_queued_bytes_per_identity',
  'xds_total_queued_bytes',
  'xds_node_bytes_per_identity',
  'xds_total_node_bytes',
  'xds_unknown_names',
  'xds_unknown_names_per_identity',
  ...tokenLimitKinds,
] as const;
export type LimitKind = (typeof limitKinds)[number];

/** The flag that sets a limit. */
export const flagOf = (kind: LimitKind): string => `--${kind.replaceAll('_', '-')}`;
