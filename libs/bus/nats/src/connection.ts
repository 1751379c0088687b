import { connect, type NatsConnection, type TlsOptions } from '@nats-io/transport-node';
import { messageOf, pause } from '@flotilla/std';
import type { Role, WriterElection } from './writer.ts';
import { inboxPrefix } from './names.ts';

export interface NatsBusOptions {
  /** `host:port` each. */
  readonly servers: readonly string[];
  /**
   * CA, and certificate and key where the server requires them: as PEM or as files, which are read again at each
   * connection.
   */
  readonly tls?: TlsOptions;
  /** This client's service: names its inboxes, and is its user where the server requires a password. */
  readonly user: string;
  /** For a server that does not know its users by their certificates. */
  readonly password?: string;
  /** The control plane's revision, `istio.io/rev`. */
  readonly revision: string;
  /** galley publishes, all others subscribe. */
  readonly role: 'publisher' | 'subscriber';
  /** Copies of the stream in a NATS cluster. */
  readonly replicas?: number;
  /** Ends the waiting for a server. */
  readonly signal?: AbortSignal;
  /** Receives what goes wrong on the way, a repeated message at most once a minute; the bus goes on by itself. */
  readonly onProblem?: (message: string) => void;
  /** This publisher's name in the log: its pod's or host's. */
  readonly instance?: string;
  /** A publisher's part: called when it changes. */
  readonly onRole?: (role: Role, reason: string) => void;
  /** Elects the publisher that writes; without it, the log itself decides. */
  readonly election?: WriterElection | undefined;
}

/**
 * Connects, waiting for the server as long as it takes; afterwards the connection restores itself. Rejects when
 * `signal` aborts.
 */
export async function connectNats({
  servers,
  tls,
  user,
  password,
  signal,
  onProblem = () => {},
}: NatsBusOptions): Promise<NatsConnection> {
  for (let wait = 50; ; wait = Math.min(wait * 2, 1000)) {
    signal?.throwIfAborted();
    try {
      return await connect({
        servers: [...servers],
        name: `flotilla-${user}`,
        inboxPrefix: inboxPrefix(user),
        ...(tls ? { tls } : {}),
        ...(password === undefined ? {} : { user, pass: password }),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 50,
        reconnectJitterTLS: 50,
        pingInterval: 5000,
        maxPingOut: 2,
        timeout: 5000,
        ignoreClusterUpdates: true,
      });
    } catch (error) {
      onProblem(`bus: no connection to ${servers.join(', ')}: ${messageOf(error)}`);
    }
    await pause(wait, signal);
  }
}

/** Calls back after each reconnection until the connection is closed. */
export async function watchReconnects(connection: NatsConnection, onReconnect: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'reconnect') onReconnect();
}
