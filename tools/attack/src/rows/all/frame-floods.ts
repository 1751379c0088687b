import type { Attack, Service } from '../../attack.ts';
import {
  callBlock,
  connected,
  frame,
  frames,
  greet,
  grpcPorts,
  requestBlock,
  streamId,
  write,
} from '../../clients/frames.ts';
import { methods } from '../../clients/calls.ts';
import type { Port } from '../../mesh/places.ts';

interface Flood {
  readonly flood: (i: number) => Buffer;
  readonly count: number;
  /** How many frames are written at once. */
  readonly chunk?: number;
  /** Frames that are sent first. */
  readonly first?: (port: Port) => Buffer;
}

/** A row that sends many frames on one connection, as long as that is open. */
export const floods =
  (name: string, describe: string, { flood, count, chunk = 500, first }: Flood) =>
  (port: Port, service: Service): Attack => ({
    service,
    kind: 'http2',
    name: `${name} on ${port}`,
    describe,
    run: async (mesh) => {
      const socket = await connected(mesh, port);
      await greet(socket);
      if (first) await write(socket, first(port));
      for (let i = 0; i < count && !socket.destroyed; i += chunk)
        await write(socket, Buffer.concat(Array.from({ length: Math.min(chunk, count - i) }, (_, j) => flood(i + j))));
    },
  });

const setting = (id: number, value: number): Buffer => {
  const entry = Buffer.alloc(6);
  entry.writeUInt16BE(id);
  entry.writeUInt32BE(value, 2);
  return entry;
};
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const callOn = (port: Port): Buffer =>
  frame(frames.headers, {
    flags: frames.endHeaders,
    stream: 1,
    payload: callBlock(port === 'ca' ? methods.certificate : methods.delta),
  });
/** A header of 3,800 bytes that is put into the table, so that one byte names it again (RFC 7541, 6.2.1). */
const large = Buffer.concat([
  Buffer.from([0x40, 3]),
  Buffer.from('x-a'),
  Buffer.from([0x7f, 0xd9, 0x1c]),
  Buffer.alloc(3800, 0x61),
]);
const bounded = 'the connection is closed or cheap, other clients are served';

const kinds = [
  floods('100,000 header table sizes', `header table sizes that go up and down: ${bounded}`, {
    count: 100_000,
    chunk: 2000,
    flood: (i) => frame(frames.settings, { payload: setting(1, i % 2 === 0 ? 0 : 0xffff_ffff) }),
  }),
  floods('settings with 2,700 entries', `200 SETTINGS frames of the greatest length: ${bounded}`, {
    count: 200,
    chunk: 10,
    flood: () => frame(frames.settings, { payload: Buffer.concat(Array.from({ length: 2700 }, () => setting(4, 1))) }),
  }),
  floods('windows that open and close', `initial windows of 0 and 2^31-1 in turn, under a call: ${bounded}`, {
    count: 50_000,
    first: callOn,
    flood: (i) => frame(frames.settings, { payload: setting(4, i % 2 === 0 ? 0 : 0x7fff_ffff) }),
  }),
  floods('200,000 ping acknowledgements', `acknowledgements of pings that were never sent: ${bounded}`, {
    count: 200_000,
    chunk: 5000,
    flood: () => frame(frames.ping, { flags: frames.ack, payload: Buffer.alloc(8) }),
  }),
  floods('100,000 priorities', `priorities of streams that do not exist, one after the other: ${bounded}`, {
    count: 100_000,
    chunk: 2000,
    flood: (i) =>
      frame(frames.priority, {
        stream: streamId(i),
        payload: Buffer.concat([uint32(streamId(i + 1)), Buffer.from([255])]),
      }),
  }),
  floods('20,000 GOAWAY frames', `repeated GOAWAY: ${bounded}`, {
    count: 20_000,
    flood: (i) => frame(frames.goaway, { payload: Buffer.concat([uint32(0x7fff_ffff - i), uint32(0)]) }),
  }),
  floods('PUSH_PROMISE from a client', 'PUSH_PROMISE, which only servers may send: the connection is closed', {
    count: 1000,
    flood: (i) => frame(frames.pushPromise, { flags: frames.endHeaders, stream: 1, payload: uint32(2 * i + 2) }),
  }),
  floods('200,000 empty DATA frames', `a call whose message never arrives: ${bounded}`, {
    count: 200_000,
    chunk: 5000,
    first: callOn,
    flood: () => frame(frames.data, { stream: 1 }),
  }),
  floods('50,000 DATA frames with nothing but padding', `a call whose message consists of padding: ${bounded}`, {
    count: 50_000,
    first: callOn,
    flood: () => frame(frames.data, { flags: frames.padded, stream: 1, payload: Buffer.alloc(256, 255) }),
  }),
  floods('100,000 empty messages', `a call with empty messages: ${bounded}`, {
    count: 2000,
    chunk: 20,
    first: callOn,
    flood: () => frame(frames.data, { stream: 1, payload: Buffer.alloc(5 * 50) }),
  }),
  floods('windows beyond 2^31', 'a window that overflows: the stream or the connection is closed', {
    count: 100,
    first: callOn,
    flood: (i) => frame(frames.windowUpdate, { stream: i % 2, payload: uint32(0x7fff_ffff) }),
  }),
  floods('10,000 references to a 3,800-byte header', `a few bytes that expand to 38 MB: ${bounded}`, {
    count: 200,
    chunk: 10,
    flood: (i) =>
      frame(frames.headers, {
        flags: frames.endHeaders | frames.endStream,
        stream: streamId(i),
        payload: Buffer.concat([
          requestBlock,
          ...(i === 0 ? [large] : []),
          Buffer.alloc(i === 0 ? 1000 : 10_000, 0xbe),
        ]),
      }),
  }),
  floods('repeated trailers', 'headers on a stream that already has them: the connection is closed', {
    count: 5000,
    first: callOn,
    flood: () => frame(frames.headers, { flags: frames.endHeaders, stream: 1, payload: Buffer.from([0x83]) }),
  }),
  floods('data for closed streams', `data for streams that were never opened: ${bounded}`, {
    count: 5000,
    flood: (i) => frame(frames.data, { stream: streamId(i), payload: Buffer.alloc(1000) }),
  }),
  floods('continuations without a beginning', 'a protocol error: the connection is closed', {
    count: 1000,
    flood: (i) => frame(frames.continuation, { stream: streamId(i), payload: Buffer.alloc(100) }),
  }),
  floods('16 MB frames', 'frames larger than SETTINGS_MAX_FRAME_SIZE: the connection is closed', {
    count: 5,
    chunk: 1,
    flood: () => frame(frames.data, { stream: 1, payload: Buffer.alloc(0xff_ffff) }),
  }),
];

/** Floods of frames of every type, on each port that speaks HTTP/2. */
export const frameFloods: readonly Attack[] = grpcPorts.flatMap(({ port, service }) =>
  kinds.map((kind) => kind(port, service)),
);
