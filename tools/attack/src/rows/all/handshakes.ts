import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type ConnectionOptions } from 'node:tls';
import { expect, type Attack, type Service } from '../../attack.ts';
import { closedWithin, many, tcp, tls } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';
import type { Port } from '../../mesh/places.ts';

const ports: readonly { readonly port: Port; readonly service: Service }[] = [
  { port: 'secure-xds', service: 'pilot' },
  { port: 'ca', service: 'citadel' },
  { port: 'webhook', service: 'sidecar-injector' },
];

/** The first bytes of a client: the TLS record with its ClientHello. */
const helloOf = (options: ConnectionOptions = {}): Promise<Buffer> =>
  new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write: (bytes: Buffer, _encoding, done) => {
        resolve(bytes);
        done();
      },
    });
    connect({ socket, servername: 'localhost', ...options }).on('error', () => {});
  });

interface Kind {
  readonly name: string;
  readonly describe: string;
  readonly deadlineMs?: number;
  readonly run: (mesh: Mesh, port: Port) => Promise<void>;
}
/** Sends bytes on many connections, which must all be closed. */
async function allClosed(mesh: Mesh, port: Port, bytes: (i: number) => Buffer): Promise<void> {
  let sent = 0;
  const sockets = await many(200, async () => {
    const socket = await tcp(mesh.place(port));
    socket.write(bytes(sent));
    sent += 1;
    return socket;
  });
  mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
  const areClosed = await Promise.all(sockets.map((socket) => closedWithin(socket, 10_000)));
  const left = areClosed.filter((isClosed) => !isClosed).length;
  expect('no connection to be open after 10 s', `${left} of ${sockets.length}`, left === 0);
}

const kinds: readonly Kind[] = [
  {
    name: '200 half ClientHellos',
    describe: 'a ClientHello that stops half way, on 200 connections: closed within 10 s, other clients are served',
    run: async (mesh, port) => {
      const hello = await helloOf();
      await allClosed(mesh, port, () => hello.subarray(0, hello.length >> 1));
    },
  },
  {
    name: '200 ClientHellos and nothing more',
    describe:
      'a complete ClientHello and nothing more, on 200 connections: closed within 10 s, other clients are served',
    run: async (mesh, port) => {
      const hello = await helloOf();
      await allClosed(mesh, port, () => hello);
    },
  },
  {
    name: '200 ClientHellos with changed bytes',
    describe: 'ClientHellos with some bytes changed: closed, the process keeps running',
    run: async (mesh, port) => {
      const hello = await helloOf();
      await allClosed(mesh, port, () => {
        const bytes = Buffer.from(hello);
        for (let i = 0; i < 8; i += 1) bytes[5 + mesh.random.below(bytes.length - 5)] = mesh.random.below(256);
        return bytes;
      });
    },
  },
  {
    name: 'a ClientHello in one-byte records',
    describe: 'a handshake cut into the smallest records: answered or closed, other clients are served',
    run: async (mesh, port) => {
      const hello = await helloOf();
      const records = [...hello.subarray(5)].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte]));
      await allClosed(mesh, port, () => Buffer.concat(records));
    },
  },
  {
    name: '100,000 alerts',
    describe: 'warnings instead of a handshake: closed',
    run: (mesh, port) => allClosed(mesh, port, () => Buffer.from('1503030002015a'.repeat(500), 'hex')),
  },
  {
    name: '500 server names',
    describe: 'handshakes with different 255-character names: memory stays bounded, other clients are served',
    deadlineMs: 60_000,
    run: async (mesh, port) => {
      for (let i = 0; i < 500; i += 1) {
        const socket = connect({
          ...mesh.place(port),
          servername: `${i}${'.x'.repeat(120)}`,
          rejectUnauthorized: false,
        });
        socket.on('error', () => {});
        mesh.onClose(() => socket.destroy());
        if (i % 25 === 24) await pause(100);
      }
    },
  },
  {
    name: '3,000 ALPN protocols',
    describe:
      'the longest list of protocols that is allowed, on 100 connections: closed or answered, other clients are served',
    run: async (mesh, port) => {
      const protocols = Array.from({ length: 3000 }, (_, i) => `protocol-${i}`);
      const sockets = await many(100, () => tls(mesh.place(port), { alpn: protocols }));
      for (const socket of sockets) socket.destroy();
    },
  },
  {
    name: '1,000 renegotiations',
    describe: 'repeated handshakes on TLS 1.2 connections: closed, other clients are served',
    deadlineMs: 60_000,
    run: async (mesh, port) => {
      const alpn = port === 'webhook' ? ['http/1.1'] : ['h2'];
      const certificate = await mesh.certificate();
      const sockets = await many(10, () => tls(mesh.place(port), { alpn, certificate, maxVersion: 'TLSv1.2' }));
      mesh.onClose(() => sockets.forEach((socket) => socket.destroy()));
      // Each renegotiation adds listeners of Node's own.
      for (const socket of sockets) socket.setMaxListeners(0);
      for (const socket of sockets)
        for (let i = 0; i < 100 && !socket.destroyed; i += 1)
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, 200);
            const done = (): void => {
              clearTimeout(timer);
              resolve();
            };
            if (socket.renegotiate({ rejectUnauthorized: false }, done) === false) done();
          });
    },
  },
];

/** Handshakes of TLS that no honest client makes. */
export const handshakes: readonly Attack[] = ports.flatMap(({ port, service }) =>
  kinds.map(({ name, describe, deadlineMs = 40_000, run }): Attack => ({
    service,
    kind: 'handshakes',
    name: `${name} on ${port}`,
    describe,
    deadlineMs,
    run: (mesh) => run(mesh, port),
  })),
);
