/** What a server's connections may take. Times are in milliseconds and are checked once a second. */
export interface ConnectionLimits {
  /**
   * Open at once. A new one beyond them closes the one that has been idle longest, and is refused while all are being
   * served.
   */
  readonly maxConnections: number;
  /** In their TLS handshake at once. A new one beyond them closes the oldest. */
  readonly maxHandshakes: number;
  /** From the connection to the end of its TLS handshake. */
  readonly handshakeTimeout: number;
  /** For a request's header, and again for its body. */
  readonly requestTimeout: number;
  /** From the end of an HTTP request to the end of its answer; HTTP/2 streams may last. */
  readonly responseTimeout: number;
  /** Between requests. */
  readonly idleTimeout: number;
}

/**
 * Idle connections outlast those of Go's HTTP clients (90 s), so that the client closes first and never writes into a
 * closing connection.
 */
export const defaultLimits: ConnectionLimits = {
  maxConnections: 1000,
  maxHandshakes: 500,
  handshakeTimeout: 5000,
  requestTimeout: 5000,
  responseTimeout: 60_000,
  idleTimeout: 120_000,
};

/** Kinds of `limits_hit_total` that servers count. */
export const limitKinds = [
  'connections',
  'evicted_connections',
  'handshakes',
  'handshake_timeout',
  'header_timeout',
  'body_timeout',
  'response_timeout',
  'idle_timeout',
  'header_size',
  'body_memory',
  'answer_memory',
  'message_memory',
  'pipelined_requests',
  'http2_protocol',
] as const;
export type LimitKind = (typeof limitKinds)[number];
