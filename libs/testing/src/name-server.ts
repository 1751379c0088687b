import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import * as packet from 'dns-packet';

/** A DNS server on this machine. */
export interface NameServer {
  /** `address:port`. */
  readonly address: string;
  close(): void;
}

/** Answers each question for the IPv4 addresses of a name as a test says; no other question has an answer. */
export async function startNameServer(addressesOf: (name: string) => readonly string[]): Promise<NameServer> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, { address, port }) => {
    const { id, questions = [] } = packet.decode(bytes);
    const answers = questions.flatMap(({ name, type }) =>
      type === 'A' ? addressesOf(name).map((data) => ({ type, name, data, ttl: 0 }) as const) : [],
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
