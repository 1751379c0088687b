import { once } from 'node:events';
import { connect, constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { listen, type GrpcService } from './listen.ts';

const bytes = (value: Buffer): Buffer => value;
const path = '/test.Test/Refuse';
const details = 'enough';

/** Answers with as many messages as the first one has bytes, then refuses the stream. */
const refusing: GrpcService = {
  addTo: (server) =>
    void server.addService(
      {
        Refuse: {
          path,
          requestStream: true,
          responseStream: true,
          requestSerialize: bytes,
          requestDeserialize: bytes,
          responseSerialize: bytes,
          responseDeserialize: bytes,
        },
      },
      {
        Refuse: (call: ServerDuplexStream<Buffer, Buffer>) =>
          void call.on('data', (message: Buffer) => {
            for (let i = 0; i < message.length; i += 1) call.write(Buffer.alloc(1000));
            call.emit('error', Object.assign(new Error(details), { code: status.RESOURCE_EXHAUSTED, details }));
          }),
      },
    ),
};
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(): Promise<() => ClientHttp2Stream> {
  const listening = await listen([refusing], { at: { host: '127.0.0.1', port: 0 } });
  closers.push(() => listening.close(0));
  const session = connect(`http://127.0.0.1:${listening.port}`);
  closers.push(() => session.destroy());
  return () =>
    session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
}
const messageOf = (length: number): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 0, length]), Buffer.alloc(length)]);

describe('a call that is refused', () => {
  it.each([0, 1, 60])('after %d responses is over at once, though its client never ends it', async (responses) => {
    const call = await open();
    for (let i = 0; i < 10; i += 1) {
      const stream = call();
      let received = 0;
      let seen: IncomingHttpHeaders = {};
      stream.on('data', (chunk: Buffer) => (received += chunk.length));
      // Without messages before it, the status comes in the header.
      stream.on('response', (headers) => (seen = { ...seen, ...headers }));
      stream.on('trailers', (headers) => (seen = { ...seen, ...headers }));
      stream.write(messageOf(responses));
      await once(stream, 'close');
      expect(received).toBe(responses * 1005);
      expect(seen).toMatchObject({ 'grpc-status': String(status.RESOURCE_EXHAUSTED), 'grpc-message': details });
      expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    }
  });
});
