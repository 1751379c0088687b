import type { Observability } from '@flotilla/observability-port';
import { createLimits } from '@flotilla/observability-port';
import { limitKinds, type ConnectionLimits, type GuardOptions } from '@flotilla/server';
import { setting, type OptionsOf } from '@flotilla/std';

/** What the connections of every port of an app may take. */
export const connectionSettings = () => ({
  handshakeTimeout: setting.duration('time for the TLS handshake of a connection', '5s'),
  requestTimeout: setting.duration('time for the header of a request, and again for its body', '5s'),
  responseTimeout: setting.duration('time for the answer to an HTTP request, its transmission included', '1m'),
  idleTimeout: setting.duration('time that a connection may be idle between requests', '2m'),
  maxHandshakes: setting.count('TLS handshakes at once on a port; one more ends the oldest', 500),
});
export type ConnectionOptions = OptionsOf<ReturnType<typeof connectionSettings>>;

/** The limits of a port with at most so many connections. */
export const limitsOf = ({ handshakeTimeout, requestTimeout, responseTimeout, idleTimeout, maxHandshakes }: ConnectionOptions, maxConnections: number): ConnectionLimits =>
  ({ maxConnections, maxHandshakes, handshakeTimeout, requestTimeout, responseTimeout, idleTimeout });

/** What the listener of a server called `name` is given: its limits, each hit of them counted, and where to report problems. */
export function guard(name: string, limits: ConnectionLimits, { metrics, log }: Pick<Observability, 'metrics' | 'log'>): GuardOptions {
  return { limits, onLimit: createLimits(metrics, limitKinds, name), onProblem: (message) => log.warn(message, { server: name }) };
}
