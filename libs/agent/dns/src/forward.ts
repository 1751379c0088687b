import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Transport } from './answer.ts';
import { readMessages, withLength } from './tcp-framing.ts';

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

/** Sends a query to one server; resolves with its answer, rejects after `timeoutMs` or when it can't be reached. */
export const forward = (
  query: Buffer,
  upstream: Upstream,
  { transport, timeoutMs }: { transport: Transport; timeoutMs: number },
): Promise<Buffer> => (transport === 'udp' ? overUdp : overTcp)(query, upstream, timeoutMs);

function overUdp(query: Buffer, { address, port }: Upstream, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => done(new Error('timed out')), timeoutMs);
    const done = (error: Error | undefined, answer?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      if (answer) resolve(answer);
      else reject(error ?? new Error('no answer'));
    };
    socket.once('error', done);
    // The socket's own random port and the id keep off answers that are not ours.
    socket.on('message', (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) done(undefined, answer);
    });
    socket.connect(port, address, () => socket.send(query, (error) => error && done(error)));
  });
}

function overTcp(query: Buffer, { address, port }: Upstream, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs }, () => socket.write(withLength(query)));
    const timer = setTimeout(() => socket.destroy(new Error('timed out')), timeoutMs);
    readMessages(socket)
      .next()
      .then(({ value }) => {
        if (value) resolve(value as Buffer);
        socket.destroy();
      }, reject);
    socket.once('timeout', () => socket.destroy(new Error('timed out')));
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('closed without an answer'));
    });
  });
}
