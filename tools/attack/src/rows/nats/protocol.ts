import { setTimeout as pause } from 'node:timers/promises';
import { table, type Attack } from '../../attack.ts';
import { many, tcp } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const says = (name: string, text: (mesh: Mesh) => string | Buffer, count = 20): Row => ({
  name,
  describe: 'protocol errors before TLS: the connection is closed, other clients are served',
  shapes: ['fleet'],
  run: async (mesh) => {
    const sockets = await many(count, () => tcp(mesh.place('nats')));
    mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
    for (const socket of sockets) socket.resume().write(text(mesh));
    await pause(2000);
  },
});

/** Bytes on the port of NATS. */
export const protocol = table({ service: 'nats', kind: 'nats-protocol' }, [
  says('CONNECT in plain text', () => 'CONNECT {"user":"galley","pass":"x","verbose":false}\r\nPING\r\n'),
  says('a message of 2^63 bytes', () => 'PUB flotilla.default.log 9223372036854775807\r\n'),
  says('10,000 brackets as CONNECT', () => `CONNECT ${'['.repeat(10_000)}\r\n`),
  says('1 MB without a line end', () => 'PING '.repeat(200_000)),
  says('random bytes', (mesh) => mesh.random.bytes(20_000)),
  says('500 pings each', () => 'PING\r\n'.repeat(500), 100),
]);
