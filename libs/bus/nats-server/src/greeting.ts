import { connect } from 'node:net';

export interface GreetingOptions {
  readonly host: string;
  readonly port: number;
  /** Time limit for connecting and for the greeting, each. */
  readonly withinMs: number;
  /** Called with the local port of the connection. */
  readonly onConnect: (localPort: number) => void;
}

/**
 * Connects to nats-server's client port and resolves when the greeting arrives: `INFO {...}`, which nats-server sends
 * before anything else, TLS included (NATS documentation, "NATS Protocol"), once its streams are restored. Rejects when
 * no greeting arrives within `withinMs`.
 */
export const awaitGreeting = ({ host, port, withinMs, onConnect }: GreetingOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: withinMs });
    socket.once('connect', () => onConnect(socket.localPort ?? 0));
    const end = (error?: Error): void => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.once('timeout', () => end(new Error(`no answer within ${withinMs / 1000} s`)));
    socket.once('error', end);
    socket.once('close', () => end(new Error('it closed the connection')));
    socket.once('data', (chunk: Buffer) =>
      end(chunk.subarray(0, 5).toString('latin1') === 'INFO ' ? undefined : new Error('it is not a NATS server')),
    );
  });
