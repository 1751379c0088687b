import type { Socket } from 'node:net';
import type { Service } from '../attack.ts';
import type { Mesh } from '../mesh/attacked-mesh.ts';
import type { Port } from '../mesh/places.ts';
import { tcp, tls } from './sockets.ts';

/** Ports that speak HTTP/2, and the service behind each. */
export const grpcPorts: readonly { readonly port: Port; readonly service: Service }[] = [
  { port: 'xds', service: 'pilot' },
  { port: 'secure-xds', service: 'pilot' },
  { port: 'ca', service: 'citadel' },
];
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Types of frames, and flags (RFC 9113, 6). */
export const frames = {
  data: 0,
  headers: 1,
  priority: 2,
  rst: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  ack: 1,
  endStream: 1,
  endHeaders: 4,
  padded: 8,
} as const;

/** A frame (RFC 9113, 4.1). */
export function frame(
  type: number,
  {
    flags = 0,
    stream = 0,
    payload = Buffer.alloc(0),
  }: { readonly flags?: number; readonly stream?: number; readonly payload?: Buffer } = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** `:method: POST`, `:scheme: http`, `:path: /` of the static table (RFC 7541, A). */
export const requestBlock = Buffer.from([0x83, 0x86, 0x84]);
const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
/** A header field without indexing (RFC 7541, 6.2.2). */
export const header = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0]), literal(name), literal(value)]);
/** The headers of a gRPC call. */
export const callBlock = (path: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x83, 0x86]),
    header(':path', path),
    header('content-type', 'application/grpc'),
    header('te', 'trailers'),
  ]);
/** The number of a client's stream. */
export const streamId = (i: number): number => 2 * i + 1;

/** A connection, with a workload's certificate where there is TLS; what comes back is dropped. */
export async function connected(mesh: Mesh, port: Port): Promise<Socket> {
  const socket =
    port === 'xds'
      ? await tcp(mesh.place(port))
      : await tls(mesh.place(port), { certificate: await mesh.certificate() });
  mesh.onClose(() => socket.destroy());
  socket.resume();
  return socket;
}

/** Resolves when the peer has taken the bytes, or after a second. */
export const write = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const timer = setTimeout(resolve, 1000);
    socket.write(bytes, () => (clearTimeout(timer), resolve()));
  });

/** The beginning of each client's connection. */
export const greet = (socket: Socket): Promise<void> => write(socket, Buffer.concat([preface, frame(frames.settings)]));
