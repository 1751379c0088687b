import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import * as packet from 'dns-packet';

/** A DNS server on this machine. */
export interface NameServer {
  /** `address:port`. */
  readonly address: string;
  close(): void;
}

/**
 * Answers each question for the IPv4 addresses of a name as a test says, and any other question with no addresses.
 * `silent` names are never answered.
 */
export async function startNameServer(
  addressesOf: (name: string) => readonly string[] | 'silent',
): Promise<NameServer> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { address, port }) => {
    const { id, questions = [] } = packet.decode(bytes);
    const found = questions.map(({ name, type }) => ({ name, type, addresses: addressesOf(name) }));
    if (found.some(({ addresses }) => addresses === 'silent')) return;
    const answers = found.flatMap(({ name, type, addresses }) =>
      type === 'A' ? [...addresses].map((data) => ({ type, name, data, ttl: 0 }) as const) : [],
    );
    socket.send(
      packet.encode({ type: 'response', ...(id === undefined ? {} : { id }), questions, answers }),
      port,
      address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}
