import { createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock, type Clock } from '@flotilla/std';
import { ConnectionTable, type Connection, type Framing } from './connections.ts';
import type { Drains } from './drains.ts';
import { defaultLimits, type ConnectionLimits, type LimitKind } from './limits.ts';
import { startTicks } from './ticks.ts';
import { createTlsAcceptor, type ServerTls } from './tls.ts';

/** Where a server listens; port 0 is any. */
export type ListenAt = { readonly host?: string; readonly port: number } | { readonly path: string };

/** What all servers are made with; tests pass small limits and a clock of their own. */
export interface GuardOptions {
  readonly limits?: Partial<ConnectionLimits>;
  readonly clock?: Clock;
  /** A limit was hit: counts it. */
  onLimit?(kind: LimitKind): void;
  /** Where the port registers how its clients are disconnected before the process ends. */
  readonly drains?: Drains;
  /** Something that the operator should know. */
  onProblem?(message: string): void;
}
export interface ListenerOptions extends GuardOptions {
  readonly at: ListenAt;
  readonly tls?: ServerTls;
  readonly framing: Framing;
  /** Takes over a connection once its handshake, if any, is complete. */
  serve(socket: Socket, connection: Connection): void;
  /** Called every second with the milliseconds that have passed. */
  onTick?(elapsedMs: number): void;
}
export interface Listener {
  /** The port in use; 0 for a path. */
  readonly port: number;
  /** Closes connections that serve nothing; the others are left to their protocol. */
  closeIdle(): void;
  /** Accepts no more; resolves when all connections have ended. Those that have not after `withinMs` are closed. */
  close(withinMs: number): Promise<void>;
}

/** Longer than the system's own default, for clients that all come back at once. */
const backlog = 4096;
const probeDeadPeersMs = 30_000;

/**
 * The one way to listen: accepts connections within the limits, does the handshake of TLS, and hands each connection to
 * its protocol, which reports on it what requests begin and end. Rejects with the `code` of an address that can't be
 * had.
 */
export async function createListener(options: ListenerOptions): Promise<Listener> {
  const { at, tls, framing, serve, onTick, clock = systemClock, onLimit = () => {}, onProblem = () => {} } = options;
  const table = new ConnectionTable({ limits: { ...defaultLimits, ...options.limits }, framing, onLimit });
  /** Connections in their handshake by their peer's address and port, which TLS keeps. */
  const handshakes = new Map<string, Connection>();
  const acceptor =
    tls &&
    createTlsAcceptor({
      ...tls,
      protocol: framing === 'multiplexed' ? 'h2' : 'http/1.1',
      onProblem,
      onSecure(socket, certified) {
        const peer = peerOf(socket);
        const connection = handshakes.get(peer);
        handshakes.delete(peer);
        socket.on('error', () => socket.destroy());
        if (connection?.secured(certified)) serve(socket, connection);
        else socket.destroy();
      },
    });
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: probeDeadPeersMs }, (socket) => {
    socket.on('error', () => socket.destroy());
    const connection = table.admit(socket, acceptor ? 'handshake' : 'header');
    if (!connection) return;
    const peer = peerOf(socket);
    socket.once('close', () => {
      table.remove(connection);
      if (handshakes.get(peer) === connection) handshakes.delete(peer);
    });
    if (!acceptor) return serve(socket, connection);
    handshakes.set(peer, connection);
    acceptor.accept(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...at, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => onProblem(`connections are not accepted: ${error.message}`));
  const stopTicks = startTicks(clock, (elapsedMs) => {
    table.advance(elapsedMs);
    onTick?.(elapsedMs);
  });
  const { port = 0 } = (typeof server.address() === 'object' ? server.address() : {}) as Partial<AddressInfo>;
  const ended = new Promise<void>((resolve) => server.once('close', resolve));
  return {
    port,
    closeIdle: () => table.close('idle'),
    async close(withinMs) {
      const cancel = clock.after(withinMs, () => table.close('all'));
      server.close();
      acceptor?.close();
      table.close('handshakes');
      await ended;
      cancel();
      stopTicks();
    },
  };
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
