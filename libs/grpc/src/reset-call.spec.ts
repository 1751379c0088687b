import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  status,
  type handleBidiStreamingCall,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { resetCall } from './reset-call.ts';

const identity = (bytes: Buffer): Buffer => bytes;
const method = {
  path: '/test/Talk',
  requestStream: true,
  responseStream: true,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

it.each([
  ['as it is', []],
  ['behind interceptors', [1, 2]],
])('ends a call whose client takes nothing: %s', async (_how, layers) => {
  const server = new Server({ interceptors: layers.map(() => (_method, call) => new ServerInterceptingCall(call)) });
  const opened = Promise.withResolvers<ServerDuplexStream<Buffer, Buffer>>();
  server.addService({ Talk: method }, {
    Talk: (call: ServerDuplexStream<Buffer, Buffer>) => opened.resolve(call),
  } as unknown as Record<string, handleBidiStreamingCall<unknown, unknown>>);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    const stream = client.makeBidiStreamRequest(method.path, identity, identity);
    const ended = new Promise<{ code?: number }>((resolve) => stream.on('error', resolve));
    stream.write(Buffer.alloc(1));
    const call = await opened.promise;
    const closed = new Promise((resolve) => call.on('close', resolve));
    for (let i = 0; i < 20; i += 1) call.write(Buffer.alloc(1 << 20));
    expect(resetCall(call)).toBe(true);
    await closed;
    stream.resume();
    expect((await ended).code).toBe(status.CANCELLED);
    expect(resetCall(call)).toBe(true);
  } finally {
    client.close();
    server.forceShutdown();
  }
});

it('says when there is nothing to reset', () => expect(resetCall({})).toBe(false));
