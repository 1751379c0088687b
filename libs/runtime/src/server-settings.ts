import type { GrpcLimits } from '@flotilla/grpc';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { limitKinds, type Drains, type GuardOptions } from '@flotilla/server';
import { setting, type OptionsOf } from '@flotilla/std';

/** What the connections of every port of an app may take. */
export const connectionSettings = () => ({
  handshakeTimeout: setting.duration('time for the TLS handshake of a connection', '5s'),
  requestTimeout: setting.duration('time for the header of a request, and again for its body', '5s'),
  responseTimeout: setting.duration('time for the answer to an HTTP request, its transmission included', '1m'),
  idleTimeout: setting.duration('time that a connection may be idle between requests', '2m'),
  maxHandshakes: setting.count('TLS handshakes at once on a port; one more closes the oldest', 500),
});
export type ConnectionOptions = OptionsOf<ReturnType<typeof connectionSettings>>;

/** What the connections of every gRPC port of an app may take besides. */
export const grpcSettings = () => ({
  maxConcurrentStreams: setting.count('calls at once on a gRPC connection', 100, { env: 'ISTIO_GPRC_MAXSTREAMS' }),
  unfinishedMessageBytes: setting.count(
    'bytes of incomplete gRPC messages on a port, of all clients together; one more resets the call that has taken longest',
    134_217_728,
  ),
  keepaliveInterval: setting.duration('silence after which a keepalive is sent to a gRPC client', '30s'),
  keepaliveTimeout: setting.duration('time for a gRPC client to answer a keepalive', '10s'),
  keepaliveMaxServerConnectionAge: {
    ...setting.duration(
      'age at which a gRPC connection is closed, so that its client connects again; varied by a tenth, at most 500h',
      '500h',
    ),
    value: Infinity,
    written: 'never',
  },
});

export const grpcLimits = (
  options: OptionsOf<ReturnType<typeof grpcSettings>>,
): Omit<GrpcLimits, 'maxMessageBytes'> => ({
  maxConcurrentStreams: options.maxConcurrentStreams,
  maxUnfinishedBytes: options.unfinishedMessageBytes,
  keepaliveInterval: options.keepaliveInterval,
  keepaliveTimeout: options.keepaliveTimeout,
  maxConnectionAge: options.keepaliveMaxServerConnectionAge,
});

/** What the listener of a server is given: its limits, each hit of them counted, and where to report problems. */
export type Guard = (server: string, maxConnections: number) => GuardOptions;

export const createGuard =
  (
    { handshakeTimeout, requestTimeout, responseTimeout, idleTimeout, maxHandshakes }: ConnectionOptions,
    { metrics, log }: Observability,
    drains?: Drains,
  ): Guard =>
  (server, maxConnections) => ({
    limits: { maxConnections, maxHandshakes, handshakeTimeout, requestTimeout, responseTimeout, idleTimeout },
    onLimit: createLimits(metrics, limitKinds, server),
    onProblem: (message) => log.warn(message, { server }),
    ...(drains ? { drains } : {}),
  });
